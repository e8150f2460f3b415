/** Network policies of what was seen, as a file of YAML. */
import { Type } from 'typebox';
import type { Access, HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import { TimeRangeQuery, timeRangeOf, timeRangeView } from '../../ground/time-range.ts';
import type { ConnectionStore } from '../connections/store.ts';
import type { Networks } from '../networks/networks.ts';
import type { WorkloadStore } from '../store.ts';
import { networkPolicies } from './policy.ts';

export interface NetworkPolicyRoutesOptions {
  readonly connections: Pick<ConnectionStore, 'lineEnds'>;
  readonly workloads: Pick<WorkloadStore, 'addressed'>;
  readonly networks: Networks;
  /** Anybody who is signed in. */
  readonly access: Access;
  readonly nowMs: () => number;
}

const Text = Type.Optional(Type.String({ minLength: 1, maxLength: 600 }));
const PolicyQuery = Type.Object({ ...TimeRangeQuery, cluster: Text, namespace: Text, application: Text });

export function registerNetworkPolicyRoutes(
  server: HttpServer,
  { connections, workloads, networks, access, nowMs }: NetworkPolicyRoutesOptions,
): void {
  server.get(
    '/api/map/network-policy',
    { config: { access }, schema: { querystring: PolicyQuery } },
    async ({ query }, reply): Promise<string> => {
      const { cluster, namespace, application } = query;
      if (namespace === undefined && application === undefined)
        throw httpFailures.invalidInput('namespace, application', 'one of them is needed, as the map names it');
      const range = timeRangeOf(query, nowMs());
      const [{ ends, isCut }, known] = await Promise.all([
        connections.lineEnds(range, { process: false, container: false }),
        workloads.addressed(range),
      ]);
      const chosen = {
        ...(cluster === undefined ? {} : { cluster }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(application === undefined ? {} : { application }),
      };
      const networkOf = (ip: string) => networks.nameOf(ip);
      reply.type('application/yaml').header('content-disposition', 'attachment; filename="network-policy.yaml"');
      return networkPolicies({ ends, isCut, workloads: known, chosen, networkOf, ...timeRangeView(range) });
    },
  );
}
