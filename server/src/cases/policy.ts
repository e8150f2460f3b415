/**
 * The policy: which finding leads to what. Lines are tried in order, the first that matches decides.
 *
 * The surprise: a policy must end in a line that matches everything, and a finding that nevertheless matches no line is
 * paged. A hole in a policy must never mean silence.
 */
import { type Static, Type } from 'typebox';
import type { ActorKind } from '@countersign/contract';
import type { Finding } from '../findings/finding.ts';

import type { Decision, RevertWish } from './decision.ts';
import { parseDurationMs } from '../ground/duration.ts';
import { matchesAnyGlob } from '../ground/glob.ts';

const Words = Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: 100 })]);

/** One line as written in `countersign.yaml`. */
export const PolicyLineSchema = Type.Object(
  {
    when: Type.Object(
      {
        risk: Type.Optional(Type.String({ maxLength: 20 })),
        actor: Type.Optional(Words),
        actor_id: Type.Optional(Words),
        account: Type.Optional(Words),
        label: Type.Optional(Words),
        source: Type.Optional(Words),
        rule: Type.Optional(Words),
        tag: Type.Optional(Words),
        technique: Type.Optional(Words),
        action: Type.Optional(Words),
        region: Type.Optional(Words),
        failed: Type.Optional(Type.Boolean()),
      },
      { additionalProperties: false },
    ),
    then: Words,
    ask: Type.Optional(Type.String()),
    within: Type.Optional(Type.String()),
    else: Type.Optional(Words),
    revert: Type.Optional(Type.String({ maxLength: 20 })),
    escalation: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false },
);
export type PolicyLine = Static<typeof PolicyLineSchema>;

export const MAXIMUM_POLICY_LINES = 500;
export const PolicySchema = Type.Array(PolicyLineSchema, { minItems: 1, maxItems: MAXIMUM_POLICY_LINES });

/** What matters when nobody wrote a policy. */
export const DEFAULT_POLICY: readonly PolicyLine[] = [
  { when: { risk: '>= 85' }, then: ['page', 'revert'] },
  { when: { source: 'alert', risk: '>= 40' }, then: 'page' },
  { when: { source: 'alert' }, then: 'record' },
  {
    when: { risk: '>= 50', actor: ['person', 'federated'] },
    then: 'challenge',
    within: '10m',
    else: ['page', 'revert'],
  },
  { when: { risk: '>= 50' }, then: 'challenge', ask: 'owner', within: '30m', else: ['page', 'revert'] },
  { when: {}, then: 'record' },
];

export const DEFAULT_WITHIN_MS = 10 * 60_000;
export const MINIMUM_WITHIN_MS = 1_000;
export const MAXIMUM_WITHIN_MS = 24 * 3_600_000;

/** A complaint about a policy; `path` leads to the value inside the `policy` section: `[2, 'when', 'risk']`. */
export interface PolicyProblem {
  readonly severity: 'error' | 'warning';
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint: string;
}

/** What a policy may look at besides the finding. */
export interface PolicyContext {
  /** The actor was resolved to a known person: `actor: person` then holds whatever kind the event says. */
  readonly actorIsPerson: boolean;
}

export interface Policy {
  /** Pure. `risk` is the finding's, or its burst's where that is higher. */
  decide(finding: Finding, risk: number, context: PolicyContext): Decision;
}

type Check = (finding: Finding, risk: number, context: PolicyContext) => boolean;
interface CompiledLine {
  readonly checks: readonly Check[];
  readonly decision: Decision;
}

/** Compiles all lines and reports every problem at once; `policy` is null when any is an error. Never throws. */
export function compilePolicy(lines: readonly PolicyLine[]): {
  readonly policy: Policy | null;
  readonly problems: readonly PolicyProblem[];
} {
  const problems: PolicyProblem[] = [];
  const compiled = lines.map((line, index) =>
    compileLine(line, (path, message, hint, severity = 'error') => {
      problems.push({ severity, path: [index, ...path], message, hint });
    }),
  );
  const catchAll = lines.findIndex((line) => Object.keys(line.when).length === 0);
  if (catchAll === -1) {
    problems.push({
      severity: 'error',
      path: [lines.length - 1],
      message: 'no line matches everything, so that some findings would have no decision',
      hint: 'end the policy with `- { when: {}, then: record }`',
    });
  } else if (catchAll < lines.length - 1) {
    problems.push({
      severity: 'warning',
      path: [catchAll + 1],
      message: `never reached: line ${catchAll + 1} already matches everything`,
      hint: 'move the line with `when: {}` to the end',
    });
  }
  const ok = problems.every(({ severity }) => severity !== 'error');
  return { policy: ok ? policyOf(compiled) : null, problems };
}

