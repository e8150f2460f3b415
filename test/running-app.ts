/** The real server for scenario tests: a configuration as people write it, people enrolled as people enrol, events as files bring them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import { type App, startApp } from '../server/src/app.ts';
import type { Case } from '../server/src/cases/case.ts';
import { parseCase } from '../server/src/cases/sql-store.ts';
import type { CaseTables } from '../server/src/cases/tables.ts';
import { readConfiguration } from '../server/src/configuration.ts';
import { formatConfigDiagnostic } from '../server/src/ground/config.ts';
import { type Clock, systemClock } from '../server/src/ground/clock.ts';
import { journalOfCase } from '../server/src/ground/journal.ts';
import { recordingLog } from '../server/src/ground/log.ts';
import { systemRandom } from '../server/src/ground/random.ts';
import { createSignInLink } from '../server/src/people/sign-in/links.ts';
import { cloudtrailSource } from '../server/src/sources/cloudtrail/cloudtrail.ts';
import { acceptBatch } from '../server/src/sources/inbox.ts';

export interface EnrolledPerson {
  readonly email: string;
  readonly cookie: string;
  /** A code that was not used before; waits for the next one where needed. */
  code(): Promise<string>;
}

export interface RunningApp {
  readonly app: App;
  readonly log: ReturnType<typeof recordingLog>;
  enrol(email: string, language?: 'en' | 'ja'): Promise<EnrolledPerson>;
  /** A console or an API client: JSON in, JSON out. */
  call(
    person: EnrolledPerson | null,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  /** A CloudTrail event of a moment ago. */
  happens(event: SampleEvent): Promise<void>;
  /** Cases, oldest first, of the actor when one is named. */
  cases(): Promise<readonly Case[]>;
  /** Waits until a case fits. */
  until(what: string, fits: (found: Case) => boolean): Promise<Case>;
  entries(caseId: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface SampleEvent {
  readonly call: string;
  readonly service?: string;
  readonly user: string;
  readonly account?: string;
  readonly request?: unknown;
  readonly response?: unknown;
  /** Instead of the IAM user. */
  readonly identity?: unknown;
}

let events = 0;
/** A machine for a test. */
const HERE = { hostname: 'web-1', host: '127.0.0.1', port: 0, clock: systemClock, random: systemRandom } as const;
const WAIT_MS = 8_000;
const STEP_MS = 50;

export async function startRunningApp(
  yaml: string,
  environment: Readonly<Record<string, string>>,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<RunningApp> {
  const { configuration, diagnostics } = readConfiguration(yaml, 'countersign.yaml');
  if (configuration === null) throw new Error(diagnostics.map(formatConfigDiagnostic).join('\n'));
  const folder = mkdtempSync(join(tmpdir(), 'countersign-running-'));
  const log = recordingLog();
  const app = await startApp({
    configuration,
    dataDirectory: folder,
    environment,
    ...HERE,
    clock,
    log,
  });
  const call: RunningApp['call'] = async (person, method, path, body) => {
    const response = await fetch(`${app.url}${path}`, {
      method,
      headers: {
        origin: app.url,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(person === null ? {} : { cookie: person.cookie }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text },
    };
  };
  const cases = async () => {
    const rows = await app.state.db
      .withTables<CaseTables>()
      .selectFrom('case_record')
      .select('document')
      .orderBy('opened_ms')
      .orderBy('id')
      .execute();
    return rows.map(({ document }) => parseCase(document));
  };
  return {
    app,
    log,
    call,
    cases,
    enrol: (email, language = 'en') => enrol(app, email, language),
    happens: (event) => happen(app, event),
    until: async (what, fits) => {
      const deadline = Date.now() + WAIT_MS;
      for (;;) {
        const found = (await cases()).find(fits);
        if (found !== undefined) return found;
        if (Date.now() > deadline)
          throw new Error(
            `not: ${what}; ${JSON.stringify(log.entries.filter(({ level }) => level === 'error').slice(-2))} cases are ${JSON.stringify((await cases()).map(({ rule, state, person }) => [rule, state, person?.name]))}`,
          );
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      }
    },
    entries: async (caseId) => (await journalOfCase(app.state, caseId, 1_000)).map(({ kind }) => kind),
    close: async () => {
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function happen(app: App, event: SampleEvent): Promise<void> {
  const { call: eventName, service = 'cloudtrail', user, account = '111122223333', request = {}, identity } = event;
  events += 1;
  const record = {
    eventVersion: '1.10',
    eventID: `00000000-0000-4000-8000-${String(events).padStart(12, '0')}`,
    eventName,
    eventSource: `${service}.amazonaws.com`,
    eventTime: `${new Date(Date.now() - 1_000).toISOString().slice(0, 19)}Z`,
    awsRegion: 'eu-west-1',
    recipientAccountId: account,
    sourceIPAddress: '203.0.113.7',
    userIdentity: identity ?? {
      type: 'IAMUser',
      userName: user,
      accountId: account,
      arn: `arn:aws:iam::${account}:user/${user}`,
    },
    requestParameters: request,
    responseElements: event.response ?? null,
    readOnly: false,
  };
  const admission = cloudtrailSource.admit(record);
  if (admission.type !== 'record') throw new Error(admission.reason);
  const { id, timeMs } = admission;
  const records = [{ id, timeMs, json: JSON.stringify(record) }];
  await acceptBatch(app.state, { source: 'aws_cloudtrail', origin: 'test', records }, Date.now());
}

async function enrol(app: App, email: string, language: 'en' | 'ja'): Promise<EnrolledPerson> {
  const { token } = await app.state.transaction((trx) =>
    createSignInLink(trx, { email }, { nowMs: Date.now(), random: systemRandom, createdBy: null }),
  );
  let cookie = '';
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${app.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: app.url, cookie },
      body: JSON.stringify(body),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) cookie = set.split(';')[0] ?? '';
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as Record<string, string>;
  };
  await post('/api/session/link', { token });
  const { secret } = await post('/api/enrolment/start', {});
  const totp = new TOTP({ secret: Secret.fromBase32(secret ?? '') });
  let lastStep = Math.floor(Date.now() / 30_000);
  await post('/api/enrolment/finish', {
    name: `${(email[0] ?? '').toUpperCase()}${email.split('@')[0]?.slice(1) ?? ''} Example`,
    email,
    passphrase: 'a long and fictional passphrase 7',
    code: totp.generate(),
    language,
  });
  return {
    email,
    cookie,
    code: async () => {
      // The next step's code is taken too: clocks differ, and no test should wait for half a minute.
      lastStep = Math.max(lastStep + 1, Math.floor(Date.now() / 30_000));
      while (lastStep * 30_000 > Date.now() + 29_000) await new Promise((resolve) => setTimeout(resolve, 200));
      return totp.generate({ timestamp: lastStep * 30_000 });
    },
  };
}
