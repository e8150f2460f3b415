/**
 * Time-based one-time codes (RFC 6238: SHA-1, six digits, thirty seconds), as every authenticator app speaks them.
 *
 * Here is only the arithmetic. That a code counts once is held by the store, which remembers the last time step used:
 * a code seen over a shoulder is worth nothing once its owner has typed it.
 */
import { Secret, TOTP } from 'otpauth';
import type { Random } from '../../ground/random.ts';

export const STEP_MS = 30_000;
const SECRET_BYTES = 20;
/** Steps before and after now in which a code still counts: clocks differ, and typing takes time. */
const TOLERATED_STEPS = 1;
const ISSUER = 'Countersign';

/** Base32, as shown to the person. */
export function createTotpSecret(random: Random): string {
  return new Secret({ buffer: new Uint8Array(random.bytes(SECRET_BYTES)).buffer }).base32;
}

/** `otpauth://totp/…`, for the QR code. */
export function totpUrl(secret: string, email: string): string {
  return totpOf(secret, email).toString();
}

/** The time step that `code` belongs to, or null when it is no code of this secret about now. Constant time. */
export function matchTotpStep(secret: string, code: string, nowMs: number): number | null {
  const token = code.replace(/[\s-]/g, '');
  if (!/^\d{6}$/.test(token)) {
    return null;
  }
  const delta = totpOf(secret, '').validate({ token, timestamp: nowMs, window: TOLERATED_STEPS });
  return delta === null ? null : Math.floor(nowMs / STEP_MS) + delta;
}

/** What an authenticator would show; for tests and tools. */
export function totpCode(secret: string, nowMs: number): string {
  return totpOf(secret, '').generate({ timestamp: nowMs });
}

function totpOf(secret: string, label: string): TOTP {
  return new TOTP({ issuer: ISSUER, label: label === '' ? 'code' : label, secret: Secret.fromBase32(secret) });
}