function policyOf(lines: readonly CompiledLine[]): Policy {
  return {
    decide(finding, risk, context) {
      const line = lines.find(({ checks }) => checks.every((check) => check(finding, risk, context)));
      return line?.decision ?? { type: 'page' };
    },
  };
}

type Complain = (
  path: readonly (string | number)[],
  message: string,
  hint: string,
  severity?: PolicyProblem['severity'],
) => void;

function compileLine(line: PolicyLine, complain: Complain): CompiledLine {
  return { checks: compileWhen(line.when, complain), decision: compileThen(line, complain) };
}

const ACTOR_KINDS: readonly ActorKind[] = [
  'person',
  'role',
  'service',
  'root',
  'federated',
  'service-account',
  'anonymous',
  'unknown',
];
const SOURCES: readonly string[] = ['aws_cloudtrail', 'k8s_audit', 'syscall', 'alert'];

function compileWhen(when: PolicyLine['when'], complain: Complain): Check[] {
  const checks: Check[] = [];
  const words = (key: keyof PolicyLine['when'], value: Static<typeof Words> | undefined, known?: readonly string[]) => {
    const list = value === undefined ? null : toList(value);
    for (const word of known === undefined ? [] : (list ?? [])) {
      if (!known?.includes(word)) {
        complain(['when', key], `'${word}' is not one of the values of ${key}`, `use one of: ${known?.join(', ')}`);
      }
    }
    return list;
  };
  const globs = (
    key: keyof PolicyLine['when'],
    value: Static<typeof Words> | undefined,
    pick: (finding: Finding) => readonly (string | null)[],
  ) => {
    const patterns = words(key, value);
    if (patterns !== null) {
      checks.push((finding) => pick(finding).some((text) => text !== null && matchesAnyGlob(patterns, text)));
    }
  };

  if (when.risk !== undefined) {
    checks.push(compileRisk(when.risk, complain));
  }
  const kinds = words('actor', when.actor, ACTOR_KINDS);
  if (kinds !== null) {
    const isAsked = (kind: string, { actorIsPerson }: PolicyContext) =>
      kinds.includes(kind) || (actorIsPerson && kinds.includes('person'));
    checks.push((finding, _risk, context) => isAsked(finding.facts.actor.kind, context));
  }
  const sources = words('source', when.source, SOURCES);
  if (sources !== null) {
    checks.push((finding) => sources.includes(finding.facts.source));
  }
  globs('actor_id', when.actor_id, ({ facts: { actor } }) => [actor.id, actor.name, actor.session]);
  globs('account', when.account, ({ account }) => [account?.id ?? null, account?.name ?? null]);
  globs('label', when.label, ({ account }) => [account?.label ?? 'unknown']);
  globs('rule', when.rule, ({ rule }) => [rule]);
  globs('tag', when.tag, ({ tags }) => tags);
  globs('technique', when.technique, ({ techniques }) => techniques.flatMap(withParent));
  globs('action', when.action, ({ facts }) => [facts.action, `${facts.service}:${facts.action}`]);
  globs('region', when.region, ({ facts }) => [facts.region]);
  if (when.failed !== undefined) {
    const failed = when.failed;
    checks.push(({ facts }) => (facts.errorCode !== null) === failed);
  }
  return checks;
}

function compileRisk(text: string, complain: Complain): Check {
  const match = /^\s*(>=|<=|>|<|=)\s*(\d{1,3})\s*$/.exec(text);
  const bound = Number(match?.[2]);
  if (match === null || bound > 100) {
    complain(['when', 'risk'], `'${text}' is not a comparison with a risk`, "write it like '>= 50', from 0 to 100");
    return () => false;
  }
  switch (match[1]) {
    case '>=':
      return (_finding, risk) => risk >= bound;
    case '<=':
      return (_finding, risk) => risk <= bound;
    case '>':
      return (_finding, risk) => risk > bound;
    case '<':
      return (_finding, risk) => risk < bound;
    default:
      return (_finding, risk) => risk === bound;
  }
}

