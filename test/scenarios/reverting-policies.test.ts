/**
 * Who is put back, who is trusted and who is let be, in the running server against AWS as moto has it: policies, exemptions, infrastructure as
 * code, break-glass, our own role, and more at once than anybody should put back.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeBaseline } from '../../server/src/cases/revert/engine.ts';
import { entryOf } from '../../server/src/cases/revert/rows.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { type Call, createCaller } from '../../server/src/vendors/aws/calls.ts';
import { describeWith } from '../data.ts';
import { type Moto, MOTO_PRESENT, startMoto } from '../fakes/moto.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ACCOUNT = '123456789012';
const OTHER = '444455556666';
const MANY = 12;
const CONFIGURATION = (endpoint: string) => `
accounts: { "${ACCOUNT}": { name: shop-prod, label: prod }, "${OTHER}": { name: shop-test, label: test } }
people:
  - { email: ann@example.com, name: Ann Example, role: admin }
  - { email: ben@example.com, name: Ben Example, identities: { aws_users: [ben] } }
reverts:
  mode: auto
  role: countersign-revert
  endpoint: '${endpoint}'
  drift: off
  break_glass: ["emergency-*"]
  approved_actors: ["arn:aws:iam::*:role/terraform"]
policy:
  - { when: { actor_id: ben, action: StopLogging }, then: [challenge, revert], within: 30m, else: page }
  - { when: { actor_id: ben }, then: challenge, within: 30m, else: [page, revert] }
  - { when: { action: 's3:PutBucketPolicy' }, then: [page, revert], revert: auto }
  - { when: {}, then: [page, revert] }
`;

interface View {
  readonly row: number;
  readonly state: string;
  readonly mode: string;
  readonly resource: string;
  readonly failure: string | null;
}

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('whose changes are put back', () => {
  let moto: Moto;
  let running: RunningApp;
  let ann: EnrolledPerson;
  let ben: EnrolledPerson;
  let policyArn = '';
  const call = (service: string, operation: string, input: object) =>
    createCaller({
      ...{ region: 'eu-west-1', roleArn: null, externalId: null, sessionName: 't' },
      endpoint: moto.endpoint,
    }).call({ service, operation, input: { ...input } });
  const trail = (operation: string, name: string, more: object = {}) =>
    call('cloudtrail', operation, { Name: name, ...more });
  const isLogging = async (name: string) => (await trail('GetTrailStatus', name))['IsLogging'];
  const startTrail = async (name: string) => {
    await trail('CreateTrail', name, { S3BucketName: 'trail-store' });
    await trail('StartLogging', name);
  };
  const stops = async (name: string, user: string, more: { identity?: object; account?: string } = {}) => {
    await trail('StopLogging', name);
    await running.happens({ call: 'StopLogging', user, account: ACCOUNT, request: { name }, ...more });
  };
  const session = (role: string) => ({
    ...{
      type: 'AssumedRole',
      accountId: ACCOUNT,
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/countersign-revert`,
    },
    sessionContext: { sessionIssuer: { type: 'Role', userName: role, arn: `arn:aws:iam::${ACCOUNT}:role/${role}` } },
  });
  const seen = new Set<string>();
  /** Each test's actors are its own, and so are their cases. */
  const newCase = async () => {
    const { id } = await running.until('a new case', (one) => !seen.has(one.id));
    seen.add(id);
    return id;
  };
  const reverts = async (caseId: string) =>
    (await running.call(ann, 'GET', `/api/cases/${caseId}/reverts`)).body['reverts'] as readonly View[];
  const until = async (caseId: string, fits: (found: readonly View[]) => boolean) => {
    for (let tries = 0; ; tries += 1) {
      const found = await reverts(caseId);
      if (fits(found)) return found;
      if (tries > 400) throw new Error(`the reverts are ${JSON.stringify(found.slice(0, 5))}, ${found.length}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const trusted = async (resource: string, trust: string) => {
    for (let tries = 0; tries < 200; tries += 1) {
      const rows = await running.app.state.db
        .withTables<{ baseline: { resource_key: string; trust: string; because: string } }>()
        .selectFrom('baseline')
        .selectAll()
        .where('resource_key', 'like', `%|${resource}`)
        .execute();
      const found = rows.find((row) => row.trust === trust);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${resource} is not trusted`);
  };

  beforeAll(async () => {
    process.env['AWS_ACCESS_KEY_ID'] ??= 'sample';
    process.env['AWS_SECRET_ACCESS_KEY'] ??= 'sample';
    moto = await startMoto();
    running = await startRunningApp(CONFIGURATION(moto.endpoint), {});
    ann = await running.enrol('ann@example.com');
    ben = await running.enrol('ben@example.com');
    const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
    const made = await call('iam', 'CreatePolicy', { PolicyName: 'all', PolicyDocument: JSON.stringify(document) });
    policyArn = String((made['Policy'] as { Arn: string }).Arn);
    await call('s3', 'CreateBucket', {
      ...{ Bucket: 'trail-store', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } },
    });
  }, 180_000);
  afterAll(async () => {
    await running?.close();
    moto?.close();
  });

  test('what may go first is put back while its author is asked; the rest waits for the answer', async () => {
    await startTrail('asked');
    await call('iam', 'CreateUser', { UserName: 'intern' });
    await stops('asked', 'ben');
    const caseId = await newCase();
    expect(await until(caseId, ([one]) => one?.state === 'reverted')).toHaveLength(1);
    expect(await isLogging('asked')).toBe(true);
    await call('iam', 'AttachUserPolicy', { UserName: 'intern', PolicyArn: policyArn });
    await running.happens({
      ...{ call: 'AttachUserPolicy', service: 'iam', user: 'ben', account: ACCOUNT },
      request: { userName: 'intern', policyArn },
    });
    await running.until('both', ({ id, findingIds }) => id === caseId && findingIds.length > 1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await running.cases()).find(({ id }) => id === caseId)?.state).toBe('asked');
    expect((await reverts(caseId)).map(({ resource }) => resource)).toEqual(['asked']);
    const link = await running.call(ben, 'POST', `/api/cases/${caseId}/challenge-link`, {});
    const token = String(link.body['url']).split('#')[1];
    const { body } = await running.call(null, 'POST', '/api/challenges/view', { token });
    const answer = { token, digest: body['digest'], answer: 'no', reason: 'that was not me' };
    expect((await running.call(null, 'POST', '/api/challenges/answer', answer)).status).toBe(200);
    expect(await until(caseId, (found) => found.length === 2)).toMatchObject([{ resource: 'asked' }, { row: 22 }]);
  }, 60_000);

  test('what infrastructure as code did is trusted, and never put back', async () => {
    await startTrail('from-code');
    await stops('from-code', 'terraform', { identity: session('terraform') });
    expect(await trusted('from-code', 'infrastructure-as-code')).toMatchObject({
      because: `approved: arn:aws:iam::${ACCOUNT}:role/terraform`,
    });
    expect(await reverts(await newCase())).toEqual([]);
    expect(await isLogging('from-code')).toBe(false);
    // A session of another role that calls itself so is nobody's code.
    await startTrail('from-thief');
    const identity = { ...session('thief'), arn: `arn:aws:sts::${ACCOUNT}:assumed-role/thief/terraform` };
    await stops('from-thief', 'thief', { identity });
    await until(await newCase(), ([one]) => one?.state === 'reverted');
  }, 60_000);

  test('what an exemption covers is trusted, and never put back', async () => {
    await startTrail('nightly');
    await stops('nightly', 'deploy');
    const caseId = await newCase();
    await until(caseId, ([one]) => one?.state === 'reverted');
    const found = await running.until('it', ({ id }) => id === caseId);
    const parts = { rule: found.rule, actor: 'deploy', resource: '*nightly', account: ACCOUNT };
    const expires = new Date(Date.now() + 86_400_000).toISOString();
    const made = await running.call(ann, 'POST', '/api/exemptions', {
      ...{ ...parts, reason: 'nightly job', expires, code: await ann.code() },
    });
    expect(made.status).toBe(200);
    await stops('nightly', 'deploy');
    expect((await trusted('nightly', 'infrastructure-as-code')).because).toMatch(/^exemption /);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await isLogging('nightly')).toBe(false);
    expect(await reverts(caseId)).toHaveLength(1);
  }, 120_000);

  test('the echo of what we put back leads to nothing; the same by a session that is named like ours is put back', async () => {
    const Bucket = 'shop-public';
    const document = (Principal: object | string, Action: string) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal, Action, Resource: `arn:aws:s3:::${Bucket}/*` }],
    });
    const [trustedPolicy, stolen] = [document({ AWS: OTHER }, 's3:GetObject'), document('*', 's3:*')];
    const put = (policy: object) => call('s3', 'PutBucketPolicy', { Bucket, Policy: JSON.stringify(policy) });
    const read = async () => String((await call('s3', 'GetBucketPolicy', { Bucket }))['Policy']);
    const puts = (bucketPolicy: object, user: string, identity?: object) =>
      running.happens({
        ...{
          call: 'PutBucketPolicy',
          service: 's3',
          user,
          account: ACCOUNT,
          request: { bucketName: Bucket, bucketPolicy },
        },
        ...(identity === undefined ? {} : { identity }),
      });
    await call('s3', 'CreateBucket', { Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } });
    await put(trustedPolicy);
    const entry = entryOf('s3', 'PutBucketPolicy');
    if (entry === null) throw new Error('the catalogue has the event');
    const resource = { type: 'AWS::S3::BucketPolicy', account: ACCOUNT, region: 'eu-west-1', id: Bucket };
    const caller = { call: (one: Call) => call(one.service, one.operation, one.input) };
    const vouched = { trust: 'enrolled', because: 'a test' } as const;
    await takeBaseline({ state: running.app.state, clock: systemClock }, { entry, caller, resource, ...vouched });
    // Events tell whole seconds, and happened a moment ago.
    await new Promise((resolve) => setTimeout(resolve, 2_100));

    await put(stolen);
    await puts(stolen, 'burglar');
    const first = await newCase();
    await until(first, ([one]) => one?.state === 'reverted');
    expect(await read()).not.toContain('"*"');
    await puts(trustedPolicy, '', session('countersign-revert'));
    await put(stolen);
    await puts(stolen, '', session('burglar'));
    await until(await newCase(), ([one]) => one?.state === 'reverted');
    expect(await read()).not.toContain('"*"');
    expect(await reverts(first)).toHaveLength(1);
    expect((await running.cases()).filter(({ id }) => !seen.has(id))).toEqual([]);
    // Each of our calls has its echo now. The same call once more is not ours: whoever made it has our role.
    await puts(trustedPolicy, '', session('countersign-revert'));
    await puts(stolen, '', session('countersign-revert'));
    const found = await running.until('somebody has our role', ({ rule }) => rule === 'Revert role in other hands');
    for (const { id } of await running.cases()) seen.add(id);
    expect(found.state).toBe('paged');
  }, 90_000);

  test('what is kept for emergencies is not touched, and what it did waits for a second person', async () => {
    await call('iam', 'CreateUser', { UserName: 'emergency-1' });
    await call('iam', 'CreateAccessKey', { UserName: 'emergency-1' });
    const keys = (await call('iam', 'ListAccessKeys', { UserName: 'emergency-1' }))['AccessKeyMetadata'];
    const accessKeyId = (keys as { AccessKeyId: string }[])[0]?.AccessKeyId ?? '';
    await running.happens({
      ...{ call: 'CreateAccessKey', service: 'iam', user: 'mallory', account: ACCOUNT },
      ...{ request: { userName: 'emergency-1' }, response: { accessKey: { accessKeyId, userName: 'emergency-1' } } },
    });
    const [refused] = await until(await newCase(), (found) => found.length > 0);
    expect(refused).toMatchObject({ state: 'conflict', failure: 'it is kept for emergencies and never touched' });
    await startTrail('glass');
    await stops('glass', 'emergency-1');
    const [waits] = await until(await newCase(), (found) => found.length > 0);
    expect(waits).toMatchObject({ state: 'planned', mode: 'approve' });
    expect(await isLogging('glass')).toBe(false);
  }, 60_000);

  test('our own role is not touched, whoever changes it', async () => {
    const trust = { Version: '2012-10-17', Statement: [] };
    for (const RoleName of ['countersign-revert', 'shop'])
      await call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) });
    const attaches = async (roleName: string, user: string) => {
      await call('iam', 'AttachRolePolicy', { RoleName: roleName, PolicyArn: policyArn });
      await running.happens({
        ...{ call: 'AttachRolePolicy', service: 'iam', user, account: ACCOUNT, request: { roleName, policyArn } },
      });
      return (await until(await newCase(), (found) => found.length > 0))[0];
    };
    const failure = 'it is our own role, which we never touch';
    expect(await attaches('countersign-revert', 'olga')).toMatchObject({ state: 'conflict', failure });
    expect(await attaches('shop', 'oscar')).toMatchObject({ state: 'planned', failure: null });
  }, 60_000);

  test('more than anybody should put back at once is held, and pages', async () => {
    for (let index = 0; index < MANY; index += 1) {
      await startTrail(`many-${index}`);
      await stops(`many-${index}`, 'flood', { account: OTHER });
    }
    const caseId = await newCase();
    const isOver = (found: readonly View[]) =>
      found.length === MANY && found.every(({ state }) => ['reverted', 'held'].includes(state));
    const found = await until(caseId, isOver);
    expect(found.filter(({ state }) => state === 'reverted')).toHaveLength(10);
    const held = found.filter(({ state }) => state === 'held');
    expect(held.map(({ failure }) => failure)).toEqual(
      Array.from({ length: MANY - 10 }, () => `more than 10 reverts in ten minutes in account ${OTHER}`),
    );
    const logging = await Promise.all(found.map(({ resource }) => isLogging(resource)));
    expect(logging.filter((one) => one === true)).toHaveLength(10);
    const state = async () => (await running.cases()).find(({ id }) => id === caseId)?.state;
    expect(await state()).toBe('paged');
    // Whoever had taken it is called again when more is held.
    expect((await running.call(ann, 'POST', `/api/cases/${caseId}/acknowledge`, {})).status).toBe(200);
    await startTrail('one-more');
    await stops('one-more', 'flood', { account: OTHER });
    await until(caseId, (now) => now.length === MANY + 1);
    await running.until('called again', ({ id, ...one }) => id === caseId && one.state === 'paged');
    expect(await running.entries(caseId)).toEqual(expect.arrayContaining(['revert-held', 'page-acknowledged']));
  }, 120_000);
});
