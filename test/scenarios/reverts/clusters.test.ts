/**
 * Reverts in clusters, through the same engine: against a small server that speaks the protocol, and against a real kube-apiserver where there is
 * one.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReverts, takeBaseline } from '../../../server/src/cases/revert/engine.ts';
import { toAuditEvent } from '../../../server/src/cases/revert/kubernetes/objects.ts';
import { createLedger } from '../../../server/src/cases/revert/ledger.ts';
import { entryOf } from '../../../server/src/cases/revert/rows.ts';
import { systemClock } from '../../../server/src/ground/clock.ts';
import { systemRandom } from '../../../server/src/ground/random.ts';
import type { State } from '../../../server/src/ground/state.ts';
import type { Caller } from '../../../server/src/vendors/aws/calls.ts';
import { createKubernetesCaller } from '../../../server/src/vendors/kubernetes/calls.ts';
import { APISERVER_PRESENT, type Cluster, startApiserver, startSmallCluster } from '../../fakes/kubernetes-api.ts';
import { openTestPglite } from '../../state.ts';

type Fields = Record<string, unknown>;
const RBAC = 'rbac.authorization.k8s.io/v1';
const MINUTES = 240_000;

const CLUSTERS = [
  { name: 'a small server of our own', present: true, start: startSmallCluster },
  { name: 'a real kube-apiserver', present: APISERVER_PRESENT, start: startApiserver },
];

test.skipIf(!APISERVER_PRESENT)('a real kube-apiserver is there (COUNTERSIGN_KUBE_APISERVER names it)', () => {
  expect(APISERVER_PRESENT).toBe(true);
});

describe.each(CLUSTERS.filter(({ present }) => present))('against $name', ({ start }) => {
  let cluster: Cluster;
  let state: State;
  let caller: Caller;
  let events = 0;
  beforeAll(async () => {
    cluster = await start();
    state = await openTestPglite();
    caller = createKubernetesCaller({ kubeconfig: cluster.kubeconfig });
  }, MINUTES);
  afterAll(async () => {
    await state?.close();
    await cluster?.close();
  });
  const api = (operation: string, object: Fields) =>
    caller.call({ service: 'kubernetes', operation, input: { object } });
  const read = (object: Fields) => api('read', object).catch(() => null);
  const reverts = () =>
    createReverts({
      ...{ state, clock: systemClock, random: systemRandom, ledger: createLedger(null), callerOf: () => caller },
      ...{ ownRoles: [], breakGlass: ['emergency-*'], mostPerAccount: 100 },
    });
  /** As the audit log tells it: the new object, never the old one. */
  const audit = (verb: string, resource: string, object: Fields, responseObject: unknown = object) => {
    events += 1;
    const { name, namespace } = object['metadata'] as Fields;
    const event = toAuditEvent(
      {
        ...{ auditID: `audit-${events}`, verb, stage: 'ResponseComplete', responseStatus: { code: 200 } },
        ...{ requestReceivedTimestamp: new Date().toISOString(), user: { username: 'mallory' } },
        objectRef: { resource, name, namespace, apiGroup: RBAC },
        responseObject,
      },
      'shop',
    );
    if (event === null) throw new Error('the catalogue does not want this event');
    return event;
  };
  const wish = (name: string, request: Fields) => {
    events += 1;
    return {
      eventId: `wish-${events}`,
      service: 'countersign',
      name,
      account: 'shop',
      region: 'cluster',
      timeMs: Date.now(),
      request,
      response: {},
    };
  };
  const ran = async (event: Parameters<ReturnType<typeof reverts>['plan']>[0]) => {
    const one = reverts();
    const [planned] = await one.plan(event, { caseId: null, mode: 'auto' });
    return { planned, ended: planned?.state === 'planned' ? await one.run(planned.id) : planned };
  };
  const enrol = async (event: ReturnType<typeof audit>) => {
    const entry = entryOf(event.service, event.name);
    const [resource] = entry?.resources(event) ?? [];
    if (entry === null || resource === undefined) throw new Error('no entry');
    await takeBaseline(
      { state, clock: systemClock },
      { entry, caller, resource, trust: 'enrolled', because: 'a test' },
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const binding = (name: string, subject: string, role = 'view') => ({
    ...{ apiVersion: RBAC, kind: 'ClusterRoleBinding', metadata: { name } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: subject }],
  });

  test(
    'a binding that makes somebody administrator is taken away, and undoing gives it back',
    async () => {
      const made = await api('create', binding('backdoor', 'mallory', 'cluster-admin'));
      const { planned, ended } = await ran(audit('create', 'clusterrolebindings', made));
      expect(ended).toMatchObject({ state: 'reverted', failure: null });
      expect(await read(binding('backdoor', 'mallory'))).toBeNull();
      expect(await reverts().undo(planned?.id ?? '', 'ann')).toMatchObject({ state: 'undone' });
      expect(await read(binding('backdoor', 'mallory'))).toMatchObject({ subjects: [{ name: 'mallory' }] });
    },
    MINUTES,
  );

  test(
    'a binding that was changed goes back to its baseline; one that was changed again is left alone',
    async () => {
      const before = (await api('create', binding('viewers', 'ann'))) as Fields;
      await enrol(audit('update', 'clusterrolebindings', before));
      const changed = await api('replace', {
        ...before,
        subjects: [{ ...(before['subjects'] as Fields[])[0], name: 'mallory' }],
      });
      const event = audit('update', 'clusterrolebindings', changed);
      expect((await ran(event)).ended).toMatchObject({ state: 'reverted' });
      const now = (await read(binding('viewers', ''))) as Fields;
      expect(now).toMatchObject({ subjects: [{ name: 'ann' }] });
      const again = await api('replace', {
        ...now,
        subjects: [{ ...(now['subjects'] as Fields[])[0], name: 'mallory' }],
      });
      await api('replace', { ...again, subjects: [{ ...(now['subjects'] as Fields[])[0], name: 'ben' }] });
      expect((await ran(audit('update', 'clusterrolebindings', again))).ended).toMatchObject({ state: 'conflict' });
    },
    MINUTES,
  );

  test(
    'a binding that was deleted comes back, with its role',
    async () => {
      const before = (await api('create', binding('auditors', 'ann'))) as Fields;
      await enrol(audit('delete', 'clusterrolebindings', before));
      await api('delete', before);
      expect((await ran(audit('delete', 'clusterrolebindings', before, { kind: 'Status' }))).ended).toMatchObject({
        state: 'reverted',
      });
      expect(await read(before)).toMatchObject({ roleRef: { name: 'view' }, subjects: [{ name: 'ann' }] });
    },
    MINUTES,
  );

  test(
    'a workload runs its trusted image again; what somebody else scaled meanwhile stays',
    async () => {
      await api('create', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }).catch(() => null);
      const template = (image: string) => ({
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image }] },
      });
      const before = (await api('create', {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: template('registry.example/web:1') },
      })) as Fields;
      await enrol(audit('patch', 'deployments', before));
      const spec = before['spec'] as Fields;
      const evil = JSON.parse(JSON.stringify(before).replace('registry.example/web:1', 'evil.example/web:1')) as Fields;
      const attacked = (await api('replace', evil)) as Fields;
      await api('replace', { ...attacked, spec: { ...(attacked['spec'] as Fields), replicas: 5 } });
      expect((await ran(audit('patch', 'deployments', attacked))).ended).toMatchObject({
        state: 'reverted',
        failure: null,
      });
      const now = (await read({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'shop' },
      })) as Fields;
      expect(JSON.stringify(now)).toContain('registry.example/web:1');
      expect(now['spec']).toMatchObject({ replicas: 5, selector: spec['selector'] as Fields });
    },
    MINUTES,
  );

  test(
    'a node takes no more pods, a pod is cut off, a pod is taken away; and undone',
    async () => {
      await api('create', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }).catch(() => null);
      await api('create', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' } },
      };
      await api('create', {
        ...pod,
        spec: { automountServiceAccountToken: false, containers: [{ name: 'web', image: 'registry.example/web:1' }] },
      });
      const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } };

      const cordoned = await ran(wish('CordonNode', { name: 'node-1' }));
      expect(cordoned.ended).toMatchObject({ state: 'reverted' });
      expect(await read(node)).toMatchObject({ spec: { unschedulable: true } });
      expect(await reverts().undo(cordoned.planned?.id ?? '', 'ann')).toMatchObject({ state: 'undone' });
      expect(((await read(node)) as { spec?: Fields }).spec?.['unschedulable'] ?? false).toBe(false);

      const cutOff = await ran(wish('QuarantinePod', { name: 'web-1', namespace: 'shop' }));
      expect(cutOff.ended).toMatchObject({ state: 'reverted' });
      const wall = {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'countersign-quarantine-web-1', namespace: 'shop' },
      };
      expect(await read(wall)).toMatchObject({ spec: { policyTypes: ['Ingress', 'Egress'] } });
      expect(await read(pod)).toMatchObject({
        metadata: { labels: { app: 'web', 'countersign.dev/quarantine': 'web-1' } },
      });
      expect(await reverts().undo(cutOff.planned?.id ?? '', 'ann')).toMatchObject({ state: 'undone' });
      expect(await read(wall)).toBeNull();
      expect(((await read(pod)) as { metadata: { labels: Fields } }).metadata.labels).toEqual({ app: 'web' });

      const gone = await ran(wish('DeletePod', { name: 'web-1', namespace: 'shop' }));
      expect(gone.ended).toMatchObject({ state: 'reverted' });
      expect(await read(pod)).toBeNull();
      const undone = await reverts().undo(gone.planned?.id ?? '', 'ann');
      expect(undone?.state === 'undone' ? await read(pod) : undone).toMatchObject({ metadata: { name: 'web-1' } });
    },
    MINUTES,
  );

  test(
    'what is kept for emergencies is never touched',
    async () => {
      const made = await api('create', binding('emergency-admins', 'ann', 'cluster-admin'));
      expect((await ran(audit('create', 'clusterrolebindings', made))).ended).toMatchObject({ state: 'conflict' });
    },
    MINUTES,
  );
});
