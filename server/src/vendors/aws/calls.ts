/**
 * Calls of AWS as data: the SDK's client, the operation's name and its input. Clients are loaded when they are first needed.
 *
 * The surprise: an operation that the SDK does not have is an error here and not a call, so that a plan with a typing mistake fails in
 * its test and not at night.
 */
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { downloadSigned } from './download.ts';

/** One call of the SDK. */
export interface Call {
  /** The SDK's client: `cloudtrail`, `ec2`, `s3-control`. */
  readonly service: string;
  /** `StartLogging`. */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Makes calls in one account and region. */
export interface Caller {
  /** @returns the answer. @throws CallFailure. */
  call(call: Call): Promise<Readonly<Record<string, unknown>>>;
  /**
   * The bytes behind a signed address that an answer gave, of a host of AWS. Left out: nothing can be fetched.
   *
   * @returns null when there are more than that. @throws CallFailure.
   */
  download?(address: string, mostBytes: number): Promise<Uint8Array | null>;
}

/** How a call ended badly. */
export class CallFailure extends Error {
  /** AWS's own word: `AccessDenied`, `NoSuchBucketPolicy`, `ThrottlingException`. */
  readonly code: string;
  /** Trying again later may help. */
  readonly retryable: boolean;

  constructor(code: string, message: string, retryable: boolean) {
    super(message);
    this.name = 'CallFailure';
    this.code = code;
    this.retryable = retryable;
  }
}

type Sdk = Readonly<Record<string, unknown>>;

const CLIENTS: Readonly<Record<string, readonly [client: string, load: () => Promise<Sdk>]>> = {
  cloudtrail: ['CloudTrailClient', () => import('@aws-sdk/client-cloudtrail')],
  cloudwatch: ['CloudWatchClient', () => import('@aws-sdk/client-cloudwatch')],
  'cloudwatch-logs': ['CloudWatchLogsClient', () => import('@aws-sdk/client-cloudwatch-logs')],
  'config-service': ['ConfigServiceClient', () => import('@aws-sdk/client-config-service')],
  ec2: ['EC2Client', () => import('@aws-sdk/client-ec2')],
  ecr: ['ECRClient', () => import('@aws-sdk/client-ecr')],
  eks: ['EKSClient', () => import('@aws-sdk/client-eks')],
  eventbridge: ['EventBridgeClient', () => import('@aws-sdk/client-eventbridge')],
  guardduty: ['GuardDutyClient', () => import('@aws-sdk/client-guardduty')],
  iam: ['IAMClient', () => import('@aws-sdk/client-iam')],
  kms: ['KMSClient', () => import('@aws-sdk/client-kms')],
  lambda: ['LambdaClient', () => import('@aws-sdk/client-lambda')],
  organizations: ['OrganizationsClient', () => import('@aws-sdk/client-organizations')],
  rds: ['RDSClient', () => import('@aws-sdk/client-rds')],
  rolesanywhere: ['RolesAnywhereClient', () => import('@aws-sdk/client-rolesanywhere')],
  'route-53': ['Route53Client', () => import('@aws-sdk/client-route-53')],
  'route-53-domains': ['Route53DomainsClient', () => import('@aws-sdk/client-route-53-domains')],
  s3: ['S3Client', () => import('@aws-sdk/client-s3')],
  's3-control': ['S3ControlClient', () => import('@aws-sdk/client-s3-control')],
  'secrets-manager': ['SecretsManagerClient', () => import('@aws-sdk/client-secrets-manager')],
  securityhub: ['SecurityHubClient', () => import('@aws-sdk/client-securityhub')],
  sns: ['SNSClient', () => import('@aws-sdk/client-sns')],
  sqs: ['SQSClient', () => import('@aws-sdk/client-sqs')],
  'sso-admin': ['SSOAdminClient', () => import('@aws-sdk/client-sso-admin')],
  wafv2: ['WAFV2Client', () => import('@aws-sdk/client-wafv2')],
};

const RETRYABLE =
  /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ServiceUnavailable|InternalError|InternalFailure|Timeout|EntityTemporarilyUnmodifiable|ConcurrentModification|OptimisticLock|ChangesInProgress|PriorRequestNotComplete|UnavailableEntity|OperationAborted|^ConflictException$|ResourceConflict|ResourceInUse/i;
const MOST_ATTEMPTS = 3;

export interface CallerSettings {
  readonly region: string;
  /** Assumed in the account; null: the credentials that the SDK finds. */
  readonly roleArn: string | null;
  readonly externalId: string | null;
  readonly sessionName: string;
  /** For emulators and private endpoints. */
  readonly endpoint: string | null;
}

type SdkClient = { send(command: unknown): Promise<Record<string, unknown>> };
type Constructor = new (input: unknown) => unknown;

export function createCaller(settings: CallerSettings): Caller {
  const clients = new Map<string, Promise<{ sdk: Sdk; client: SdkClient }>>();
  return {
    async download(address, mostBytes) {
      const got = await downloadSigned(address, { mostBytes, endpoint: settings.endpoint });
      if (got.type === 'failed') throw new CallFailure('DownloadFailed', got.reason, true);
      return got.type === 'bytes' ? got.bytes : null;
    },
    async call({ service, operation, input }) {
      let opened = clients.get(service);
      if (opened === undefined) {
        opened = openClient(service, settings);
        clients.set(service, opened);
      }
      const { sdk, client } = await opened;
      const Command = sdk[`${operation}Command`] as Constructor | undefined;
      if (Command === undefined) throw new CallFailure('NoSuchOperation', `${service} has no ${operation}`, false);
      try {
        const { $metadata: _, ...answer } = await client.send(new Command({ ...input }));
        return answer;
      } catch (error) {
        throw toFailure(error);
      }
    },
  };
}

async function openClient(service: string, settings: CallerSettings): Promise<{ sdk: Sdk; client: SdkClient }> {
  const known = CLIENTS[service];
  if (known === undefined) throw new CallFailure('NoSuchService', `there is no client for ${service}`, false);
  const [name, load] = known;
  const sdk = await load();
  const { region, roleArn, externalId, sessionName, endpoint } = settings;
  const place = endpoint === null ? { region } : { region, endpoint };
  const credentials =
    roleArn === null
      ? {}
      : {
          credentials: fromTemporaryCredentials({
            params: {
              RoleArn: roleArn,
              RoleSessionName: sessionName,
              ...(externalId === null ? {} : { ExternalId: externalId }),
            },
            clientConfig: place,
          }),
        };
  const Client = sdk[name] as Constructor;
  // Names of accounts and buckets before the host's name lead nowhere at an endpoint that is one host.
  const oneHost = endpoint === null ? {} : service === 's3' ? { forcePathStyle: true } : { disableHostPrefix: true };
  const url =
    service === 's3-control' && endpoint !== null ? { endpointProvider: () => ({ url: new URL(endpoint) }) } : {};
  const client = new Client({ ...place, ...credentials, ...oneHost, ...url, maxAttempts: MOST_ATTEMPTS }) as SdkClient;
  return { sdk, client };
}

function toFailure(error: unknown): CallFailure {
  if (!(error instanceof Error)) return new CallFailure('Unknown', String(error), false);
  const { name, message } = error;
  const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
  // Without a status nothing came back: the network, not AWS.
  const retryable = RETRYABLE.test(name) || status === undefined || status >= 500;
  return new CallFailure(name, message, retryable);
}
