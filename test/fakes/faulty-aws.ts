/**
 * A small proxy before an emulator of AWS that makes of its calls what a bad night makes of them: refused, throttled, answered and the answer
 * lost. It speaks the protocols in which the services say no.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

export interface Fault {
  /** `UpdateAssumeRolePolicy`, or the beginning of it. */
  readonly operation: string;
  /** `lost`: carried out, and nobody hears of it. */
  readonly kind: 'refused' | 'throttled' | 'lost';
  times: number;
}

export interface FaultyAws {
  readonly endpoint: string;
  /** What came, in order, by the operation's name. */
  readonly calls: string[];
  /** From now on, until their times are used up. */
  inject(...faults: Fault[]): void;
  close(): Promise<void>;
}

const ANSWERS = {
  refused: { status: 403, code: 'AccessDenied', message: 'not authorized to perform this' },
  throttled: { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' },
} as const;

export async function startFaultyAws(target: string): Promise<FaultyAws> {
  let faults: Fault[] = [];
  const calls: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const operation = operationOf(incoming, body.toString('latin1'));
      calls.push(operation);
      const fault = faults.find((one) => one.times > 0 && operation.startsWith(one.operation));
      if (fault === undefined) return pass({ target, incoming, body, outgoing, isLost: false });
      fault.times -= 1;
      if (fault.kind === 'lost') return pass({ target, incoming, body, outgoing, isLost: true });
      return refuse(incoming, outgoing, fault.kind);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    inject: (...given) => {
      faults = given;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** JSON protocols name it in a header, query protocols in the body; for S3 the method and the sub-resource must do. */
function operationOf({ headers, method, url = '' }: IncomingMessage, body: string): string {
  const header = headers['x-amz-target'];
  if (typeof header === 'string') return header.split('.').at(-1) ?? header;
  const action = /(?:^|&)Action=(\w+)/.exec(body)?.[1];
  return action ?? `${method ?? ''} ${/\?(\w+)/.exec(url)?.[1] ?? ''}`;
}

function refuse({ headers }: IncomingMessage, outgoing: ServerResponse, kind: 'refused' | 'throttled'): void {
  const { status, code, message } = ANSWERS[kind];
  const isJson = 'x-amz-target' in headers;
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  const isEc2 = /\/ec2\//.test(headers.authorization ?? '');
  const isS3 = /\/s3\//.test(headers.authorization ?? '');
  const xml = isS3
    ? error
    : isEc2
      ? `<Response><Errors>${error}</Errors></Response>`
      : `<ErrorResponse>${error}</ErrorResponse>`;
  outgoing.writeHead(status, { 'content-type': isJson ? 'application/x-amz-json-1.1' : 'text/xml' });
  outgoing.end(isJson ? JSON.stringify({ __type: code, message }) : xml);
}

interface Passing {
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly outgoing: ServerResponse;
  readonly isLost: boolean;
}

function pass({ target, incoming, body, outgoing, isLost }: Passing): void {
  const { method, headers, url } = incoming;
  const onward = request(`${target}${url ?? ''}`, { method, headers }, (answer) => {
    if (isLost) {
      answer.resume();
      answer.on('end', () => outgoing.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  onward.end(body);
}
