/**
 * Calls of a Kubernetes API server as data, through the same port as those of AWS: one object, read, made, replaced or deleted.
 *
 * The surprise: whatever changes an object names the version that was looked at. A change in between is a conflict and no
 * overwriting.
 */
import { KubeConfig, type KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { type Caller, CallFailure } from '../aws/calls.ts';

export interface ClusterSettings {
  /** Path of a kubeconfig file; its current context is used. */
  readonly kubeconfig: string;
}

type Fields = Readonly<Record<string, unknown>>;

const MOST_CALL_MS = 30_000;
const RETRYABLE: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  422: 'Invalid',
  429: 'TooManyRequests',
};

export function createKubernetesCaller({ kubeconfig }: ClusterSettings): Caller {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = KubernetesObjectApi.makeApiClient(config);
  return {
    call: async ({ operation, input }) => {
      try {
        return await within(MOST_CALL_MS, perform(api, operation, input));
      } catch (error) {
        throw toFailure(error);
      }
    },
  };
}

async function perform(api: KubernetesObjectApi, operation: string, input: Fields): Promise<Fields> {
  const { object } = input;
  switch (operation) {
    case 'read':
      return asFields(await api.read(headerOf(object)));
    case 'list': {
      const { apiVersion, kind } = headerOf(object);
      return asFields(await api.list(apiVersion, kind));
    }
    case 'create':
      return asFields(await api.create(object as KubernetesObject));
    case 'replace':
      return asFields(await api.replace(object as KubernetesObject));
    case 'delete': {
      const preconditions = input['preconditions'] as Record<string, string> | undefined;
      const body = preconditions === undefined ? {} : { preconditions };
      return asFields(await api.delete(headerOf(object), undefined, undefined, undefined, undefined, undefined, body));
    }
    default:
      throw new CallFailure('NoSuchOperation', `kubernetes has no ${operation}`, false);
  }
}

interface Header {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

function headerOf(object: unknown): Header {
  const { apiVersion, kind, metadata } = object as Partial<Header>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    throw new CallFailure('Invalid', 'the object has no apiVersion or kind', false);
  return { apiVersion, kind, metadata: metadata ?? { name: '', namespace: '' } };
}

/** What the client made of JSON, as JSON again: dates are texts. */
function asFields(value: unknown): Fields {
  return JSON.parse(JSON.stringify(value ?? {})) as Fields;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CallFailure('Timeout', 'the API server did not answer in time', true)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function toFailure(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  const { code, body } = error as { readonly code?: unknown; readonly body?: unknown };
  if (typeof code !== 'number') {
    const message = error instanceof Error ? error.message : String(error);
    return new CallFailure('Unreachable', message, true);
  }
  return new CallFailure(REASONS[code] ?? `Status${code}`, messageOf(body), RETRYABLE.has(code));
}

function messageOf(body: unknown): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : text.slice(0, 300);
  } catch {
    return text.slice(0, 300);
  }
}
