/** Passphrases, sealed secrets and one-time codes: what opens, and above all what does not. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../ground/random.ts';
import { hashPassphrase, verifyPassphrase } from './passphrase.ts';
import { createSecretBox, loadServerKey } from './secret-box.ts';
import { createTotpSecret, matchTotpStep, STEP_MS, totpCode, totpUrl } from './totp.ts';

describe('a passphrase', () => {
  const hashed = hashPassphrase('correct horse battery', seededRandom(1));

  test('opens with itself, however its characters are composed', async () => {
    expect(await verifyPassphrase('correct horse battery', await hashed)).toBe(true);
    const composed = await hashPassphrase('caf\u00e9 caf\u00e9 caf\u00e9', seededRandom(1));
    expect(await verifyPassphrase('cafe\u0301 cafe\u0301 cafe\u0301', composed)).toBe(true);
  });

  test('does not open with another, nor for nobody, nor with a broken hash', async () => {
    expect(await verifyPassphrase('correct horse', await hashed)).toBe(false);
    expect(await verifyPassphrase('anything at all', null)).toBe(false);
    for (const broken of ['', 'scrypt$15$8$3$$', 'scrypt$30$8$3$AA$AA', `md5${(await hashed).slice(6)}`]) {
      expect(await verifyPassphrase('correct horse battery', broken)).toBe(false);
    }
  });

  test('is stored with a salt of its own', async () => {
    const random = seededRandom(1);
    expect(await hashPassphrase('the same words', random)).not.toBe(await hashPassphrase('the same words', random));
  });
});

describe('a sealed secret', () => {
  const random = seededRandom(1);
  const box = createSecretBox(random.bytes(32), random);

  test('opens for what it was sealed for and nothing else', () => {
    const sealed = box.seal('JBSWY3DP', 'totp:alice');
    expect(box.open(sealed, 'totp:alice')).toBe('JBSWY3DP');
    expect(sealed).not.toContain('JBSWY3DP');
    expect(() => box.open(sealed, 'totp:bob')).toThrow();
    expect(() => createSecretBox(random.bytes(32), random).open(sealed, 'totp:alice')).toThrow();
  });

  test('does not open when any part of it was altered', () => {
    const sealed = Buffer.from(box.seal('JBSWY3DP', 'x').slice(3), 'base64url');
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => box.open(`v1.${altered.toString('base64url')}`, 'x')).toThrow();
    }
  });
});

describe('the server key', () => {
  const made: string[] = [];
  const directory = async () => {
    const path = await mkdtemp(join(tmpdir(), 'countersign-key-'));
    made.push(path);
    return path;
  };
  afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true }))));

  test('is made once, readable by its owner alone, and the same after a restart', async () => {
    const at = await directory();
    const random = seededRandom(1);
    const first = await loadServerKey(at, random);
    expect(await loadServerKey(at, random)).toEqual(first);
    expect((await stat(join(at, 'server.key'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(at, 'server.key'), 'utf8')).toHaveLength(44);
  });

  test('that was damaged is never replaced silently', async () => {
    const at = await directory();
    await writeFile(join(at, 'server.key'), 'not a key');
    await expect(loadServerKey(at, seededRandom(1))).rejects.toThrow('holds no server key');
  });
});

describe('a one-time code', () => {
  const nowMs = 1_700_000_000_000;
  const secret = createTotpSecret(seededRandom(1));

  test('is the one that RFC 6238 gives', () => {
    const rfc = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    expect(totpCode(rfc, 59_000)).toBe('287082');
    expect(totpCode(rfc, 1_111_111_109_000)).toBe('081804');
    expect(matchTotpStep(rfc, '287082', 59_000)).toBe(1);
  });

  test('counts half a minute early or late, with or without a space, and no longer', () => {
    const code = totpCode(secret, nowMs);
    const step = Math.floor(nowMs / STEP_MS);
    for (const offset of [-STEP_MS, 0, STEP_MS]) {
      expect(matchTotpStep(secret, `${code.slice(0, 3)} ${code.slice(3)}`, nowMs + offset)).toBe(step);
    }
    expect(matchTotpStep(secret, code, nowMs + 3 * STEP_MS)).toBeNull();
    expect(matchTotpStep(secret, code, nowMs - 3 * STEP_MS)).toBeNull();
  });

  test.each(['', '12345', '1234567', 'abcdef', '１２３４５６'])('is never %j', (code) => {
    expect(matchTotpStep(secret, code, nowMs)).toBeNull();
  });

  test('of an authenticator comes from the link in the picture', () => {
    expect(totpUrl(secret, 'alice@example.com')).toMatch(
      /^otpauth:\/\/totp\/Countersign:alice%40example\.com\?.*secret=/,
    );
  });
});
