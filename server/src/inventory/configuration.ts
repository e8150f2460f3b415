/** `clusters:` and `applications:`: which clusters are followed, and what belongs together by a name of one's own. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../ground/config.ts';
import type { ClusterAccess } from '../vendors/kubernetes/cluster-connection.ts';
import type { CustomGroup } from './application.ts';
import { buildNetworks, type NetworksSection } from './networks/configuration.ts';
import type { NetworkFiles } from './networks/networks.ts';

const strict = { additionalProperties: false } as const;
const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '^[\\w.:/-]+$' });
const Text = Type.String({ minLength: 1, maxLength: 1_000 });

export const ClustersSection = Type.Array(
  Type.Object(
    {
      /** The name that its audit events have as account. */
      name: Name,
      kubeconfig: Type.Optional(Text),
      /** Of the kubeconfig; left out: its current one. */
      context: Type.Optional(Text),
      /** This server runs in a pod of it. */
      in_cluster: Type.Optional(Type.Boolean()),
      /** The service account whose pods join as agents of their nodes: `namespace/name`. Left out: none does. */
      agents: Type.Optional(Type.String({ maxLength: 500, pattern: '^[a-z0-9.-]+/[a-z0-9.-]+$' })),
    },
    strict,
  ),
  { maxItems: 200 },
);

export const ApplicationsSection = Type.Record(
  Type.String({ minLength: 1, maxLength: 200 }),
  Type.Array(Text, { minItems: 1, maxItems: 100 }),
  { maxProperties: 1_000 },
);

export interface ConfiguredCluster {
  readonly name: string;
  readonly access: ClusterAccess;
  /** `namespace/name` of the service account of agents; null: none joins by the cluster's word. */
  readonly agents: string | null;
}

export interface InventoryFile {
  readonly clusters?: Static<typeof ClustersSection>;
  readonly applications?: Static<typeof ApplicationsSection>;
  readonly networks?: Static<typeof NetworksSection>;
}

export interface InventoryConfiguration {
  /** Clusters that are followed. */
  readonly clusters: readonly ConfiguredCluster[];
  /** Applications by names of one's own. */
  readonly groups: readonly CustomGroup[];
  /** Names of addresses outside. */
  readonly networks: NetworkFiles;
}

export function buildInventory({ clusters = [], applications = {}, networks = {} }: InventoryFile): {
  readonly inventory: InventoryConfiguration;
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const complain = (path: readonly (string | number)[], message: string, hint: string) =>
    problems.push({ severity: 'error', path, message, hint });
  const built = clusters.map(
    ({ name, kubeconfig, context, in_cluster: isInCluster, agents }, index): ConfiguredCluster => {
      if (clusters.findIndex((other) => other.name === name) !== index)
        complain(
          ['clusters', index, 'name'],
          `the name '${name}' is used twice`,
          'give each cluster a name of its own',
        );
      if ((kubeconfig === undefined) === (isInCluster !== true))
        complain(
          ['clusters', index],
          'exactly one of kubeconfig and in_cluster is needed',
          'kubeconfig: PATH from outside, in_cluster: true from a pod of the cluster itself',
        );
      if (context !== undefined && kubeconfig === undefined)
        complain(
          ['clusters', index, 'context'],
          'a context belongs to a kubeconfig',
          'name the kubeconfig, or take it out',
        );
      return {
        name,
        agents: agents ?? null,
        access:
          kubeconfig === undefined
            ? { type: 'in-cluster' }
            : { type: 'kubeconfig', file: kubeconfig, context: context ?? null },
      };
    },
  );
  const groups = Object.entries(applications).map(([name, globs]) => ({ name, globs }));
  const names = buildNetworks(networks);
  return {
    inventory: { clusters: built, groups, networks: names.networks },
    problems: [...problems, ...names.problems],
  };
}
