/** Puts Slack together: the adapter, who is who, what is shown, what people click, and `/countersign`. */
import type { Deciding } from './cases/revert/deciding.ts';
import type { Cases } from './cases/cases.ts';
import { doersOf } from './cases/doers.ts';
import type { Factors } from './cases/challenge/factor.ts';
import type { LinkSigner } from './cases/challenge/link.ts';
import type { Proofs } from './cases/challenge/proofs.ts';
import { createCommand } from './cases/conversation/commands.ts';
import { createInteractions } from './cases/conversation/interactions.ts';
import { type Conversation, createConversation } from './cases/conversation/slack.ts';
import { createSlackPeople } from './cases/conversation/store.ts';
import { readSecret } from './ground/secret.ts';
import { loadTargets } from './on-call-now.ts';
import type { KnownPerson } from './people/person.ts';
import type { ResponseOptions } from './response.ts';
import { commandParts } from './slack-commands.ts';
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
  /** Null: reverts are not configured. */
  readonly reverting: { readonly deciding: Deciding } | null;
}

/** Null when Slack is not configured. */
export async function openSlack(options: OpenSlackOptions): Promise<SlackParts | null> {
  const { given, cases, proofs, factors, links, personOf, publicUrl, caseUrl, reverting } = options;
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
      deciding: reverting?.deciding ?? null,
      newId: () => given.options.random.id(cases.nowMs()),
      targets: () => loadTargets(options),
      doers: (caseId) => doersOf(caseId, { cases, people: given.people }),
      command: createCommand({
        ...commandParts(options),
        targets: () => loadTargets(options),
        personOf: (slackId) => people.personOf(slackId),
        answerUrl: (caseId) => answerUrlOf(caseId, options),
      }),
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

/** A link to the question for the person asked; null when it waits no more. */
async function answerUrlOf(caseId: string, { cases, links, publicUrl }: OpenSlackOptions): Promise<string | null> {
  return cases.state.transaction(async (trx) => {
    const asked = await cases.unit(trx).loadCase(caseId);
    if (asked?.state !== 'asked') return null;
    const ticket = { caseId, personId: asked.person.id, expiresMs: asked.deadlineMs };
    return `${publicUrl()}/challenge#${await links.mint(trx, ticket, cases.nowMs())}`;
  });
}
