/** Twilio's signature, by examples that its own libraries are tested with, and what nobody could have signed. */
import { describe, expect, test } from 'vitest';
import { verifyTwilioSignature } from './twilio.ts';

const TOKEN = '12345';
const URL = 'https://mycompany.com/myapp.php?foo=1&bar=2';
const formOf = (caller: string) => ({
  CallSid: 'CA1234567890ABCDE',
  Digits: '1234',
  To: '+18005551212',
  From: caller,
  Caller: caller,
});
const SIGNED = { url: URL, parameters: formOf('+14158675309'), signature: 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' };

describe("Twilio's signature", () => {
  test('is known from its examples, whatever order the form has', () => {
    expect(verifyTwilioSignature(TOKEN, SIGNED)).toBe(true);
    const other = { url: URL, parameters: formOf('+12349013030'), signature: '0/KCTR6DLpKmkAf8muzZqo1nDgQ=' };
    expect(verifyTwilioSignature(TOKEN, other)).toBe(true);
  });

  test.each([
    ['of another account', 'other', SIGNED],
    ['of another address', TOKEN, { ...SIGNED, url: `${URL}&case=x` }],
    ['of another digit', TOKEN, { ...SIGNED, parameters: { ...SIGNED.parameters, Digits: '4' } }],
    ['of one parameter more', TOKEN, { ...SIGNED, parameters: { ...SIGNED.parameters, Zone: '1' } }],
    ['that is missing', TOKEN, { ...SIGNED, signature: undefined }],
    ['that is empty', TOKEN, { ...SIGNED, signature: '' }],
    ['that is cut', TOKEN, { ...SIGNED, signature: SIGNED.signature.slice(0, 12) }],
    ['that is no base64', TOKEN, { ...SIGNED, signature: '\u0000ä' }],
  ])('%s is refused', (_, token, request) => {
    expect(verifyTwilioSignature(token, request)).toBe(false);
  });
});
