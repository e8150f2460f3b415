/** What `/countersign` looks at and does: people on call, cases, planned work and monitored jobs, joined for one person. */
import type { CommandOptions } from './cases/conversation/commands.ts';
import { endMaintenance, maintenanceWindows, planMaintenance } from './cases/page/maintenance.ts';
import { parseCase } from './cases/sql-store.ts';
import type { CaseTables } from './cases/tables.ts';
import { findingsById } from './findings/store.ts';
import { addOverride, endOverride, readOverrides } from './people/on-call/store.ts';
import { type AnsweringRooms, onCallNow } from './on-call-now.ts';
import type { KnownPerson } from './people/person.ts';
import { heartbeatHealth } from './sources/alerts/heartbeats.ts';
import { CALL_FOR_HELP, raiseAlert } from './sources/alerts/raise.ts';

const MOST_MINE = 20;

export function commandParts(rooms: AnsweringRooms): Omit<CommandOptions, 'targets' | 'personOf' | 'answerUrl'> {
  return { ...asking(rooms), ...standingIn(rooms), ...planning(rooms) };
}

function asking({ given, cases }: AnsweringRooms): Pick<CommandOptions, 'mine' | 'whoIsOnCall' | 'page'> {
  const { state, options } = given;
  return {
    mine: async (personId) => {
      const rows = await state.db
        .withTables<CaseTables>()
        .selectFrom('case_record')
        .select('document')
        .where('state', '=', 'asked')
        .where('person_id', '=', personId)
        .limit(MOST_MINE)
        .execute();
      const mine = rows.map(({ document }) => parseCase(document));
      const headlines = await findingsById(
        state.db,
        mine.map(({ headlineId }) => headlineId),
      );
      return mine.flatMap((one) => {
        const headline = headlines.find(({ id }) => id === one.headlineId);
        if (one.state !== 'asked' || headline === undefined) return [];
        return [{ id: one.id, action: headline.facts.action, deadlineMs: one.deadlineMs }];
      });
    },
    whoIsOnCall: async () => {
      const directory = await given.people.directory(state.db);
      return (await onCallNow({ given, cases }, directory)).map(({ schedule, email, untilMs }) => ({
        schedule,
        name: directory.people.find((person) => person.email === email)?.name ?? email,
        untilMs,
      }));
    },
    page: async (person, text, target) => {
      const nowMs = cases.nowMs();
      const at = { nowMs, random: options.random };
      const alert = {
        action: 'trigger',
        dedupKey: `person:${options.random.id(nowMs)}`,
        summary: `${person.name}: ${text}`,
        severity: 'critical',
        source: 'Slack',
        class: CALL_FOR_HELP,
        details: {
          by: person.email,
          text,
          people: target?.people.map(({ id }) => id) ?? [],
          escalation: target?.escalation ?? null,
        },
      } as const;
      await state.transaction((trx) => raiseAlert(trx, alert, at));
    },
  };
}

function standingIn({ given, cases }: AnsweringRooms): Pick<CommandOptions, 'cover' | 'uncover'> {
  const { state, options, people } = given;
  return {
    cover: async ({ id: personId }: KnownPerson, schedule, lengthMs) => {
      if (!options.configuration.onCall.schedules.has(schedule)) return false;
      const nowMs = cases.nowMs();
      const override = { id: options.random.id(nowMs), schedule, personId, fromMs: nowMs, toMs: nowMs + lengthMs };
      await state.transaction((trx) => addOverride(trx, override, { by: personId, nowMs }));
      return true;
    },
    uncover: async ({ id: personId }, schedule) => {
      const nowMs = cases.nowMs();
      const overrides = await readOverrides(state.db, await people.directory(state.db), nowMs);
      const mine = overrides.filter(
        (one) => one.personId === personId && one.schedule === schedule && one.fromMs <= nowMs,
      );
      await state.transaction(async (trx) => {
        for (const { id } of mine) await endOverride(trx, id, { by: personId, nowMs });
      });
      return mine.length;
    },
  };
}

type Planning = Pick<CommandOptions, 'windows' | 'plan' | 'endWindow' | 'heartbeats'>;

function planning({ given, cases }: AnsweringRooms): Planning {
  const { state, options } = given;
  const { nowMs } = cases;
  return {
    windows: () => maintenanceWindows(state.db, nowMs()),
    plan: ({ id: by }, { parts, reason, lengthMs }) => {
      const [from, to] = [nowMs(), nowMs() + lengthMs].map((ms) => new Date(ms).toISOString());
      const window = { ...parts, reason, from: from ?? '', to: to ?? '' };
      return state.transaction((trx) => planMaintenance(trx, window, { random: options.random, nowMs, by }));
    },
    endWindow: ({ id: by }, windowId) =>
      state.transaction((trx) => endMaintenance(trx, windowId, { by, nowMs: nowMs() })),
    heartbeats: () => heartbeatHealth(state, options.configuration.heartbeats),
  };
}
