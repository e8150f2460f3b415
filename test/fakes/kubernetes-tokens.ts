/** Tokens of service accounts in a small cluster: requested for an audience and a pod, and reviewed, as a real cluster does it. */
import { randomBytes } from 'node:crypto';
import type { Stored } from './kubernetes-watch.ts';

interface Claims {
  readonly username: string;
  readonly audiences: readonly string[];
  readonly node: string | null;
}

export class Tokens {
  readonly #claims = new Map<string, Claims>();

  /** Null: the path is none of ours. */
  respond(path: string, body: Stored, nodeOfPod: (namespace: string, pod: string) => string | null): object | null {
    const [, namespace, account] = /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/.exec(path) ?? [];
    const spec = (body['spec'] ?? {}) as Record<string, unknown>;
    if (namespace !== undefined && account !== undefined) {
      const bound = (spec['boundObjectRef'] ?? {}) as { readonly name?: string };
      const token = randomBytes(24).toString('base64url');
      this.#claims.set(token, {
        username: `system:serviceaccount:${namespace}:${account}`,
        audiences: (spec['audiences'] ?? ['api']) as string[],
        node: bound.name === undefined ? null : nodeOfPod(namespace, bound.name),
      });
      return { kind: 'TokenRequest', status: { token, expirationTimestamp: '2099-01-01T00:00:00Z' } };
    }
    return path === '/apis/authentication.k8s.io/v1/tokenreviews'
      ? { kind: 'TokenReview', status: this.#review(spec) }
      : null;
  }

  #review(spec: Record<string, unknown>): object {
    const claims = this.#claims.get(String(spec['token']));
    if (claims === undefined) return { authenticated: false, error: 'invalid bearer token' };
    const audiences = claims.audiences.filter((one) => (spec['audiences'] as string[]).includes(one));
    if (audiences.length === 0)
      return { authenticated: false, error: 'token audiences are invalid for the target audiences' };
    const extra = claims.node === null ? {} : { 'authentication.kubernetes.io/node-name': [claims.node] };
    return { authenticated: true, audiences, user: { username: claims.username, extra } };
  }
}
