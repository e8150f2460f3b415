/**
 * Duo's Universal Prompt through its official library: a page of Duo's in the person's own browser.
 *
 * The surprise: Duo says "allow" also when nobody was asked (a bypassed user, a remembered device, a trusted network). Only
 * factors that a person must have used just now are a proof.
 */
import { Client } from '@duosecurity/duo_universal';

export interface PromptSettings {
  readonly host: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the browser comes back to. */
  readonly redirectUrl: string;
  /** For relays and fakes; left out: https on the host, with Duo's own certificates alone. */
  readonly url?: string;
}

/** The library sets no time limit of its own. */
const TIMEOUT_MS = 10_000;

export type PromptResult =
  | { readonly type: 'proven'; readonly factor: string }
  | { readonly type: 'refused' }
  | { readonly type: 'fraud' }
  | { readonly type: 'bypassed'; readonly factor: string }
  | { readonly type: 'unreachable' };

/** What a person does with something they have. A bypass code is a word somebody else gave them. */
const PROVING = /push|passcode(?!.*bypass)|phone_call|token|webauthn|authenticator|u2f|yubikey|passkey|security_key/i;
/** Why Duo let somebody in without asking them. */
const LET_IN = /bypass|remembered|trusted|allow_unenrolled|allowed_by_policy|location_|network/i;
const NEVER_PROVING = /bypass|remembered|trusted|not_available|^$/i;

/** Null when Duo is not there or does not take the settings. */
export async function promptUrl(settings: PromptSettings, username: string, state: string): Promise<string | null> {
  try {
    const client = clientOf(settings);
    await inTime(client.healthCheck());
    return await client.createAuthUrl(username, state);
  } catch {
    return null;
  }
}

/** What came of it. The library checks signature, audience, expiry and that it was this very user. */
export async function promptResult(settings: PromptSettings, username: string, code: string): Promise<PromptResult> {
  try {
    const token = await inTime(clientOf(settings).exchangeAuthorizationCodeFor2FAResult(code, username));
    const { result, status } = token.auth_result;
    const factor = token.auth_context?.factor ?? '';
    if (status === 'fraud' || token.auth_context?.reason === 'user_marked_fraud') return { type: 'fraud' };
    if (result !== 'allow') return { type: 'refused' };
    const reason = token.auth_context?.reason ?? '';
    const proves = PROVING.test(factor) && !NEVER_PROVING.test(factor) && !LET_IN.test(reason);
    return proves ? { type: 'proven', factor } : { type: 'bypassed', factor };
  } catch (error) {
    // A code that is not Duo's is refused by Duo; anything that is no answer at all is told apart.
    const cause = (error as { inner?: { response?: unknown } }).inner;
    return cause === undefined || cause.response !== undefined ? { type: 'refused' } : { type: 'unreachable' };
  }
}

function clientOf({ host, clientId, clientSecret, redirectUrl, url }: PromptSettings): Client {
  const client = new Client({ apiHost: host, clientId, clientSecret, redirectUrl });
  // The library has no setting for a relay; it speaks through this one member.
  if (url !== undefined) Reflect.set(client, 'axios', relayTo(url));
  return client;
}

/** What the library needs of its transport: one POST of a form, and failures that carry the answer. */
function relayTo(url: string) {
  return {
    post: async (path: string, form: URLSearchParams) => {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        body: form,
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const data: unknown = await response.json();
      if (response.ok) return { data };
      throw Object.assign(new Error(`Duo answers ${response.status}`), {
        isAxiosError: true,
        response: { status: response.status, data },
      });
    },
  };
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Duo does not answer')), TIMEOUT_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
