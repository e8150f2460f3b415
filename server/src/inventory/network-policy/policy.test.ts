/** Network policies of what was seen: they allow all of it, nothing else, and say what they could not say. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { allows, type Call, faultsOf, type NetworkPolicy } from '../../../../test/network-policy.ts';
import type { LineEnd } from '../connections/line-end.ts';
import type { KnownWorkload } from '../store.ts';
import { networkPolicies, type PolicyQuestion } from './policy.ts';

const WEB = pod('web', '10.244.0.5', { app: 'web', 'pod-template-hash': '7d9c6b5f4' });
const WEB_2 = pod('web', '10.244.1.5', { app: 'web', 'pod-template-hash': '5f47d9c6b' });
const API = pod('api', '10.244.0.6', { app: 'api', tier: 'backend' });
const DNS = {
  ...pod('coredns', '10.244.0.2', { 'k8s-app': 'kube-dns' }),
  namespace: 'kube-system',
  application: 'kube-system/deployment/coredns',
};
const API_SERVICE = service('api', '10.96.0.20', API.application, '80/tcp:8080');
const DNS_SERVICE = {
  ...service('kube-dns', '10.96.0.10', DNS.application, '53/udp:53 53/tcp:53'),
  namespace: 'kube-system',
};
const ROGUE = pod('rogue', '10.244.0.66', { app: 'rogue' });
const WORLD = [WEB, WEB_2, API, DNS, API_SERVICE, DNS_SERVICE, ROGUE];

function workload(changes: Partial<KnownWorkload>): KnownWorkload {
  return {
    kind: 'pod',
    id: '',
    tellers: ['cluster prod'],
    name: '',
    cluster: 'prod',
    namespace: 'shop',
    host: 'node-1',
    application: '',
    parent: null,
    addresses: [],
    labels: {},
    facts: {},
    firstMs: 0,
    lastMs: 1_000,
    endedMs: null,
    ...changes,
  };
}

function pod(name: string, ip: string, labels: Readonly<Record<string, string>>): KnownWorkload {
  return workload({ id: `${name}-${ip}`, name, addresses: [ip], labels, application: `shop/deployment/${name}` });
}

function service(name: string, ip: string, application: string, targets: string): KnownWorkload {
  return workload({ kind: 'service', id: `service-${name}`, name, addresses: [ip], application, facts: { targets } });
}

function end(changes: Partial<LineEnd>): LineEnd {
  return {
    host: 'node-1',
    scope: '',
    application: WEB.application,
    container: '',
    process: '',
    direction: 'out',
    protocol: 'tcp',
    localIp: '10.244.0.5',
    remoteIp: '10.96.0.20',
    remoteName: '',
    port: 80,
    opened: 1,
    failed: 0,
    sentBytes: 100,
    receivedBytes: 100,
    retransmits: 0,
    firstMs: 10,
    lastMs: 20,
    ...changes,
  };
}

/** The web asks for a name, calls the API through its service, and an address outside; somebody outside calls it. */
const SEEN = [
  end({ remoteIp: '10.96.0.10', port: 53, protocol: 'udp' }),
  end({}),
  end({ application: API.application, direction: 'in', localIp: '10.244.0.6', remoteIp: '10.244.0.5', port: 8080 }),
  end({ remoteIp: '203.0.113.9', remoteName: 'pay.example.com', port: 443 }),
  end({ direction: 'in', remoteIp: '198.51.100.7', port: 8443 }),
  end({ remoteIp: '203.0.113.66', port: 4444, opened: 3, failed: 3, sentBytes: 0, receivedBytes: 0 }),
];

