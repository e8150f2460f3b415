/**
 * What must hold of a night, whatever happened in it. Looked at twice: after an hour in which nobody answered, and after somebody ended
 * everything.
 */
import type { Case } from '../../../server/src/cases/case.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';
import type { KeptEntry } from './night-store.ts';

export interface Violation {
  readonly seed: number;
  readonly promise: string;
  readonly detail: string;
}

/** What the outside world saw. */
export interface Evidence {
  readonly seed: number;
  /** Case → `person:channel` of every page that a vendor took. */
  readonly delivered: Map<string, Set<string>>;
  /** Case → the newest version that chat shows. */
  readonly followed: Map<string, number>;
  readonly answers: { readonly caseId: string; readonly by: string; readonly digest: string }[];
  readonly findings: ReadonlyMap<string, Finding>;
  /** What must never happen at all. */
  readonly unexpected: string[];
  /** How the newest incident of a case stands in PagerDuty; null: there is none. */
  readonly statusOf: (caseId: string) => string | null;
  readonly nowMs: () => number;
  readonly ladderMs: number;
}

const EVERYBODY = ['ben:slack', 'ben:sms', ':pager', ':pagerduty'];
const CASE_RISK = 50;

/** After an hour in which nobody answered, with every vendor up. */
export function checkPeace(evidence: Evidence, cases: readonly Case[]): Violation[] {
  const { seed, delivered, statusOf, ladderMs } = evidence;
  const violations: Violation[] = [];
  const broken = (promise: string, detail: string) => violations.push({ seed, promise, detail });
  for (const found of cases) {
    if (found.state === 'asked') broken('a challenge ends', `${found.id} still waits`);
    if (found.state === 'acknowledged') broken('an acknowledgement that is not followed up runs out', found.id);
    const isWhole = found.state === 'paged' && found.pagedMs < evidence.nowMs() - ladderMs;
    if (isWhole) {
      const reached = delivered.get(found.id) ?? new Set();
      if (!EVERYBODY.every((who) => reached.has(who)))
        broken('a page climbs the whole ladder', `${found.id} reached ${[...reached].join(' ')}`);
      const status = statusOf(found.id);
      if (status !== 'triggered')
        broken('PagerDuty calls for what pages here', `${found.id} is ${status ?? 'unknown'}`);
    }
  }
  return violations;
}

/** After somebody ended everything. */
export async function checkEnd(
  evidence: Evidence,
  cases: readonly Case[],
  entriesOf: (caseId: string) => Promise<readonly KeptEntry[]>,
): Promise<Violation[]> {
  const { seed, findings, followed, statusOf, unexpected } = evidence;
  const violations: Violation[] = unexpected.map((detail) => ({ seed, promise: 'nothing unexpected happens', detail }));
  const broken = (promise: string, detail: string) => violations.push({ seed, promise, detail });
  for (const found of cases) {
    const entries = await entriesOf(found.id);
    checkCase(found, entries, { evidence, broken });
    if ((followed.get(found.id) ?? 0) < found.version) broken('what shows a case follows it', found.id);
    const status = statusOf(found.id);
    if (found.state === 'resolved' && status !== null && status !== 'resolved')
      broken('what ended here has ended in PagerDuty', `${found.id} is ${status}`);
  }
  for (const finding of findings.values()) {
    const owners = cases.filter(({ findingIds }) => findingIds.includes(finding.id));
    if (owners.length > 1) broken('a finding belongs to one case', finding.id);
    if (owners.length === 0 && finding.risk >= CASE_RISK) broken('no finding is lost', finding.id);
  }
  return violations;
}

function checkCase(
  found: Case,
  entries: readonly KeptEntry[],
  { evidence, broken }: { readonly evidence: Evidence; readonly broken: (promise: string, detail: string) => void },
): void {
  const kinds = entries.map(({ kind }) => kind);
  if (entries.some(({ kind, actor }) => kind === 'page-acknowledged' && actor !== null && NO_PERSON.test(actor)))
    broken('only a person acknowledges', found.id);
  if (found.state === 'confirmed') {
    const proven = evidence.answers.some(
      ({ caseId, by, digest }) => caseId === found.id && by === found.person?.id && digest === found.digest,
    );
    if (!proven) broken('confirmed only with a proof of exactly these changes by the person asked', found.id);
    if (!kinds.includes('challenge-confirmed')) broken('every arrow is a journal entry', `${found.id} confirmed`);
    return;
  }
  if (found.state !== 'resolved') broken('what is acknowledged and resolved ends', `${found.id} is ${found.state}`);
  if (
    !kinds.some((kind) => kind === 'paged' || kind === 'paged-again' || kind === 'escalated' || kind === 'reassigned')
  )
    broken('a case that is not confirmed has paged', found.id);
  const ended = kinds.includes('case-resolved') || kinds.includes('case-merged');
  if (!ended && found.state === 'resolved') broken('every arrow is a journal entry', `${found.id} resolved`);
}

/** PagerDuty's own integrations and services. */
const NO_PERSON = /^pagerduty(?:$|:PINT|:PSVC)/;
