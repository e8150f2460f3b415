/**
 * Duo as a second factor: a push that shows the change, and a page of Duo's as the way around a phone that gets none.
 *
 * The surprise: a user whom Duo would let in without asking ("allow" before anything was sent) has proven nothing, and is told
 * to prove it another way.
 */
import type { DuoAuthApi } from '../../vendors/duo/auth-api.ts';
import { promptResult, promptUrl, type PromptSettings } from '../../vendors/duo/universal-prompt.ts';
import type { PromptFactor, PushFactor, PushStatus, Shown } from './factor.ts';

const AGAIN_MS = 500;
const UNREACHABLE_AGAIN_MS = 3_000;
/** A phone shows little. */
const LONGEST_VALUE = 120;
const SECOND_MS = 1_000;

export function duoPush(api: DuoAuthApi): PushFactor {
  return {
    async begin({ duoUsername, name }, shown) {
      const preauth = await api.preauth(duoUsername);
      if (preauth.type === 'busy') return { type: 'later', afterMs: preauth.retryAfterMs };
      if (preauth.type === 'unreachable') return { type: 'later', afterMs: UNREACHABLE_AGAIN_MS };
      if (preauth.type === 'refused') return { type: 'no-proof', why: 'unavailable' };
      if (preauth.value.result === 'allow') return { type: 'no-proof', why: 'bypassed' };
      if (preauth.value.result !== 'auth' || !preauth.value.canPush) return { type: 'no-proof', why: 'unavailable' };
      const push = await api.startPush({
        username: duoUsername,
        displayUsername: name,
        type: 'Was this you?',
        shown: pushInfo(shown),
        ipAddress: shown.headline.facts.sourceIp,
      });
      if (push.type === 'ok') return { type: 'waiting', transactionId: push.value };
      if (push.type === 'busy') return { type: 'later', afterMs: push.retryAfterMs };
      return push.type === 'unreachable'
        ? { type: 'later', afterMs: UNREACHABLE_AGAIN_MS }
        : { type: 'no-proof', why: 'unavailable' };
    },
    async status(transactionId) {
      const status = await api.pushStatus(transactionId);
      if (status.type === 'busy') return { type: 'waiting', afterMs: status.retryAfterMs };
      if (status.type === 'unreachable') return { type: 'waiting', afterMs: UNREACHABLE_AGAIN_MS };
      if (status.type === 'refused') return { type: 'no-proof', why: 'timed-out' };
      return verdictOf(status.value.result, status.value.status);
    },
  };
}

function verdictOf(result: 'waiting' | 'allow' | 'deny', status: string): PushStatus {
  if (result === 'waiting') return { type: 'waiting', afterMs: AGAIN_MS };
  if (result === 'allow') {
    // "allow" after a push is the person's own; "bypass" beside it is not.
    return status === 'bypass' ? { type: 'no-proof', why: 'bypassed' } : { type: 'proven' };
  }
  switch (status) {
    case 'fraud':
      return { type: 'fraud' };
    case 'timeout':
      return { type: 'no-proof', why: 'timed-out' };
    case 'locked_out':
      return { type: 'no-proof', why: 'locked-out' };
    default:
      return { type: 'no-proof', why: 'refused' };
  }
}

/** What stands on the phone: exactly the change that a tap confirms. */
export function pushInfo({ headline, changes, deadlineMs }: Shown): readonly (readonly [string, string])[] {
  const { facts, account } = headline;
  const values: readonly (readonly [string, string | null])[] = [
    ['Call', facts.action],
    ['By', facts.actor.session ?? facts.actor.name],
    ['Resource', facts.resources[0]?.id ?? null],
    ['Account', account?.name ?? facts.account],
    ['Region', facts.region],
    ['From', facts.sourceIp],
    ['At', `${new Date(facts.timeMs).toISOString().slice(0, 19)}Z`],
    ['More changes', changes > 1 ? String(changes - 1) : null],
    ['Answer by', `${new Date(Math.floor(deadlineMs / SECOND_MS) * SECOND_MS).toISOString().slice(11, 19)}Z`],
  ];
  return values.flatMap(([name, value]) =>
    value === null ? [] : [[name, value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value] as const],
  );
}

export function duoPrompt(settings: () => PromptSettings): PromptFactor {
  return {
    async begin({ duoUsername }, state) {
      const url = await promptUrl(settings(), duoUsername, state);
      return url === null ? { type: 'no-proof', why: 'unreachable' } : { type: 'redirect', url };
    },
    async finish({ duoUsername }, code) {
      const result = await promptResult(settings(), duoUsername, code);
      switch (result.type) {
        case 'proven':
        case 'fraud':
          return { type: result.type };
        case 'refused':
        case 'bypassed':
        case 'unreachable':
          return { type: 'no-proof', why: result.type };
      }
    },
  };
}