const call = (from: string, to: string, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): Call => ({
  from,
  to,
  port,
  protocol,
});
const HAPPENED = [
  call('10.244.0.5', '10.244.0.2', 53, 'UDP'),
  call('10.244.0.5', '10.244.0.6', 8080),
  call('10.244.1.5', '10.244.0.6', 8080),
  call('10.244.0.5', '203.0.113.9', 443),
  call('198.51.100.7', '10.244.0.5', 8443),
];
const NEVER_HAPPENED = [
  call('10.244.0.66', '10.244.0.6', 8080),
  call('10.244.0.5', '10.244.0.6', 8081),
  call('10.244.0.5', '10.244.0.6', 8080, 'UDP'),
  call('10.244.0.6', '10.244.0.5', 8080),
  call('10.244.0.5', '203.0.113.10', 443),
  call('10.244.0.5', '203.0.113.66', 4444),
  call('10.244.0.5', '10.244.0.2', 53),
  call('198.51.100.7', '10.244.0.6', 8080),
];

function policies(changes: Partial<PolicyQuestion> = {}): string {
  return networkPolicies({
    ends: SEEN,
    workloads: WORLD,
    chosen: { namespace: 'shop' },
    networkOf: () => '',
    from: '2026-11-01T00:00:00.000Z',
    to: '2026-11-02T00:00:00.000Z',
    isCut: false,
    ...changes,
  });
}

function parsed(yaml: string): readonly NetworkPolicy[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    expect(document.errors).toEqual([]);
    const value = document.toJS() as NetworkPolicy | null;
    if (value === null) return [];
    expect(faultsOf(value, 'V1NetworkPolicy')).toEqual([]);
    return [value];
  });
}

function verdicts(yaml: string, calls: readonly Call[], world: readonly KnownWorkload[] = WORLD): readonly boolean[] {
  return calls.map((one) => allows(parsed(yaml), one, world));
}

test('a check that looks: what is no network policy has faults', () => {
  const spec = { podSelector: {}, egress: [{ too: [], ports: [{ port: true }] }] };
  expect(faultsOf({ spec }, 'V1NetworkPolicy')).toEqual([
    'V1NetworkPolicy.spec.egress[0].too is not known',
    'V1NetworkPolicy.spec.egress[0].ports[0].port is no IntOrString',
  ]);
});

