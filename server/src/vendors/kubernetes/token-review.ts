/**
 * Asks a cluster whose token this is: an agent that runs there as a pod shows the token of its service account, and the cluster says in which pod
 * and on which node it is.
 *
 * The surprise: only tokens that were made for us are taken (an audience of our own). Any pod holds a token for the API server; none of those
 * opens a door here.
 */
import { type ClusterConnection, textOf } from './cluster-connection.ts';

export type Reviewed =
  | {
      readonly type: 'known';
      /** `namespace/name`. */
      readonly serviceAccount: string;
      /** The node that its pod is on; null: the cluster is too old to tell. */
      readonly node: string | null;
    }
  | { readonly type: 'refused'; readonly reason: string }
  /** The cluster cannot be asked. */
  | { readonly type: 'failed'; readonly reason: string };

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';
const LARGEST_ANSWER = 256 * 1024;
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const NODE = 'authentication.kubernetes.io/node-name';

export async function reviewToken(
  connection: ClusterConnection,
  { token, audience }: { readonly token: string; readonly audience: string },
): Promise<Reviewed> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: [audience] } };
  try {
    const response = await connection.send(PATH, { body });
    const text = await textOf(response, LARGEST_ANSWER);
    const status = response.statusCode ?? 0;
    if (status !== 201 && status !== 200) return { type: 'failed', reason: `${status} ${text.slice(0, 300)}` };
    return reviewedOf(JSON.parse(text), audience);
  } catch (error) {
    return { type: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

interface Answer {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly audiences?: readonly string[];
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

function reviewedOf(answer: unknown, audience: string): Reviewed {
  const { status = {} } = answer as Answer;
  if (status.authenticated !== true)
    return { type: 'refused', reason: String(status.error ?? 'the cluster does not know this token').slice(0, 300) };
  // A server that knows no audiences answers without any, and then the token may have been made for anybody.
  if (status.audiences?.includes(audience) !== true)
    return { type: 'refused', reason: `the token was not made for ${audience}` };
  const [, namespace, name] = SERVICE_ACCOUNT.exec(status.user?.username ?? '') ?? [];
  if (namespace === undefined || name === undefined)
    return { type: 'refused', reason: 'the token is of no service account' };
  return { type: 'known', serviceAccount: `${namespace}/${name}`, node: status.user?.extra?.[NODE]?.[0] ?? null };
}
