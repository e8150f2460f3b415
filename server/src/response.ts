/**
 * Puts the answering side together: how questions reach people, how they prove who they are, how pages go out, and whatever
 * shows cases elsewhere. Everything that is not configured is left out; the console is always there.
 */
import type { PersonalChannel } from '@countersign/contract';
import { createCases } from './cases/cases.ts';
import type { ChallengeOptions } from './cases/challenge/challenge.ts';
import type { Factors, Prover } from './cases/challenge/factor.ts';
import { createLinkSigner } from './cases/challenge/link.ts';
import { createProofs } from './cases/challenge/proofs.ts';
import type { Follower } from './cases/follow.ts';
import { consoleChannel, type PageChannel } from './cases/page/page.ts';
import { pagerDutyChannel } from './cases/page/pagerduty.ts';
import { webhookChannel } from './cases/page/webhook.ts';
import { createSqlStore, type LoadPlanner } from './cases/sql-store.ts';
import type { WorkerOptions } from './cases/worker.ts';
import type { AppOptions } from './app.ts';
import type { HttpServer } from './ground/http.ts';
import { readSecret } from './ground/secret.ts';
import type { State, StateTransaction } from './ground/state.ts';
import type { People } from './people/people.ts';
import type { Guards } from './people/sign-in/guard.ts';
import type { SecretBox } from './people/sign-in/secret-box.ts';
import type { SecondFactor } from './people/sign-in/second-factor.ts';
import { createLoadPlanner } from './planning.ts';

export interface ResponseOptions {
  readonly options: AppOptions;
  readonly state: State;
  readonly serverKey: Uint8Array;
  readonly url: { readonly current: string | null };
  readonly people: People;
  readonly box: SecretBox;
  readonly secondFactor: SecondFactor;
}

export interface Response {
  readonly challenge: ChallengeOptions;
  readonly worker: Omit<WorkerOptions, 'name'>;
  readonly loadPlanner: LoadPlanner;
  readonly followers: readonly string[];
  readonly channelNames: readonly string[];
  readonly personal: readonly PersonalChannel[];
  readonly pushKey: string | null;
  register(server: HttpServer, guards: Guards): void;
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function openResponse(given: ResponseOptions): Promise<Response> {
  const { options, state, serverKey, url, people, secondFactor } = given;
  const { clock, random, log, configuration } = options;
  const configured = await openChannels(options);
  const personal: readonly PersonalChannel[] = [];
  const channelNames = configured.map(({ name }) => name);
  const loadPlanner = createLoadPlanner({ configuration, people, channels: channelNames, personal });
  const followers: readonly Follower[] = [];
  const followerNames = followers.map(({ name }) => name);
  const cases = createCases({ state, loadPlanner, followers: followerNames, nowMs: () => clock.nowMs() });
  const factors: Factors = {
    totp: {
      has: (trx, personId) => secondFactor.hasTotp(trx, personId),
      verify: (trx, personId, proof) => secondFactor.verifyTotp(trx, personId, proof),
    },
    passkey: null,
    push: null,
    prompt: null,
  };
  const proverOf = async (trx: StateTransaction, personId: string): Promise<Prover | null> => {
    const person = (await people.directory(trx)).people.find(({ id }) => id === personId);
    if (person === undefined) return null;
    const { id, name, email, identities } = person;
    return { id, name, email, duoUsername: identities.duoUsername ?? email };
  };
  const proofs = createProofs({ cases, factors, random, proverOf });
  const links = createLinkSigner(serverKey, random);
  return {
    challenge: { cases, links, factors, proofs, proverOf },
    worker: {
      store: createSqlStore(state, loadPlanner),
      channels: new Map(configured.map((channel) => [channel.name, channel])),
      followers: new Map(followers.map((follower) => [follower.name, follower])),
      // The question stands on the Now page of the person asked; other ways to reach people come beside it.
      ask: async () => ({ type: 'delivered' }),
      prove: (proofId) => proofs.prove(proofId),
      caseUrl: (caseId) => `${url.current ?? ''}/cases/${caseId}`,
      clock,
      random,
      log,
    },
    loadPlanner,
    followers: followerNames,
    channelNames,
    personal,
    pushKey: null,
    register: () => undefined,
    start: async () => undefined,
    close: async () => undefined,
  };
}

/** The console is always among them: a page has somewhere to stand even when nothing else is configured. */
async function openChannels({ configuration, environment, clock }: AppOptions): Promise<readonly PageChannel[]> {
  const channels: PageChannel[] = [consoleChannel];
  for (const page of configuration.pages) {
    if (page.type === 'pagerduty') {
      const routingKey = await readSecret(page.routingKey, environment);
      channels.push(pagerDutyChannel({ name: page.name, url: page.url, routingKey }));
    } else {
      const secret = await readSecret(page.secret, environment);
      channels.push(webhookChannel({ name: page.name, url: page.url, secret, nowMs: () => clock.nowMs() }));
    }
  }
  return channels;
}
