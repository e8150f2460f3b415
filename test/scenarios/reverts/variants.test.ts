/**
 * What can go wrong on the way, for one attack of each protocol: refused, throttled, answered into the void, changed meanwhile, done already;
 * the process killed at any instruction, two servers at once, and somebody who has our role.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReverts, type RevertOptions, takeBaseline } from '../../../server/src/cases/revert/engine.ts';
import { createLedger } from '../../../server/src/cases/revert/ledger.ts';
import { entryOf } from '../../../server/src/cases/revert/rows.ts';
import { findRevert, type Revert } from '../../../server/src/cases/revert/store.ts';
import type { TrailEvent } from '../../../server/src/cases/revert/catalogue.ts';
import { workOnReverts } from '../../../server/src/cases/revert/worker.ts';
import { type Clock, systemClock } from '../../../server/src/ground/clock.ts';
import { verifyJournal } from '../../../server/src/ground/journal.ts';
import { silentLog } from '../../../server/src/ground/log.ts';
import { seededRandom, systemRandom } from '../../../server/src/ground/random.ts';
import type { State } from '../../../server/src/ground/state.ts';
import { type Caller, createCaller } from '../../../server/src/vendors/aws/calls.ts';
import { describeWith } from '../../data.ts';
import { type FaultyAws, startFaultyAws } from '../../fakes/faulty-aws.ts';
import { type Moto, MOTO_PRESENT, startMoto } from '../../fakes/moto.ts';
import { POSTGRES_PRESENT } from '../../postgres.ts';
import { openTestPglite, openTestPostgres } from '../../state.ts';
import { ACCOUNT, type Attack, type Aws, type Json, type Made } from './attack.ts';
import { ATTACKS } from './attacks.ts';

const REGION = 'us-east-1';
const OWN_ROLE = `arn:aws:iam::${ACCOUNT}:role/countersign-revert`;
/** Seeds of the kill test; `COUNTERSIGN_REVERT_KILLS=all` dies at every step. */
const KILLS = process.env['COUNTERSIGN_REVERT_KILLS'] ?? '8';

