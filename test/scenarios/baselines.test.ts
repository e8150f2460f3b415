/**
 * Trusted states, against AWS as moto has it: an account is enrolled from the command line, killed in between and gone on with; what drifts
 * from it is told once; what is confirmed, or made by infrastructure as code, is trusted from then on; and AWS Config remembers the rest.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptChanges } from '../../server/src/cases/revert/baselines/acceptance.ts';
import { configHistory } from '../../server/src/cases/revert/baselines/config-history.ts';
import { showBaselines } from '../../server/src/cases/revert/baselines/list.ts';
import {
  type ReadingOptions,
  read,
  requestEnrolment,
  takeReading,
} from '../../server/src/cases/revert/baselines/readings.ts';
import type { TrailEvent } from '../../server/src/cases/revert/catalogue.ts';
import { createReverts } from '../../server/src/cases/revert/engine.ts';
import { createLedger } from '../../server/src/cases/revert/ledger.ts';
import { entryOf, KINDS } from '../../server/src/cases/revert/rows.ts';
import { baselineCommand } from '../../server/src/commands/baseline.ts';
import type { Terminal } from '../../server/src/commands/command-line.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { verifyJournal } from '../../server/src/ground/journal.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import type { State } from '../../server/src/ground/state.ts';
import { type Call, type Caller, CallFailure, createCaller } from '../../server/src/vendors/aws/calls.ts';
import { describeWith } from '../data.ts';
import { startAws } from '../fakes/aws/server.ts';
import { type Moto, MOTO_PRESENT, startMoto } from '../fakes/moto.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { openTestPglite } from '../state.ts';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('baselines', () => {
  let moto: Moto;
  let aws: Caller;
  let folder: string;
  const call = (service: string, operation: string, input: Call['input'] = {}) =>
    aws.call({ service, operation, input });

  beforeAll(async () => {
    process.env['AWS_ACCESS_KEY_ID'] ??= 'sample';
    process.env['AWS_SECRET_ACCESS_KEY'] ??= 'sample';
    folder = mkdtempSync(join(tmpdir(), 'countersign-baselines-'));
    moto = await startMoto();
    const { endpoint } = moto;
    aws = createCaller({ region: REGION, roleArn: null, externalId: null, sessionName: 'test', endpoint });
    await call('s3', 'CreateBucket', { Bucket: 'trail-store' });
    for (const Name of ['first', 'second', 'third'])
      await call('cloudtrail', 'CreateTrail', { Name, S3BucketName: 'trail-store' });
    await call('cloudwatch-logs', 'CreateLogGroup', { logGroupName: 'app' });
    writeFileSync(
      join(folder, 'countersign.yaml'),
      `accounts: { "${ACCOUNT}": { name: shop-prod } }
reverts: { role: countersign-revert, read_role: countersign-baseline, endpoint: '${endpoint}', reads_per_second: 100 }
`,
    );
  }, 180_000);
  afterAll(() => {
    moto?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The command as somebody types it; stopped once it has said something that fits. */
  const type = async (argv: readonly string[], stopAt?: RegExp, isStopped = false) => {
    const out: string[] = [];
    const said: string[] = [];
    const interrupt = new AbortController();
    if (isStopped) interrupt.abort();
    const terminal: Terminal = {
      clock: systemClock,
      random: systemRandom,
      environment: {},
      isErrorTerminal: false,
      hostname: 'test',
      interrupted: interrupt.signal,
      print: (text) => {
        out.push(text);
      },
      say: (text) => {
        said.push(text);
        if (stopAt?.test(text) === true) interrupt.abort();
      },
    };
    const code = await baselineCommand.run([...argv, '--data', join(folder, 'data')], terminal);
    const objects = out
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('{'));
    return { code, said, objects: objects.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };
  const trails = ['--type', 'AWS::CloudTrail::Trail', '--type', 'AWS::Logs::LogGroup'];
  const enrolling = () => [
    ...['enrol', '--account', ACCOUNT, '--region', REGION, '--config', join(folder, 'countersign.yaml')],
    ...[...trails, '--output', 'json'],
  ];

  describe('from the command line', () => {
    test('enrolling stops in the middle, and goes on where it was', async () => {
      const first = await type(enrolling(), /AWS::CloudTrail::Trail: 1 of 3/);
      expect(first).toMatchObject({
        code: 1,
        said: expect.arrayContaining(['Stopped. Call it again to go on from here.']),
      });
      expect(first.objects).toEqual([]);
      const second = await type(enrolling());
      expect(second.code).toBe(0);
      expect(second.said).not.toContain('  us-east-1 AWS::CloudTrail::Trail: 1 of 3');
      expect(second.objects).toContainEqual({
        ...{ account: ACCOUNT, region: REGION, type: 'AWS::CloudTrail::Trail', failure: null },
        ...{ seen: 3, taken: 3, differing: 0, unreadable: 0 },
      });
    }, 120_000);

    test('what is trusted is listed, and shown with who vouches for it', async () => {
      const { objects } = await type(['list', '--account', ACCOUNT, '--output', 'json']);
      expect(objects.map(({ id }) => id)).toEqual(['first', 'second', 'third', 'app']);
      expect(objects[0]).toMatchObject({ type: 'AWS::CloudTrail::Trail', trust: 'enrolled', drifting: null });
      const shown = await type(['show', 'second', '--output', 'json']);
      expect(shown.objects[0]).toMatchObject({
        state: { bucket: 'trail-store', logging: false },
        history: [{ trust: 'enrolled' }],
      });
      await expect(type(['show', 'nothing'])).rejects.toThrow('nothing is trusted by the name nothing');
    }, 60_000);

    test('what was changed since is told and not trusted, unless somebody says so', async () => {
      await call('cloudtrail', 'StartLogging', { Name: 'first' });
      await call('cloudtrail', 'DeleteTrail', { Name: 'third' });
      const again = await type(enrolling());
      expect(again.objects).toContainEqual(expect.objectContaining({ seen: 3, taken: 0, differing: 2 }));
      const listed = await type(['list', '--type', 'AWS::CloudTrail::Trail', '--output', 'json']);
      expect(listed.objects.map(({ drifting }) => drifting !== null)).toEqual([true, false, true]);
      const replaced = await type([...enrolling(), '--replace']);
      expect(replaced.objects).toContainEqual(expect.objectContaining({ seen: 3, taken: 2, differing: 0 }));
      const after = await type(['list', '--type', 'AWS::CloudTrail::Trail', '--output', 'json']);
      expect(after.objects.every(({ drifting }) => drifting === null)).toBe(true);
    }, 120_000);

    test('mistakes get an answer', async () => {
      const refused = (argv: readonly string[]) =>
        type(argv).then(
          ({ code }) => String(code),
          (error: Error) => error.message,
        );
      const config = ['--config', join(folder, 'countersign.yaml')];
      expect(await refused(['enrol', ...config])).toContain('--account');
      expect(await refused(['enrol', '--account', '999999999999', ...config])).toContain(
        'is not among the accounts and clusters',
      );
      expect(await refused(['enrol', '--account', ACCOUNT, '--type', 'AWS::Moon::Door', ...config])).toContain(
        'has no type',
      );
      expect(await refused(['enrol', '--account', ACCOUNT, '--config', '/nowhere.yaml'])).toContain('cannot be read');
      expect(await refused(['bake'])).toContain('say enrol, list, or show');
    }, 60_000);
  });

  describe('through a running server, which alone may open embedded state', () => {
    let running: RunningApp;
    let ann: EnrolledPerson;
    const through = () => ['--server', running.app.url, '--token-file', join(folder, 'api-token')];

    beforeAll(async () => {
      running = await startRunningApp(
        `
accounts: { "${ACCOUNT}": { name: shop-prod } }
people: [{ email: ann@example.com, name: Ann Example, role: admin }]
reverts: { role: countersign-revert, endpoint: '${moto.endpoint}', reads_per_second: 50, drift: off }
policy: [{ when: {}, then: record }]
`,
        {},
      );
      ann = await running.enrol('ann@example.com');
      const wanted = { name: 'enrolment', purpose: 'api', role: 'admin', days: 1, code: await ann.code() };
      const { body } = await running.call(ann, 'POST', '/api/tokens', wanted);
      writeFileSync(join(folder, 'api-token'), String(body['token']));
    }, 180_000);
    afterAll(() => running?.close());

    test('the server reads, also when the command is stopped, and the command tells how far it is', async () => {
      const wish = ['enrol', '--account', ACCOUNT, '--region', REGION, ...trails, '--output', 'json', ...through()];
      const interrupted = await type(wish, /./, true);
      expect(interrupted).toMatchObject({
        code: 1,
        said: ['Stopped. The server reads on; call it again to see how far it is.'],
      });
      const { code, objects } = await type(wish);
      expect(code).toBe(0);
      const count = (await call('cloudtrail', 'ListTrails'))['Trails'] as unknown[];
      expect(objects.find((one) => one['type'] === 'AWS::CloudTrail::Trail')).toMatchObject({
        ...{ region: REGION, failure: null, seen: count.length, differing: 0, unreadable: 0 },
      });
      const listed = await type(['list', '--account', ACCOUNT, '--output', 'json', ...through()]);
      expect(listed.objects.map(({ id }) => id)).toEqual(expect.arrayContaining(['first', 'second', 'app']));
      const shown = await type(['show', 'second', '--output', 'json', ...through()]);
      expect(shown.objects[0]).toMatchObject({
        state: { bucket: expect.any(String) },
        history: [{ trust: 'enrolled' }],
      });
    }, 180_000);

    test('what it refuses is told, with what to do', async () => {
      const refused = (argv: readonly string[]) => type(argv).then(String, (error: Error) => error.message);
      const named = (account: string, more: readonly string[] = through()) => ['enrol', '--account', account, ...more];
      expect(await refused(named('999999999999'))).toContain('is not among the accounts and clusters');
      expect(await refused([...named(ACCOUNT), '--type', 'AWS::Moon::Door'])).toContain('the catalogue has no type');
      writeFileSync(join(folder, 'wrong-token'), 'cst_nothing');
      const wrong = ['--server', running.app.url, '--token-file', join(folder, 'wrong-token')];
      expect(await refused(named(ACCOUNT, wrong))).toContain('the server refuses it: 401');
      const nobody = ['--server', 'http://127.0.0.1:1', '--token-file', join(folder, 'api-token')];
      expect(await refused(named(ACCOUNT, nobody))).toContain('no server answers');
      const open = ['--server', 'http://countersign.example.com', '--token-file', join(folder, 'api-token')];
      expect(await refused(named(ACCOUNT, open))).toContain('needs https');
      for (const regions of [Array(101).fill(REGION), ['x'.repeat(64)], ['eu-west-1/'], ['']]) {
        const wish = { account: ACCOUNT, regions, types: [], replaces: false };
        expect((await running.call(ann, 'POST', '/api/baselines/enrolments', wish)).status).toBe(400);
      }
    }, 60_000);
  });

  describe('in the server', () => {
    let state: State;
    const kinds = KINDS.filter((kind) => kind.type === 'AWS::CloudTrail::Trail');
    const options = (parts: Partial<ReadingOptions> = {}): ReadingOptions => ({
      ...{ state, clock: systemClock, random: systemRandom, kinds, callerOf: () => aws },
      ...{ urgentTypes: new Set<string>(), everyMs: 60_000, holder: 'one' },
      ...parts,
    });
    const never = new AbortController().signal;
    const enrolled = { account: ACCOUNT, regions: [REGION], kinds, replaces: false, isAlone: false };
    const alerts = async () => {
      const rows = await state.db
        .withTables<{ inbox: { id: number; source: string } }>()
        .selectFrom('inbox')
        .orderBy('id')
        .selectAll()
        .execute();
      return rows.filter(({ source }) => source === 'alert').map((row) => JSON.stringify(row));
    };
    const readAll = async (nowMs: number, parts: Partial<ReadingOptions> = {}) => {
      const taken = await takeReading(options(parts), { nowMs });
      return taken === null ? null : read(options(parts), taken, never);
    };

    beforeAll(async () => {
      state = await openTestPglite();
      await call('cloudtrail', 'DeleteTrail', { Name: 'third' }).catch(() => null);
      await call('cloudtrail', 'StartLogging', { Name: 'first' });
    }, 180_000);
    afterAll(() => state?.close());

    test('drift is told once, and resolved when it is over', async () => {
      await state.transaction((trx) => requestEnrolment(trx, { ...enrolled, nowMs: Date.now() }));
      expect(await readAll(Date.now())).toMatchObject({ purpose: 'enrol', taken: 2, isDone: true });
      expect(await readAll(Date.now())).toBeNull();
      await call('cloudtrail', 'StopLogging', { Name: 'first' });
      const later = Date.now() + 61_000;
      expect(await readAll(later)).toMatchObject({ purpose: 'drift', differing: 1, taken: 0 });
      expect(await alerts()).toHaveLength(1);
      expect((await alerts())[0]).toContain('Drift from the baseline');
      expect((await alerts())[0]).toContain('true → false');
      expect(await readAll(later + 61_000)).toMatchObject({ differing: 1 });
      expect(await alerts()).toHaveLength(1);
      await call('cloudtrail', 'StartLogging', { Name: 'first' });
      expect(await readAll(later + 122_000)).toMatchObject({ differing: 0 });
      expect((await alerts())[1]).toContain('is as trusted again');
    }, 60_000);

    test('of one account one server reads at a time, and a dead one is followed after its lease', async () => {
      await state.transaction((trx) => requestEnrolment(trx, { ...enrolled, nowMs: Date.now() }));
      const nowMs = Date.now();
      expect(await takeReading(options(), { nowMs })).not.toBeNull();
      expect(await takeReading(options({ holder: 'two' }), { nowMs: nowMs + 1_000 })).toBeNull();
      expect(await takeReading(options({ holder: 'two' }), { nowMs: nowMs + 120_000 })).not.toBeNull();
    }, 60_000);

    test('a resource that cannot be read keeps no other from being read; a refusal is told and tried again', async () => {
      const shy: Caller = {
        call: (given) =>
          given.operation === 'GetTrail' && JSON.stringify(given.input).includes('first')
            ? Promise.reject(new CallFailure('AccessDenied', 'not you', false))
            : aws.call(given),
      };
      await state.transaction((trx) => requestEnrolment(trx, { ...enrolled, isAlone: true, nowMs: Date.now() }));
      expect(await readAll(Date.now(), { callerOf: () => shy })).toMatchObject({ seen: 2, unreadable: 1 });
      const closed: Caller = { call: () => Promise.reject(new CallFailure('AccessDenied', 'not you', false)) };
      await state.transaction((trx) => requestEnrolment(trx, { ...enrolled, isAlone: true, nowMs: Date.now() }));
      expect(await readAll(Date.now(), { callerOf: () => closed })).toMatchObject({ failure: 'AccessDenied: not you' });
      expect(await takeReading(options(), { nowMs: Date.now() + 301_000 })).toMatchObject({ purpose: 'enrol' });
    }, 60_000);

    const event = (name: string, request: object, timeMs: number): TrailEvent => ({
      ...{ eventId: `${name}-${timeMs}`, service: 'cloudtrail', name, account: ACCOUNT, region: REGION, timeMs },
      request: { ...request },
      response: {},
    });
    const vouched = { trust: 'confirmed', because: 'case 1', by: null, caseId: null } as const;
    const accept = (events: readonly TrailEvent[]) =>
      acceptChanges({ state, clock: systemClock, callerOf: () => aws }, events, vouched);
    const trusted = async (id: string) => {
      const [found] = await showBaselines(state, `AWS::CloudTrail::Trail|${ACCOUNT}|${REGION}|${id}`);
      return found;
    };

    test('a confirmed change is trusted, and with it nothing that a stranger did meanwhile', async () => {
      const atMs = Date.now();
      await call('s3', 'CreateBucket', { Bucket: 'new-store' });
      await call('cloudtrail', 'UpdateTrail', { Name: 'second', S3BucketName: 'new-store' });
      const confirmed = event('UpdateTrail', { name: 'second', s3BucketName: 'new-store' }, atMs);
      // Nobody vouched for this one.
      await call('cloudtrail', 'StartLogging', { Name: 'second' });
      await accept([confirmed]);
      expect(await trusted('second')).toMatchObject({
        trust: 'confirmed',
        because: 'case 1',
        state: { bucket: 'new-store', logging: false },
      });
      expect((await verifyJournal(state)).ok).toBe(true);
    }, 60_000);

    test('what was confirmed and changed again since is not trusted', async () => {
      const confirmed = event('UpdateTrail', { name: 'second', s3KeyPrefix: 'mine' }, Date.now());
      await call('cloudtrail', 'UpdateTrail', { Name: 'second', S3KeyPrefix: 'theirs' });
      await accept([confirmed]);
      expect((await trusted('second'))?.state).toMatchObject({ prefix: null });
    }, 60_000);

    test('two changes that are confirmed in the wrong order are both trusted', async () => {
      const early = event('UpdateTrail', { name: 'second', s3KeyPrefix: 'theirs' }, Date.now() - 2);
      const late = event('StartLogging', { name: 'second' }, Date.now() - 1);
      const including = event('UpdateTrail', { name: 'second', includeGlobalServiceEvents: false }, Date.now());
      expect(entryOf('cloudtrail', late.name)).toBeNull();
      await call('cloudtrail', 'UpdateTrail', { Name: 'second', IncludeGlobalServiceEvents: false });
      await accept([including]);
      await accept([early]);
      expect((await trusted('second'))?.state).toMatchObject({ prefix: 'theirs', globalEvents: false });
    }, 60_000);
  });

  describe('AWS Config', () => {
    const resource = { type: 'AWS::S3::BucketPolicy', account: ACCOUNT, region: REGION, id: 'remembered' };
    const entry = () => entryOf('s3', 'PutBucketPolicy') ?? Promise.reject(new Error('no entry'));

    /** As AWS Config tells it, by its public documentation. */
    const recorder = (items: readonly object[]): Caller => ({
      call: ({ operation }) =>
        Promise.resolve(
          operation === 'ListDiscoveredResources'
            ? { resourceIdentifiers: [{ resourceId: 'AROASAMPLE', resourceName: 'deployer' }] }
            : { configurationItems: items },
        ),
    });
    const item = (parts: object) => ({
      configurationItemCaptureTime: new Date(1_000),
      configurationItemStatus: 'OK',
      ...parts,
    });

    test('remembers a bucket that nobody vouched for, and by what it remembers the bucket is put back', async () => {
      const emulated = await startAws(moto.endpoint);
      const empty = await openTestPglite();
      try {
        const place = { region: REGION, roleArn: null, externalId: null, sessionName: 'test' };
        const caller = createCaller({ ...place, endpoint: emulated.endpoint });
        const read = async () => (await entry()).read(aws, resource);
        const allow = (Principal: string, Action: string) =>
          JSON.stringify({
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Principal: { AWS: Principal }, Action, Resource: 'arn:aws:s3:::remembered/*' },
            ],
          });
        await call('s3', 'CreateBucket', { Bucket: 'remembered' });
        await call('s3', 'PutBucketPolicy', { Bucket: 'remembered', Policy: allow(ACCOUNT, 's3:GetObject') });
        const trustedValue = (await read())?.['value'];
        // The recorder of AWS Config sees it.
        const seen = { resourceType: 'AWS::S3::Bucket', resourceId: 'remembered' };
        await caller.call({ service: 'config-service', operation: 'GetResourceConfigHistory', input: seen });
        await new Promise((resolve) => setTimeout(resolve, 20));
        const stolen = allow('444455556666', 's3:*');
        await call('s3', 'PutBucketPolicy', { Bucket: 'remembered', Policy: stolen });
        const reverts = createReverts({
          ...{
            state: empty,
            clock: systemClock,
            random: systemRandom,
            ledger: createLedger(null),
            callerOf: () => caller,
          },
          ...{ ownRoles: [], breakGlass: [], mostPerAccount: 10 },
          history: ({ resource: of, changes: [oldest] }, beforeMs) =>
            oldest === undefined
              ? Promise.resolve(null)
              : configHistory(caller, { entry: oldest.entry, resource: of, beforeMs }),
        });
        const change: TrailEvent = {
          ...{ eventId: 'stolen', service: 's3', name: 'PutBucketPolicy', account: ACCOUNT, region: REGION },
          ...{ timeMs: Date.now(), response: {} },
          request: { bucketName: 'remembered', bucketPolicy: JSON.parse(stolen) as unknown },
        };
        const [planned] = await reverts.plan(change, { caseId: null, mode: 'auto' });
        expect(planned).toMatchObject({ state: 'planned', plan: { trusted: { trust: 'config-history' } } });
        expect(await reverts.run(planned?.id ?? '')).toMatchObject({ state: 'reverted', failure: null });
        expect((await read())?.['value']).toEqual(trustedValue);
      } finally {
        await empty.close();
        emulated.close();
      }
    }, 60_000);

    const group = { type: 'AWS::EC2::SecurityGroup', account: ACCOUNT, region: REGION, id: 'sg-1' };
    const permission = {
      ...{ ipProtocol: 'tcp', fromPort: 443, toPort: 443, ipv6Ranges: [], prefixListIds: [], userIdGroupPairs: [] },
      ...{ ipv4Ranges: [{ cidrIp: '10.0.0.0/8' }], ipRanges: ['10.0.0.0/8'] },
    };

    test('plays back security groups and trust policies as their services would', async () => {
      const configuration = JSON.stringify({ groupId: 'sg-1', ipPermissions: [permission], ipPermissionsEgress: [] });
      const ingress = entryOf('ec2', 'AuthorizeSecurityGroupIngress');
      if (ingress === null) throw new Error('no entry');
      const found = await configHistory(recorder([item({ configuration })]), {
        entry: ingress,
        resource: group,
        beforeMs: 2_000,
      });
      expect(JSON.stringify(found?.state)).toContain('10.0.0.0/8');
      const trust = entryOf('iam', 'UpdateAssumeRolePolicy');
      const [role] = trust?.resources({ ...event, service: 'iam', name: 'UpdateAssumeRolePolicy' }) ?? [];
      if (trust === null || role === undefined) throw new Error('no entry');
      const document = encodeURIComponent(JSON.stringify({ Version: '2012-10-17', Statement: [] }));
      const recorded = JSON.stringify({
        roleName: 'deployer',
        roleId: 'AROASAMPLE',
        arn: `arn:aws:iam::${ACCOUNT}:role/deployer`,
        path: '/',
        assumeRolePolicyDocument: document,
        rolePolicyList: [],
        attachedManagedPolicies: [],
        tags: [],
      });
      const policy = await configHistory(recorder([item({ configuration: recorded })]), {
        entry: trust,
        resource: role,
        beforeMs: 2_000,
      });
      expect(JSON.stringify(policy?.state)).toContain('2012-10-17');
    });
    const event: TrailEvent = {
      ...{ eventId: 'e', service: 'iam', name: '', account: ACCOUNT, region: REGION, timeMs: 0 },
      ...{ request: { roleName: 'deployer' }, response: {} },
    };

    test('what it does not hold, holds no more, or recorded afterwards, is no baseline', async () => {
      const given = { entry: await entry(), resource, beforeMs: 2_000 };
      const supplementaryConfiguration = { BucketPolicy: JSON.stringify({ policyText: null }) };
      expect(await configHistory(recorder([item({ supplementaryConfiguration })]), given)).toMatchObject({
        state: { value: null },
      });
      expect(await configHistory(recorder([item({ supplementaryConfiguration: {} })]), given)).toBeNull();
      expect(await configHistory(recorder([]), given)).toBeNull();
      const gone = item({ configurationItemStatus: 'ResourceDeleted', supplementaryConfiguration });
      expect(await configHistory(recorder([gone]), given)).toBeNull();
      expect(
        await configHistory(recorder([item({ supplementaryConfiguration })]), { ...given, beforeMs: 500 }),
      ).toBeNull();
      const closed: Caller = { call: () => Promise.reject(new CallFailure('AccessDenied', 'not you', false)) };
      expect(await configHistory(closed, given)).toBeNull();
    });
  });
});