function compileThen(line: PolicyLine, complain: Complain): Decision {
  const words = toList(line.then);
  for (const word of words.filter((word) => !['record', 'challenge', 'page', 'revert'].includes(word))) {
    complain(['then'], `'${word}' is not something a policy can do`, 'use record, challenge, page or [page, revert]');
  }
  const acts = words.filter((word) => word !== 'revert');
  if (acts.length !== 1 || (acts[0] === 'record' && words.length > 1)) {
    complain(
      ['then'],
      'a line does exactly one of record, challenge and page',
      'write `then: challenge`, or [page, revert]',
    );
  }
  const revert = revertOf(line, complain);
  if (acts[0] !== 'challenge') {
    for (const key of ['ask', 'within', 'else'] as const) {
      if (line[key] !== undefined) {
        complain([key], `'${key}' only means something with \`then: challenge\``, `remove ${key}, or challenge`);
      }
    }
    if (acts[0] !== 'record') return { type: 'page', ...escalationOf(line), ...revert };
    if (line.escalation !== undefined) {
      complain(['escalation'], 'a record pages nobody', 'remove escalation, or page');
    }
    return { type: 'record' };
  }
  return compileChallenge(line, revert, complain);
}

const WISHES: readonly RevertWish[] = ['plan', 'approve', 'auto'];

/** `revert: approve` says how far the word `revert` in `then` or `else` may go. */
function revertOf(line: PolicyLine, complain: Complain): { readonly revert?: RevertWish } {
  const isWanted = [...toList(line.then), ...toList(line.else ?? [])].includes('revert');
  if (line.revert === undefined) return isWanted ? { revert: 'usual' } : {};
  const wish = WISHES.find((one) => one === line.revert);
  if (wish === undefined) complain(['revert'], `'${line.revert}' is no way to put back`, 'use plan, approve or auto');
  if (!isWanted) complain(['revert'], 'nothing is put back by this line', 'write [page, revert] in then or else');
  return isWanted ? { revert: wish ?? 'plan' } : {};
}

function compileChallenge(line: PolicyLine, revert: { readonly revert?: RevertWish }, complain: Complain): Decision {
  const ask = line.ask ?? 'actor';
  if (ask !== 'actor' && ask !== 'owner') {
    complain(['ask'], `'${ask}' cannot be asked`, 'use actor (who did it) or owner (whose account it is)');
  }
  const otherwise = toList(line.else ?? 'page');
  if (!otherwise.includes('page') || otherwise.some((word) => word !== 'page' && word !== 'revert')) {
    complain(['else'], 'silence always ends in a page', 'write `else: page`, `else: [page, revert]`, or leave it out');
  }
  const withinMs = line.within === undefined ? DEFAULT_WITHIN_MS : parseDurationMs(line.within);
  if (withinMs === null || withinMs < MINIMUM_WITHIN_MS || withinMs > MAXIMUM_WITHIN_MS) {
    complain(['within'], `'${line.within}' is not a time to answer`, "write it like '10m', from 1s to 24h");
  }
  return {
    type: 'challenge',
    ask: ask === 'owner' ? 'owner' : 'actor',
    withinMs: withinMs ?? DEFAULT_WITHIN_MS,
    ...escalationOf(line),
    ...revert,
    ...(toList(line.then).includes('revert') ? { revertFirst: true } : {}),
  };
}

/** Whether the ladder exists is checked where ladders are known. */
function escalationOf({ escalation }: PolicyLine): { readonly escalation?: string } {
  return escalation === undefined ? {} : { escalation };
}

function toList(words: Static<typeof Words>): readonly string[] {
  return typeof words === 'string' ? [words] : words;
}

/** `T1562` in a policy also means its sub-techniques. */
function withParent(technique: string): string[] {
  const parent = technique.split('.')[0];
  return parent === undefined || parent === technique ? [technique] : [technique, parent];
}
