/**
 * The way into a Kubernetes API server. How we sign in is the client library's matter: a kubeconfig of any kind, or the service account of a pod,
 * whose token changes every hour and is read again.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { existsSync } from 'node:fs';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { type RequestOptions, request as httpsRequest } from 'node:https';

export type ClusterAccess =
  /** Null: the current context. */
  | { readonly type: 'kubeconfig'; readonly file: string; readonly context: string | null }
  | { readonly type: 'in-cluster' };

export interface Question {
  readonly query?: Readonly<Record<string, string>>;
  /** With one it is a POST. */
  readonly body?: object;
  readonly signal?: AbortSignal;
}

export interface ClusterConnection {
  /** Resolves with the headers; rejects when the server cannot be reached. */
  send(path: string, question: Question): Promise<IncomingMessage>;
}

const ANSWER_MS = 30_000;

/** @throws Error in words for people when the way into the cluster cannot be read. */
export function openCluster(access: ClusterAccess): ClusterConnection {
  const config = configOf(access);
  return { send: (path, question) => send(config, path, question) };
}

function configOf(access: ClusterAccess): KubeConfig {
  const config = new KubeConfig();
  if (access.type === 'in-cluster') {
    if (process.env['KUBERNETES_SERVICE_HOST'] === undefined)
      throw new Error('this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig instead');
    config.loadFromCluster();
    return config;
  }
  const { file, context } = access;
  if (!existsSync(file)) throw new Error(`there is no kubeconfig ${file}`);
  try {
    config.loadFromFile(file);
  } catch (error) {
    throw new Error(`${file} is no kubeconfig: ${error instanceof Error ? error.message : String(error)}`);
  }
  const names = config.getContexts().map(({ name }) => name);
  if (context !== null && !names.includes(context))
    throw new Error(`${file} has no context '${context}'; it has ${names.join(', ') || 'none'}`);
  if (context !== null) config.setCurrentContext(context);
  if (config.getCurrentCluster() === null) throw new Error(`${file} names no cluster for its current context`);
  return config;
}

async function send(config: KubeConfig, path: string, question: Question): Promise<IncomingMessage> {
  const { query = {}, body, signal } = question;
  const url = new URL(`${config.getCurrentCluster()?.server.replace(/\/+$/, '') ?? ''}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const headers = { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const options: RequestOptions = { method: body === undefined ? 'GET' : 'POST', headers, ...(signal && { signal }) };
  await config.applyToHTTPSOptions(options);
  const request = url.protocol === 'http:' ? httpRequest : httpsRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve);
    sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error('the API server did not answer in time')));
    sent.on('socket', (socket) => socket.setKeepAlive(true, ANSWER_MS));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The whole answer. @throws Error when it is longer than `most` bytes, or breaks off. */
export async function textOf(response: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > most) throw new Error(`the API server sent more than ${most} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
