/**
 * What moto lacks of AWS, before moto: a server that answers these calls itself, by AWS's protocols, and hands everything else on. It
 * keeps state, so that what is read afterwards is what was called, as the SDK wrote it.
 */
import { createServer, type IncomingMessage, request as ask, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { config } from './config.ts';
import { domains } from './domains.ts';
import { guardduty } from './guardduty.ts';
import { progress } from './progress.ts';
import { ec2, iam } from './query.ts';
import { rolesanywhere } from './rolesanywhere.ts';
import { securityhub } from './securityhub.ts';
import { wafv2 } from './wafv2.ts';

export type Json = Readonly<Record<string, unknown>>;

/** One call, as it came over the wire. */
export interface Wire {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  /** The operation, where the protocol names it in a header. */
  readonly operation: string | null;
  readonly body: Json;
  /** Of the protocol that sends a form, which names its `Action`. */
  readonly form: URLSearchParams;
}

export interface WireAnswer {
  readonly status: number;
  readonly body: Json;
  /** The error's name, for a status of 400 and more. */
  readonly error?: string;
  /** Instead of the body, of the protocols that answer with it. */
  readonly xml?: string;
}

/** Null: moto answers. A function: moto answers, in other words. */
export type Gap = (wire: Wire) => WireAnswer | null | ((given: Json) => Json);

export const answer = (body: Json = {}): WireAnswer => ({ status: 200, body });
export const refuse = (error: string, message: string, status = 400): WireAnswer => ({
  status,
  error,
  body: { message, __type: error },
});

export const answerXml = (xml: string): WireAnswer => ({ status: 200, body: {}, xml });
export const refuseXml = (error: string, message: string): WireAnswer => ({
  status: 400,
  body: {},
  xml: `<Response><Errors><Error><Code>${error}</Code><Message>${message}</Message></Error></Errors></Response>`,
});

export interface FakeAws {
  readonly endpoint: string;
  close(): void;
}

export async function startAws(moto: string): Promise<FakeAws> {
  // By the name that a call is signed for.
  const gaps: Readonly<Record<string, Gap>> = {
    config: config(),
    guardduty: guardduty(),
    securityhub: securityhub(),
    rolesanywhere: rolesanywhere(),
    route53domains: domains(),
    ec2: ec2(),
    eks: progress(),
    iam: iam(),
    sso: progress(),
    wafv2: wafv2(),
  };
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const signed = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
      const given = gaps[signed]?.(toWire(incoming, body)) ?? null;
      if (given === null || typeof given === 'function') pass(moto, { incoming, body, response, reword: given });
      else reply(response, given);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function toWire({ method = '', url = '', headers }: IncomingMessage, body: Buffer): Wire {
  const target = headers['x-amz-target'];
  const text = body.toString('utf8');
  return {
    method,
    path: decodeURIComponent(new URL(url, 'http://aws').pathname).replace(/\/$/, ''),
    operation: typeof target === 'string' ? (target.split('.').at(-1) ?? null) : null,
    body: text.startsWith('{') ? (JSON.parse(text) as Json) : {},
    form: new URLSearchParams(text.startsWith('Action=') || text.includes('&Action=') ? text : ''),
  };
}

function reply(response: ServerResponse, { status, body, error, xml }: WireAnswer): void {
  if (xml !== undefined) {
    response.writeHead(status, { 'content-type': 'text/xml' });
    response.end(xml);
    return;
  }
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(error === undefined ? {} : { 'x-amzn-errortype': error }),
  });
  response.end(JSON.stringify(body));
}

function pass(
  moto: string,
  {
    incoming,
    body,
    response,
    reword,
  }: {
    readonly incoming: IncomingMessage;
    readonly body: Buffer;
    readonly response: ServerResponse;
    readonly reword: ((given: Json) => Json) | null;
  },
): void {
  const { method, url = '', headers } = incoming;
  const onward = ask(new URL(url, moto), { method: method ?? 'GET', headers }, (answered) => {
    const status = answered.statusCode ?? 502;
    if (reword === null || status >= 400) {
      response.writeHead(status, answered.headers);
      answered.pipe(response);
      return;
    }
    const chunks: Buffer[] = [];
    answered.on('data', (chunk: Buffer) => chunks.push(chunk));
    answered.on('end', () =>
      reply(response, { status, body: reword(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json) }),
    );
  });
  onward.on('error', () => response.destroy());
  onward.end(body);
}
