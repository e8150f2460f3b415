/** Exemptions over HTTP: look first, then make one with a second factor; the shapes are in `contract/src/exemptions.ts`. */
import { ExemptionParts, type ExemptionPreview, type ExemptionView, NewExemption } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../../ground/failure.ts';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { type Directory, namesPerson, resolveActor } from '../../people/person.ts';
import { type Guards, signedInOf } from '../../people/sign-in/guard.ts';
import type { SecondFactor } from '../../people/sign-in/second-factor.ts';
import { LONGEST_EXEMPTION_MS, tooWide } from './exemption.ts';
import { addExemption, coveredFindings, endExemption, type ExemptionTables, listExemptions } from './store.ts';

export interface ExemptionRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly random: Random;
  readonly secondFactor: SecondFactor;
  readonly nowMs: () => number;
  readonly directory: () => Promise<Directory>;
  /** What became of findings: the state of their case, and why it was paged. */
  readonly casesOf: (
    findingIds: readonly string[],
  ) => Promise<ReadonlyMap<string, { readonly state: string; readonly cause: string | null }>>;
}

const LOOK_BACK_MS = 30 * 86_400_000;
const MOST_SAMPLES = 10;
const LIMIT = { max: 20, timeWindow: 60_000 };
const Params = Type.Object({ id: Type.String({ maxLength: 64 }) });

export function registerExemptionRoutes(server: HttpServer, options: ExemptionRoutesOptions): void {
  const { state, guards, nowMs } = options;
  const responder = guards.role('responder');
  server.get('/api/exemptions', { config: { access: guards.person } }, async () => ({
    exemptions: (await listExemptions(state.db)).map((row) => viewExemption(row, nowMs())),
  }));
  server.post(
    '/api/exemptions/preview',
    { config: { access: responder }, schema: { body: ExemptionParts } },
    async (request): Promise<ExemptionPreview> => {
      refuseWide(request.body);
      return preview(options, request.body);
    },
  );
  server.post(
    '/api/exemptions',
    { config: { access: guards.human('responder'), rateLimit: LIMIT }, schema: { body: NewExemption } },
    async (request) => {
      const { code, expires, ...parts } = request.body;
      refuseWide(parts);
      const expiresMs = expiryOf(expires, nowMs());
      const by = signedInOf(request).person.id;
      await refuseOwn(by, parts, options);
      const id = options.random.id(nowMs());
      const made = await state.transaction(async (trx) => {
        if (!(await options.secondFactor.verifyTotp(trx, by, { code, nowMs: nowMs() }))) return false;
        await addExemption(trx, { ...parts, id, expiresMs }, { by, nowMs: nowMs() });
        return true;
      });
      if (!made) {
        throw new Failure('the code is wrong or was used', { code: 'wrong-code', httpStatus: 403, retryable: false });
      }
      return { id, preview: await preview(options, parts) };
    },
  );
  server.delete(
    '/api/exemptions/:id',
    { config: { access: responder }, schema: { params: Params } },
    async (request) => {
      const by = signedInOf(request).person.id;
      const ended = await state.transaction((trx) => endExemption(trx, request.params.id, { by, nowMs: nowMs() }));
      if (!ended) throw httpFailures.notFound();
      return { ended };
    },
  );
}

function refuseWide(parts: ExemptionParts): void {
  const why = tooWide(parts);
  if (why !== null) throw httpFailures.invalidInput('body', why);
}

/** Whoever holds somebody's account must not make it invisible: what a person does is exempted by another. */
async function refuseOwn(
  personId: string,
  parts: ExemptionParts,
  { state, directory, nowMs }: ExemptionRoutesOptions,
): Promise<void> {
  const known = await directory();
  const person = known.people.find(({ id }) => id === personId);
  const { findings } = await coveredFindings(state, parts, nowMs() - LOOK_BACK_MS);
  const did = findings.some(({ facts }) => {
    const found = resolveActor(facts, known);
    return found.type === 'person' && found.person.id === personId;
  });
  if (!did && (person === undefined || !namesPerson(parts.actor, person))) return;
  const message = 'this would exempt what you do yourself: ask somebody else to make it';
  throw new Failure(message, { code: 'own-exemption', httpStatus: 403, retryable: false });
}

function expiryOf(text: string, nowMs: number): number {
  const expiresMs = Date.parse(text);
  if (Number.isNaN(expiresMs)) throw httpFailures.invalidInput('expires', 'no time: write ISO 8601');
  if (expiresMs <= nowMs || expiresMs > nowMs + LONGEST_EXEMPTION_MS) {
    throw httpFailures.invalidInput('expires', 'must lie ahead, by 90 days at most');
  }
  return expiresMs;
}

async function preview(
  { state, casesOf, nowMs }: ExemptionRoutesOptions,
  parts: ExemptionParts,
): Promise<ExemptionPreview> {
  const { findings, cut } = await coveredFindings(state, parts, nowMs() - LOOK_BACK_MS);
  const cases = await casesOf(findings.map(({ id }) => id));
  const count = (fits: (found: { readonly state: string; readonly cause: string | null }) => boolean) =>
    findings.filter(({ id }) => {
      const found = cases.get(id);
      return found !== undefined && fits(found);
    }).length;
  return {
    findings: findings.length,
    denied: count(({ cause }) => cause === 'denied' || cause === 'fraud'),
    paged: count(({ cause }) => cause !== null),
    expired: count(({ cause }) => cause === 'expired'),
    confirmed: count(({ state: name }) => name === 'confirmed'),
    cut,
    samples: findings.slice(0, MOST_SAMPLES).map(({ id, facts }) => ({
      findingId: id,
      time: new Date(facts.timeMs).toISOString(),
      actor: facts.actor.id,
      action: facts.action,
    })),
  };
}

function viewExemption(row: ExemptionTables['exemption'], nowMs: number): ExemptionView {
  const { id, rule, actor, resource, account, reason, created_by: createdBy } = row;
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    id,
    rule,
    actor,
    resource,
    account,
    reason,
    createdBy,
    createdAt: iso(row.created_ms),
    expiresAt: iso(row.ended_ms ?? row.expires_ms),
    active: row.ended_ms === null && row.expires_ms > nowMs,
    hidden: row.hidden_count,
    lastHiddenAt: row.last_hidden_ms === null ? null : iso(row.last_hidden_ms),
  };
}