/** Time that passes where somebody waits for it. */
function fastClock(): Clock & { skip(ms: number): void } {
  let skippedMs = 0;
  return {
    nowMs: () => Date.now() + skippedMs,
    steadyMs: () => performance.now() + skippedMs,
    sleep: async (ms) => {
      skippedMs += ms;
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
    skip: (ms) => {
      skippedMs += ms;
    },
  };
}

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('reverts on a bad night', () => {
  let moto: Moto;
  let faulty: FaultyAws;
  let state: State;
  let real: Caller;
  let through: Caller;
  let events = 0;
  const aws: Aws = (service, operation, input = {}) => real.call({ service, operation, input });
  const reverting = (parts: Partial<RevertOptions> = {}) =>
    createReverts({
      ...{ state, clock: fastClock(), random: systemRandom, ledger: createLedger(null), callerOf: () => through },
      ...{ ownRoles: [OWN_ROLE], breakGlass: ['emergency-*'], mostPerAccount: 10_000 },
      ...parts,
    });

  beforeAll(async () => {
    process.env['AWS_ACCESS_KEY_ID'] ??= 'sample';
    process.env['AWS_SECRET_ACCESS_KEY'] ??= 'sample';
    moto = await startMoto();
    faulty = await startFaultyAws(moto.endpoint);
    state = await openTestPglite();
    const common = { region: REGION, roleArn: null, externalId: null, sessionName: 'test' };
    real = createCaller({ ...common, endpoint: moto.endpoint });
    through = createCaller({ ...common, endpoint: faulty.endpoint });
  }, 180_000);
  afterAll(async () => {
    await state?.close();
    await faulty?.close();
    moto?.close();
  });

  const attackOf = (row: number, event: string): Attack => {
    const found = ATTACKS.find((one) => one.row === row && one.names !== undefined);
    if (found === undefined) throw new Error(`row ${row} has no attack like ${event}`);
    return found;
  };
  const eventOf = (told: { readonly event: string; readonly request: Json; readonly response?: Json }): TrailEvent => {
    const [service = '', name = ''] = told.event.split(':');
    events += 1;
    const at = { account: ACCOUNT, region: REGION, timeMs: Date.now() };
    return { eventId: `variant-${events}`, service, name, ...at, request: told.request, response: told.response ?? {} };
  };
  const happen = async (attack: Attack, within: State = state) => {
    faulty.inject();
    const made = await attack.before(aws);
    const before = await attack.look(aws, made);
    const trusted = attack.becomes === undefined ? before : attack.becomes(before, made);
    const named = attack.names?.(made);
    const dry = named === undefined ? null : eventOf(named);
    const entry = dry === null ? null : entryOf(dry.service, dry.name);
    for (const resource of dry === null ? [] : (entry?.resources(dry) ?? []))
      if (entry !== null)
        await takeBaseline(
          { state: within, clock: systemClock },
          { entry, caller: real, resource, trust: 'enrolled', because: 'a test' },
        );
    await new Promise((resolve) => setTimeout(resolve, 5));
    const event = eventOf(await attack.attack(aws, made));
    faulty.calls.length = 0;
    return { made, trusted, event };
  };
  const look = (attack: Attack, made: Made) => attack.look(aws, made).catch(() => null);
  const writes = () => faulty.calls.filter((call) => !/^(Get|List|Describe|GET|HEAD)/.test(call));

  /** One of each protocol, and what its plan calls first. */
  const NIGHTS = [
    { row: 1, event: 'StopLogging', first: 'StartLogging' },
    { row: 13, event: 'PutBucketPolicy', first: 'PUT policy' },
    { row: 25, event: 'UpdateAssumeRolePolicy', first: 'UpdateAssumeRolePolicy' },
    { row: 38, event: 'PutKeyPolicy', first: '' },
  ];

  describe.each(NIGHTS)('row $row', ({ row, event: eventName, first }) => {
    const ran = async (kind: 'refused' | 'throttled' | 'lost', times: number) => {
      const attack = attackOf(row, eventName);
      const { made, trusted, event } = await happen(attack);
      const reverts = reverting();
      const [planned] = await reverts.plan(event, { caseId: null, mode: 'auto' });
      expect(planned).toMatchObject({ state: 'planned' });
      const [call] = planned?.plan?.calls ?? [];
      const operation = first.startsWith('PUT') ? first : (call?.operation ?? first);
      faulty.calls.length = 0;
      faulty.inject({ operation, kind, times });
      const ended = await reverts.run(planned?.id ?? '');
      faulty.inject();
      return { ended, found: await look(attack, made), trusted, made, attack, event };
    };

    test('AWS refuses: nothing changes, and it says so', async () => {
      const { ended } = await ran('refused', 10);
      expect(ended).toMatchObject({ state: 'failed', failure: expect.stringContaining('AccessDenied') });
    }, 60_000);

    test('AWS throttles: it waits and goes on', async () => {
      const { ended, found, trusted } = await ran('throttled', 4);
      expect(ended).toMatchObject({ state: 'reverted' });
      expect(found).toEqual(trusted);
    }, 60_000);

    test('the answer is lost: it is put back all the same, and reading back tells', async () => {
      const { ended, found, trusted } = await ran('lost', 3);
      expect(ended).toMatchObject({ state: 'reverted' });
      expect(found).toEqual(trusted);
    }, 60_000);

    test('throttled for ever: it ends, and says so', async () => {
      const { ended } = await ran('throttled', 1_000);
      expect(ended).toMatchObject({ state: 'failed', failure: expect.stringContaining('Throttling') });
    }, 60_000);
  });

  /**
   * A process that dies at its n-th step: a transaction or a call. By turns it dies before the step, and after it was done and before
   * anybody knew. From then on it does nothing more.
   */
  const mortal = (dieAt: number, isAfter: boolean) => {
    let steps = 0;
    let isDead = false;
    const step = async <T>(body: () => Promise<T>): Promise<T> => {
      if (isDead) throw new Error('dead');
      steps += 1;
      isDead = steps === dieAt;
      if (isDead && !isAfter) throw new Error('killed');
      const done = await body();
      if (isDead) throw new Error('killed');
      return done;
    };
    const mortalState: State = { ...state, transaction: (body) => step(() => state.transaction(body)) };
    const caller: Caller = { call: (call) => step(() => through.call(call)) };
    return { state: mortalState, callerOf: () => caller, died: () => isDead };
  };

  /** Another server, some minutes later, with nothing but the outbox to go by. */
  const comeBack = async (reverts: ReturnType<typeof reverting>, clock: ReturnType<typeof fastClock>) => {
    for (let look = 0; look < 20; look += 1) {
      clock.skip(60_000);
      const accept = async () => undefined;
      await workOnReverts({ state, clock, log: silentLog, reverts, accept, name: `back-${look}` });
    }
  };
  const seeds = (most: number) => {
    const random = seededRandom(7);
    const all = Array.from({ length: most }, (_, index) => index + 1).flatMap((at) => [
      [at, false] as const,
      [at, true] as const,
    ]);
    if (KILLS === 'all') return all;
    return Array.from(
      { length: Number(KILLS) },
      () => all[Math.floor(random.fraction() * all.length)] ?? ([1, false] as const),
    );
  };

  test('killed at any step of putting back, it is put back once', async () => {
    const attack = attackOf(2, 'DeleteTrail');
    let died = 0;
    for (const [dieAt, isAfter] of seeds(40)) {
      const { made, trusted, event } = await happen(attack);
      const { died: hasDied, ...parts } = mortal(dieAt, isAfter);
      const given = { caseId: null, mode: 'auto' } as const;
      const first = reverting(parts);
      await first
        .plan(event, given)
        .then(([planned]) => first.run(planned?.id ?? ''))
        .catch(() => null);
      died += Number(hasDied());
      const clock = fastClock();
      const second = reverting({ clock });
      // Whoever follows the case asks again, too, since it never heard that it was done.
      const [planned] = await second.plan(event, given);
      await comeBack(second, clock);
      expect([dieAt, isAfter, await findRevert(state.db, planned?.id ?? '')]).toMatchObject([
        dieAt,
        isAfter,
        { state: 'reverted' },
      ]);
      expect([dieAt, isAfter, await look(attack, made)]).toEqual([dieAt, isAfter, trusted]);
      // Only the call that was in doubt may have been made twice, and nothing is made twice that would be two.
      const made2 = writes();
      expect(made2.filter((call) => call === 'CreateTrail').length).toBe(1);
      expect(made2.length - new Set(made2).size).toBeLessThanOrEqual(1);
    }
    expect(died).toBeGreaterThan(0);
    expect((await verifyJournal(state)).ok).toBe(true);
  }, 300_000);

  test('killed at any step of undoing, it is undone once', async () => {
    const attack = attackOf(25, 'UpdateAssumeRolePolicy');
    for (const [dieAt, isAfter] of seeds(9)) {
      const { made, event } = await happen(attack);
      const attacked = await look(attack, made);
      const reverts = reverting();
      const [planned] = await reverts.plan(event, { caseId: null, mode: 'auto' });
      const id = planned?.id ?? '';
      expect(await reverts.run(id)).toMatchObject({ state: 'reverted' });
      faulty.calls.length = 0;
      await reverting(mortal(dieAt, isAfter))
        .undo(id, 'ann')
        .catch(() => null);
      const clock = fastClock();
      const second = reverting({ clock });
      await comeBack(second, clock);
      const left = await findRevert(state.db, id);
      // Killed before the wish was kept, nothing has happened.
      const wished = left?.state !== 'reverted';
      expect([dieAt, isAfter, left?.state]).toEqual([dieAt, isAfter, wished ? 'undone' : 'reverted']);
      if (wished) expect(await look(attack, made)).toEqual(attacked);
      expect(writes().length).toBeLessThanOrEqual(3);
    }
  }, 300_000);

  test('a process that slept while another went on calls nothing and writes nothing', async () => {
    const attack = attackOf(25, 'UpdateAssumeRolePolicy');
    const { made, trusted, event } = await happen(attack);
    const clock = fastClock();
    let other: Revert | null = null;
    let id = '';
    const sleepy: Caller = {
      call: async (call) => {
        const answer = await through.call(call);
        // After it has read, and before it calls: five minutes of nothing.
        if (id !== '' && other === null && (await findRevert(state.db, id))?.state === 'running') {
          clock.skip(5 * 60_000);
          other = await reverting({ clock }).run(id);
        }
        return answer;
      },
    };
    const slow = reverting({ clock, callerOf: () => sleepy });
    const [planned] = await slow.plan(event, { caseId: null, mode: 'auto' });
    id = planned?.id ?? '';
    faulty.calls.length = 0;
    expect(await slow.run(id)).toMatchObject({ state: 'reverted', failure: null });
    expect(other).toMatchObject({ state: 'reverted' });
    expect(writes()).toEqual(['UpdateAssumeRolePolicy', 'PutRolePolicy']);
    expect(await look(attack, made)).toEqual(trusted);
  }, 60_000);

  test('a trail that is stopped and then deleted is one plan, and comes back as it was', async () => {
    const stop = attackOf(1, 'StopLogging');
    const { made, trusted, event } = await happen(attackOf(2, 'DeleteTrail'));
    expect(stop).toBeDefined();
    const stopped = { ...event, eventId: `${event.eventId}-stop`, name: 'StopLogging', timeMs: event.timeMs - 1 };
    const reverts = reverting();
    const planned = await reverts.plan([event, stopped], { caseId: null, mode: 'auto' });
    expect(planned).toHaveLength(1);
    expect(await reverts.run(planned[0]?.id ?? '')).toMatchObject({
      state: 'reverted',
      earlier: [{ name: 'StopLogging' }],
    });
    expect(await look(attackOf(2, 'DeleteTrail'), made)).toEqual(trusted);
    expect(await reverts.plan(stopped, { caseId: null, mode: 'auto' })).toMatchObject([{ id: planned[0]?.id }]);
  }, 60_000);

  test('what failed is looked at again when a person asks, and waits for another', async () => {
    const attack = attackOf(25, 'UpdateAssumeRolePolicy');
    const { made, trusted, event } = await happen(attack);
    const reverts = reverting();
    const [planned] = await reverts.plan(event, { caseId: null, mode: 'auto' });
    const id = planned?.id ?? '';
    faulty.inject({ operation: 'UpdateAssumeRolePolicy', kind: 'refused', times: 1 });
    expect(await reverts.run(id)).toMatchObject({ state: 'failed' });
    const again = await reverts.planAgain(id, 'ann');
    expect(again).toMatchObject({ state: 'planned', mode: 'approve' });
    expect(await reverts.run(id)).toMatchObject({ state: 'planned' });
    expect(await reverts.planAgain(id, 'ann')).toBeNull();
    expect(await look(attack, made)).not.toEqual(trusted);
  }, 60_000);

  test('our own call explains one request; who repeats it with another content is not us', async () => {
    const attack = attackOf(25, 'UpdateAssumeRolePolicy');
    const { event } = await happen(attack);
    const reverts = reverting({ clock: systemClock });
    const [planned] = await reverts.plan(event, { caseId: null, mode: 'auto' });
    await reverts.run(planned?.id ?? '');
    const [call] = planned?.plan?.calls ?? [];
    const input = call?.input ?? {};
    const echo = (request: Json) => eventOf({ event: 'iam:UpdateAssumeRolePolicy', request });
    const ours = { roleName: input['RoleName'], policyDocument: input['PolicyDocument'] };
    const judge = (request: Json) => reverts.judgeOwn(echo(request), { issuerArn: OWN_ROLE });
    expect(await judge({ ...ours, roleName: 'another' })).toBe('stolen');
    expect(await judge(ours)).toBe('own');
    // CloudTrail delivers at least once.
    expect(await judge(ours)).toBe('own');
    expect(await judge({ ...ours, policyDocument: '{"evil":true}' })).toBe('stolen');
    expect(await reverts.judgeOwn({ ...echo(ours), timeMs: Date.now() + 3_600_000 }, { issuerArn: OWN_ROLE })).toBe(
      'stolen',
    );
  }, 60_000);

  describeWith({ name: 'PostgreSQL', present: POSTGRES_PRESENT })('two servers', () => {
    let shared: State;
    beforeAll(async () => {
      shared = await openTestPostgres();
    }, 180_000);
    afterAll(() => shared?.close());
    const servers = (parts: Partial<RevertOptions> = {}) =>
      [1, 2].map(() => reverting({ state: shared, clock: systemClock, ...parts }));

    test('plan the same at once: it is planned once', async () => {
      const attack = attackOf(25, 'UpdateAssumeRolePolicy');
      const { made, trusted, event } = await happen(attack, shared);
      const both = servers();
      const planned = (await Promise.all(both.map((one) => one.plan(event, { caseId: null, mode: 'auto' })))).flat();
      const [id = ''] = new Set(planned.map((one) => one.id));
      expect(new Set(planned.map((one) => one.id)).size).toBe(1);
      faulty.calls.length = 0;
      await Promise.all(both.map((one) => one.run(id)));
      expect(writes()).toEqual(['UpdateAssumeRolePolicy', 'PutRolePolicy']);
      expect(await look(attack, made)).toEqual(trusted);
      expect(await findRevert(shared.db, id)).toMatchObject({ state: 'reverted' });
    }, 60_000);

    test('are the last that may, both: one runs, one is held', async () => {
      const attack = attackOf(25, 'UpdateAssumeRolePolicy');
      const found = [await happen(attack, shared), await happen(attack, shared)];
      const one = reverting({ state: shared, clock: systemClock });
      const planned = await Promise.all(found.map(({ event }) => one.plan(event, { caseId: null, mode: 'auto' })));
      const both = servers({ mostPerAccount: 2 });
      const ended = await Promise.all(both.map((server, index) => server.run(planned[index]?.[0]?.id ?? '')));
      expect(new Set(ended.map((each) => each?.state))).toEqual(new Set(['held', 'reverted']));
      expect((await verifyJournal(shared)).ok).toBe(true);
    }, 60_000);
  });
});
