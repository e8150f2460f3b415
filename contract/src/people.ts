/**
 * Sign-in and enrolment. A link's token travels in the fragment (`/sign-in#<token>`) and then in a body, never in a URL
 * that a server sees.
 */
import { type Static, Type } from 'typebox';

export const Role = Type.Union([Type.Literal('admin'), Type.Literal('responder'), Type.Literal('member')]);
export type Role = Static<typeof Role>;

export const SessionView = Type.Object({
  person: Type.Union([
    Type.Null(),
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      email: Type.String(),
      role: Role,
      language: Type.Union([Type.Literal('en'), Type.Literal('ja')]),
      /** False until passphrase and second factor are set: then only enrolment is open. */
      enrolled: Type.Boolean(),
    }),
  ]),
});
export type SessionView = Static<typeof SessionView>;

export const SignIn = Type.Object({
  email: Type.String({ maxLength: 254 }),
  passphrase: Type.String({ maxLength: 1024 }),
  code: Type.String({ maxLength: 16 }),
});
export type SignIn = Static<typeof SignIn>;

export const SignInByLink = Type.Object({ token: Type.String({ maxLength: 512 }) });
export type SignInByLink = Static<typeof SignInByLink>;

/** Step one of enrolment: a fresh TOTP secret, shown once. */
export const EnrolmentStart = Type.Object({ otpauthUrl: Type.String(), secret: Type.String() });
export type EnrolmentStart = Static<typeof EnrolmentStart>;

/** Step two: prove that the authenticator works; sets name, email and passphrase with it. */
export const EnrolmentFinish = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200 }),
  email: Type.String({ minLength: 3, maxLength: 254 }),
  passphrase: Type.String({ minLength: 12, maxLength: 1024 }),
  code: Type.String({ maxLength: 16 }),
  language: Type.Union([Type.Literal('en'), Type.Literal('ja')]),
});
export type EnrolmentFinish = Static<typeof EnrolmentFinish>;

/** One person in the admin's list. */
export const PersonListing = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.String(),
  role: Role,
  enrolled: Type.Boolean(),
  /** Listed in the configuration, which then decides name and role. */
  configured: Type.Boolean(),
});
export type PersonListing = Static<typeof PersonListing>;

export const PeopleList = Type.Object({ people: Type.Array(PersonListing) });
export type PeopleList = Static<typeof PeopleList>;

/** A fresh sign-in link for somebody, shown once: it works once, and ends the older ones. */
export const SignInLinkCreated = Type.Object({ url: Type.String(), expiresAt: Type.String() });
export type SignInLinkCreated = Static<typeof SignInLinkCreated>;
