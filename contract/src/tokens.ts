/** Tokens with which programs call the API, calendars read schedules, and an identity provider keeps people. */
import { type Static, Type } from 'typebox';
import { Role } from './people.ts';

/**
 * - `api`: the API, as the person who made it and in at most the token's role; never what needs the person themselves.
 * - `calendar`: the calendars of schedules, and nothing else.
 * - `scim`: SCIM 2.0 under `/scim/v2`, and nothing else.
 */
export const TokenPurpose = Type.Union([Type.Literal('api'), Type.Literal('calendar'), Type.Literal('scim')]);
export type TokenPurpose = Static<typeof TokenPurpose>;

export const NewToken = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  purpose: TokenPurpose,
  /** At most the maker's own. */
  role: Role,
  days: Type.Integer({ minimum: 1, maximum: 366 }),
  /** The maker's authenticator shows it now. */
  code: Type.String({ maxLength: 16 }),
});
export type NewToken = Static<typeof NewToken>;

export const TokenListing = Type.Object({
  id: Type.String(),
  name: Type.String(),
  purpose: TokenPurpose,
  role: Role,
  person: Type.Object({ id: Type.String(), name: Type.String() }),
  createdAt: Type.String(),
  expiresAt: Type.String(),
  usedAt: Type.Union([Type.String(), Type.Null()]),
  revokedAt: Type.Union([Type.String(), Type.Null()]),
});
export type TokenListing = Static<typeof TokenListing>;

export const TokenList = Type.Object({ tokens: Type.Array(TokenListing) });
export type TokenList = Static<typeof TokenList>;

/** The token itself is in this answer and nowhere else. */
export const TokenCreated = Type.Object({ id: Type.String(), token: Type.String(), expiresAt: Type.String() });
export type TokenCreated = Static<typeof TokenCreated>;
