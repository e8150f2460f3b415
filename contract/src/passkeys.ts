/** Passkeys of the signed-in person. The options and answers of the browser's own API pass through as they are. */
import { type Static, Type } from 'typebox';

export const PasskeyListing = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Type.String(),
  usedAt: Type.Union([Type.String(), Type.Null()]),
});
export type PasskeyListing = Static<typeof PasskeyListing>;

export const PasskeyFinish = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  response: Type.Unknown(),
});
export type PasskeyFinish = Static<typeof PasskeyFinish>;

/** Taking a factor away needs another one: a code. */
export const PasskeyRemoval = Type.Object({ code: Type.String({ maxLength: 16 }) });
export type PasskeyRemoval = Static<typeof PasskeyRemoval>;
