/**
 * Passphrases: scrypt with a salt, compared in constant time.
 *
 * The surprise: checking against nobody costs as much as checking against somebody, so that the time of an answer does
 * not tell whether an address has an account.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../ground/random.ts';

export const MINIMUM_PASSPHRASE_LENGTH = 12;
export const MAXIMUM_PASSPHRASE_LENGTH = 1_024;

interface Cost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and about a fifth of a second on a small server. Stored with each hash, so that it can be raised later. */
const COST: Cost = { logN: 15, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** What a stored hash may ask of us at most: 256 MiB. */
const MAXIMUM_LOG_N = 18;
const MAXIMUM_R = 8;
const MAXIMUM_P = 8;

/** `scrypt$logN$r$p$salt$hash`, salt and hash in base64url. */
export async function hashPassphrase(passphrase: string, random: Random): Promise<string> {
  const salt = Buffer.from(random.bytes(SALT_BYTES));
  const hash = await derive(passphrase, salt, COST);
  const { logN, r, p } = COST;
  return ['scrypt', logN, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** False also for `null` (nobody, or nobody with a passphrase) and for a hash we do not understand; always works as hard. */
export async function verifyPassphrase(passphrase: string, stored: string | null): Promise<boolean> {
  const parsed = stored === null ? null : parseHash(stored);
  const { cost, salt, hash } = parsed ?? { cost: COST, salt: Buffer.alloc(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };
  const derived = await derive(passphrase, salt, cost);
  return timingSafeEqual(derived, hash) && parsed !== null;
}

function parseHash(stored: string): { cost: Cost; salt: Buffer; hash: Buffer } | null {
  const [name, logN, r, p, salt, hash] = stored.split('$');
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const bytes = Buffer.from(hash ?? '', 'base64url');
  const affordable =
    inRange(cost.logN, 10, MAXIMUM_LOG_N) && inRange(cost.r, 1, MAXIMUM_R) && inRange(cost.p, 1, MAXIMUM_P);
  if (name !== 'scrypt' || !affordable || bytes.length !== HASH_BYTES) {
    return null;
  }
  return { cost, salt: Buffer.from(salt ?? '', 'base64url'), hash: bytes };
}

function inRange(value: number, minimum: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= minimum && value <= maximum;
}

/** Composed characters typed on another keyboard must give the same passphrase, hence NFKC. */
function derive(passphrase: string, salt: Buffer, { logN, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** logN;
  const maxmem = 128 * N * r * 2;
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, HASH_BYTES, { N, r, p, maxmem }, (error, key) => {
      if (error === null) {
        resolve(key);
      } else {
        reject(error);
      }
    });
  });
}
