/** Containers of real runtimes, watched by the real sensor: each has its name, its image and its runtime, however short it lives. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeState } from '@countersign/scap';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../server/src/ground/clock.ts';
import { systemRandom } from '../../../server/src/ground/random.ts';
import { createHostJudge } from '../../../server/src/rules/host-judge.ts';
import { loadPack } from '../../../server/src/rules/pack.ts';
import { buildSensor } from '../../../server/src/sources/sensor/configuration.ts';
import { HostWatch } from '../../../server/src/sources/sensor/host-watch.ts';
import type { WatchReport } from '../../../server/src/sources/sensor/reports.ts';
import type { SyscallRecord } from '../../../server/src/sources/syscall/record.ts';
import { ctrRun, describeWithRuntimes, IMAGE, podmanRun, type Runtimes, startRuntimes } from '../../runtimes.ts';
import { SENSOR } from '../../sensor.ts';

const PATIENCE_MS = 30_000;
const SHORT = 7;
const IMAGE_FIELDS = { 'container.image.repository': IMAGE.repository, 'container.image.tag': IMAGE.tag };
const RULES = `
- rule: A marked command
  desc: What the tests start.
  condition: evt.type = execve and proc.name = echo and proc.args startswith "mark-"
  output: "%container.id"
  priority: NOTICE
- rule: A marked command in a container that is known
  desc: What a rule sees while it happens.
  condition: >
    evt.type = execve and proc.name = echo and proc.args startswith "mark-" and container.image.repository = "${IMAGE.repository}"
  output: >-
    %container.name|%container.type|%container.privileged|%container.label[team]|%k8s.ns.name|%k8s.pod.name|%k8s.pod.uid|%k8s.pod.label[tier]|%k8s.pod.full_sandbox_id
  priority: NOTICE
`;

describeWithRuntimes('a host with real container runtimes', () => {
  let runtimes: Runtimes;
  let folder = '';
  let stopping = new AbortController();
  let watched: Promise<void> = Promise.resolve();
  let reports: WatchReport[] = [];

  beforeAll(async () => {
    runtimes = await startRuntimes();
  });
  afterAll(() => runtimes?.close());

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-named-'));
    const rules = join(folder, 'rules.yaml');
    writeFileSync(rules, RULES);
    stopping = new AbortController();
    reports = [];
    watched = watch(rules);
    await until('the sensor', () => reports.some((one) => one.type === 'state' && one.state === 'watching'));
  });
  afterEach(async () => {
    stopping.abort();
    await watched;
    rmSync(folder, { recursive: true, force: true });
  });

  function watch(rules: string): Promise<void> {
    const { sensor } = buildSensor({ sensor: {} }, []);
    const { ruleset } = loadPack([rules]);
    const order = {
      host: 'web-1',
      loginDomain: null,
      sensor: { type: 'program', program: SENSOR, socket: null },
      groups: [],
      rules: [rules],
      allReads: false,
      lastHeardMs: null,
      captures: join(folder, 'captures'),
      recording: sensor.recording,
      lookBack: sensor.lookBack,
      recordFromRisk: 101,
      runtimes: [runtimes.podmanSocket, runtimes.containerdSocket],
    } as const;
    const watching = new HostWatch({
      order,
      clock: systemClock,
      newId: () => systemRandom.id(systemClock.nowMs()),
      judge: (onRecord) => createHostJudge({ ...order, rules: ruleset.rules, onRecord }),
      stateOf: ({ machine }) => writeState(machine),
      report: (report) => {
        reports.push(report);
        if (report.type === 'records') watching.taken(report.sequence);
      },
    });
    return watching.run(stopping.signal);
  }

  const records = (): readonly SyscallRecord[] => reports.flatMap((one) => (one.type === 'records' ? one.records : []));
  const of = (mark: string): SyscallRecord | undefined => records().find(({ fields }) => fields['proc.args'] === mark);
  const told = (mark: string): SyscallRecord['fields'] | undefined => of(mark)?.fields;
  /** By the rule that asks who the container is. */
  const said = (mark: string): string | undefined =>
    of(mark)?.matches.find(({ rule }) => rule.endsWith('that is known'))?.output;

  test('those of Podman and containerd that live on are named, and rules see it', async () => {
    const labels = { team: 'shop' };
    const script = (mark: string) => `/bin/sleep 1; /bin/echo ${mark}`;
    const name = 'a-name-of-more-than-twelve';
    await Promise.all([
      runtimes.podman(...podmanRun({ name: 'shop', script: script('mark-podman'), labels, isPrivileged: true })),
      runtimes.ctr(...ctrRun({ name, script: script('mark-ctr'), labels })),
    ]);
    await until('both', () => told('mark-podman') !== undefined && told('mark-ctr') !== undefined);
    expect(told('mark-podman')).toMatchObject({
      'container.name': 'shop',
      'container.type': 'podman',
      ...IMAGE_FIELDS,
    });
    expect(told('mark-ctr')).toMatchObject({
      'container.id': name.slice(0, 12),
      'container.full_id': name,
      'container.name': name,
      'container.type': 'containerd',
      'container.image.digest': expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      ...IMAGE_FIELDS,
    });
    expect(said('mark-podman')).toBe('shop|podman|true|shop|<NA>|<NA>|<NA>|<NA>|');
    expect(said('mark-ctr')).toBe(`${name}|containerd|false|shop|<NA>|<NA>|<NA>|<NA>|`);
  });

  test('those of pods are named with their pod and its labels', async () => {
    const pod = { name: 'shop-1', namespace: 'store', uid: 'aaaa-1', labels: { tier: 'front' } };
    const made = await runtimes.pod({ ...pod, container: 'web', script: '/bin/sleep 1; /bin/echo mark-pod' });
    await until('it', () => told('mark-pod') !== undefined);
    expect(told('mark-pod')).toMatchObject({
      'container.full_id': made.container,
      'container.name': 'web',
      'container.type': 'containerd',
      'k8s.ns.name': 'store',
      'k8s.pod.name': 'shop-1',
      'k8s.pod.uid': 'aaaa-1',
      ...IMAGE_FIELDS,
    });
    expect(said('mark-pod')).toBe(`web|containerd|false|<NA>|store|shop-1|aaaa-1|front|${made.sandbox}`);
  });

  test('those that live for less than a second and are removed at once are named too', async () => {
    const numbers = Array.from({ length: SHORT }, (_, index) => index);
    for (const n of numbers) {
      const [verb = '', ...rest] = podmanRun({ name: `podman-${n}`, script: `/bin/echo mark-podman-${n}` });
      await Promise.all([
        runtimes.podman(verb, '--rm', ...rest),
        runtimes.ctr(...ctrRun({ name: `ctr-${n}`, script: `/bin/echo mark-ctr-${n}` })),
      ]);
    }
    const names = numbers.flatMap((n) => [`podman-${n}`, `ctr-${n}`]);
    await until('all', () => names.every((name) => told(`mark-${name}`) !== undefined));
    const found = names.map((name) => {
      const fields = told(`mark-${name}`) ?? {};
      return [fields['container.name'], fields['container.image.repository']];
    });
    expect(found).toEqual(names.map((name) => [name, IMAGE.repository]));
  });
});

async function until(what: string, fits: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!fits()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
