/** Puts Slack together: the adapter, who is who, what is shown, what people click, and `/countersign`. */
import type { Cases } from './cases/cases.ts';
import type { Factors } from './cases/challenge/factor.ts';
import type { LinkSigner } from './cases/challenge/link.ts';
import type { Proofs } from './cases/challenge/proofs.ts';
import { createCommand, createInteractions } from './cases/conversation/interactions.ts';
import { type Conversation, createConversation } from './cases/conversation/slack.ts';
import { createSlackPeople } from './cases/conversation/store.ts';
import { targetsOf } from './cases/conversation/targets.ts';
import { parseCase } from './cases/sql-store.ts';
import type { CaseTables } from './cases/tables.ts';
import { findingsById } from './findings/store.ts';
import { readSecret } from './ground/secret.ts';
import type { Directory, KnownPerson } from './people/person.ts';
import { onCallAt } from './people/on-call/schedule.ts';
import { readOverrides } from './people/on-call/store.ts';
import type { ResponseOptions } from './response.ts';
import { raiseAlert } from './sources/alerts/raise.ts';
import { createSlack, type Slack } from './vendors/slack/slack.ts';

export interface SlackParts {
  readonly slack: Slack;
  readonly conversation: Conversation;
}

export interface OpenSlackOptions {
  readonly given: ResponseOptions;
  readonly cases: Cases;
  readonly proofs: Proofs;
  readonly factors: Factors;
  readonly links: LinkSigner;
  readonly personOf: (personId: string) => Promise<KnownPerson | null>;
  readonly publicUrl: () => string;
  readonly caseUrl: (caseId: string) => string;
}

const MOST_MINE = 20;

/** Null when Slack is not configured. */
export async function openSlack(options: OpenSlackOptions): Promise<SlackParts | null> {
  const { given, cases, proofs, factors, links, personOf, publicUrl, caseUrl } = options;
  const { environment, configuration, log } = given.options;
  const section = configuration.connections.slack;
  if (section === null) return null;
  const parts: { slack: Slack | null } = { slack: null };
  const client = () => {
    if (parts.slack === null) throw new Error('Slack is used before it is put together');
    return parts.slack.client;
  };
  const directory = () => given.people.directory(given.state.db);
  const people = createSlackPeople({ state: given.state, client, directory, nowMs: cases.nowMs });
  const botToken = await readSecret(section.bot_token, environment);
  const mode =
    section.app_token === undefined
      ? ({
          type: 'http',
          signingSecret: await readSecret(section.signing_secret ?? section.bot_token, environment),
        } as const)
      : ({ type: 'socket', appToken: await readSecret(section.app_token, environment) } as const);
  parts.slack = createSlack({
    botToken,
    mode,
    ...(section.url === undefined ? {} : { apiUrl: section.url }),
    handlers: createInteractions({
      cases,
      proofs,
      factors,
      links,
      people,
      client,
      publicUrl,
      caseUrl,
      newId: () => given.options.random.id(cases.nowMs()),
      targets: () => loadTargets(options),
      command: createCommand({ ...commandParts(options), caseUrl }),
    }),
    onError: (error) => log.warn('Slack: something went wrong', { error }),
  });
  const conversation = createConversation({
    cases,
    proofs,
    client,
    people,
    personById: personOf,
    caseUrl,
    securityChannel: section.security_channel ?? null,
  });
  return { slack: parts.slack, conversation };
}

type OnCallParts = Pick<OpenSlackOptions, 'given' | 'cases'>;

async function onCallNow({ given, cases }: OnCallParts, directory: Directory) {
  const overrides = await readOverrides(given.state.db, directory, cases.nowMs());
  return [...given.options.configuration.onCall.schedules.values()].map((schedule) => {
    const own = overrides.filter((override) => override.schedule === schedule.name);
    return { schedule: schedule.name, email: onCallAt(schedule, own, cases.nowMs()) };
  });
}

async function loadTargets(parts: OnCallParts) {
  const { state, people, options } = parts.given;
  const directory = await people.directory(state.db);
  const escalations = [...options.configuration.onCall.escalations.keys()];
  return targetsOf({ directory, escalations, onCall: await onCallNow(parts, directory) });
}

function commandParts({ given, cases }: OpenSlackOptions) {
  const { state, options } = given;
  return {
    mine: async (personId: string) => {
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
      return (await onCallNow({ given, cases }, directory)).map(({ schedule, email }) => ({
        schedule,
        name: directory.people.find((person) => person.email === email)?.name ?? email,
      }));
    },
    page: async (person: KnownPerson, text: string) => {
      const nowMs = cases.nowMs();
      const at = { nowMs, random: options.random };
      const alert = {
        action: 'trigger',
        dedupKey: `person:${options.random.id(nowMs)}`,
        summary: `${person.name}: ${text}`,
        severity: 'critical',
        source: 'Slack',
        class: 'Paged by a person',
        details: { by: person.email, text },
      } as const;
      await state.transaction((trx) => raiseAlert(trx, alert, at));
    },
  };
}