describe('policies of a namespace', () => {
  test('allow everything that was seen, and nothing else', () => {
    const yaml = policies();
    expect(verdicts(yaml, HAPPENED)).toEqual(HAPPENED.map(() => true));
    expect(verdicts(yaml, NEVER_HAPPENED)).toEqual(NEVER_HAPPENED.map(() => false));
  });

  test('are written as people would write them', () => {
    expect(policies({ chosen: { application: WEB.application } })).toContain(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: countersign-deployment-web
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes:
    - Ingress
    - Egress
  ingress:
    - from:
        - ipBlock:
            cidr: 198.51.100.7/32
      ports:
        - protocol: TCP
          port: 8443
  egress:
    - to:
        # pay.example.com
        - ipBlock:
            cidr: 203.0.113.9/32
      ports:
        - protocol: TCP
          port: 443
    - to:
        - podSelector:
            matchLabels:
              app: api
              tier: backend
      ports:
        - protocol: TCP
          port: 8080
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
          podSelector:
            matchLabels:
              k8s-app: kube-dns
      ports:
        - protocol: UDP
          port: 53
`);
  });

  test('are the same for the same lines in any order, told by one end or by both', () => {
    const whole = policies();
    fc.assert(
      fc.property(
        fc.shuffledSubarray(SEEN, { minLength: SEEN.length }),
        fc.shuffledSubarray(WORLD, { minLength: WORLD.length }),
        (ends, workloads) => {
          expect(policies({ ends, workloads })).toBe(whole);
        },
      ),
      { numRuns: 20 },
    );
    expect(policies({ ends: SEEN.filter(({ direction, port }) => !(direction === 'in' && port === 8080)) })).toBe(
      whole,
    );
  });

  test('of pods without a line deny everything', () => {
    const yaml = policies({ chosen: { application: ROGUE.application } });
    expect(parsed(yaml)[0]?.spec).toMatchObject({ ingress: [], egress: [], policyTypes: ['Ingress', 'Egress'] });
  });
});

describe('what cannot be said exactly is not allowed, and told', () => {
  test('labels that others have too', () => {
    const twin = pod('twin', '10.244.0.7', { app: 'api', tier: 'backend' });
    const yaml = policies({ workloads: [...WORLD, twin] });
    expect(yaml).toContain(
      '# shop/deployment/api in shop of prod: no policy, since its labels are also those of shop/deployment/twin.',
    );
    expect(yaml).toContain(
      '# not allowed to shop/deployment/api in shop: its labels are also those of shop/deployment/twin (8080/tcp)',
    );
    expect(verdicts(yaml, [call('10.244.0.5', '10.244.0.6', 8080)], [...WORLD, twin])).toEqual([false]);
  });

  test('pods without labels, pods on the network of their node, a service that leads nowhere', () => {
    const bare = pod('bare', '10.244.0.8', { 'pod-template-hash': 'x' });
    const onHost = { ...pod('proxy', '', { app: 'proxy' }), addresses: [], facts: { hostNetwork: 'true' } };
    const lost = service('lost', '10.96.0.77', API.application, '');
    const yaml = policies({
      workloads: [...WORLD, bare, onHost, lost],
      ends: [end({ remoteIp: '10.96.0.77' }), end({ direction: 'unknown', remoteIp: '192.0.2.1', port: 7 })],
    });
    expect(yaml).toContain('bare in shop of prod: no policy, since its pods have no label in common.');
    expect(yaml).toContain('proxy in shop of prod: no policy, since its pods use the network of their node');
    expect(yaml).toContain('# not allowed: 10.96.0.77 80/tcp: the service lost does not say where the port leads');
    expect(yaml).toContain('# not allowed: 192.0.2.1 7/tcp: nobody saw who called whom');
  });

  test('an address that two applications had in that time is nobody’s selector', () => {
    const later = { ...ROGUE, id: 'later', addresses: ['10.244.0.6'] };
    const yaml = policies({ workloads: [WEB, API, later], ends: [end({ remoteIp: '10.244.0.6', port: 8080 })] });
    expect(verdicts(yaml, [call('10.244.0.5', '10.244.0.66', 8080)])).toEqual([false]);
    const before = { ...later, endedMs: 5 };
    const known = policies({ workloads: [WEB, API, before], ends: [end({ remoteIp: '10.244.0.6', port: 8080 })] });
    expect(verdicts(known, [call('10.244.0.5', '10.244.0.6', 8080)])).toEqual([true]);
  });

  test('name servers that the inventory does not know are those of the cluster; names of ports stay names', () => {
    const named = service('api', '10.96.0.20', API.application, '80/tcp:http');
    const yaml = policies({
      workloads: [WEB, API, named],
      ends: [end({}), end({ remoteIp: '10.96.0.10', port: 53, protocol: 'udp' })],
      chosen: { application: WEB.application },
    });
    expect(yaml).toContain('# 10.96.0.10 was asked for names: taken for those of the cluster');
    expect(parsed(yaml)[0]?.spec.egress.flatMap(({ ports }) => ports)).toEqual([
      { protocol: 'TCP', port: 'http' },
      { protocol: 'UDP', port: 53 },
    ]);
  });

  test('nobody knows the pods; a name that would be more than a comment is none', () => {
    expect(policies({ workloads: [] })).toMatch(/^# What was seen[^]*# No pods are known/);
    const yaml = policies({ ends: [end({ remoteIp: '203.0.113.9', remoteName: 'x\nspec: {}\u2028y' })] });
    expect(yaml).toContain('# x spec: {} y\n');
    expect(parsed(yaml).map(({ kind }) => kind)).toEqual(['NetworkPolicy', 'NetworkPolicy', 'NetworkPolicy']);
  });
});
