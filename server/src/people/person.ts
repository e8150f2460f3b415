/**
 * People, and the rule by which the actor of an event becomes a person who can be asked.
 *
 * The surprise: the session name of an assumed role is chosen by whoever assumes it. It only counts as a name where an
 * identity provider sets it (AWS single sign-on, federation) or where the configuration says that the role is trusted.
 */
import type { Role } from '@countersign/contract';
import { matchesAnyGlob, matchesGlob } from '../ground/glob.ts';
import type { EventFacts } from '../sources/source.ts';

export type Language = 'en' | 'ja';

export interface Person {
  readonly id: string;
  readonly name: string;
  /** Lower case; unique. */
  readonly email: string;
  readonly role: Role;
  readonly language: Language;
  /** Has a passphrase and a second factor: can sign in and can prove an answer. */
  readonly enrolled: boolean;
}

/** By what names a person acts. All lists may be empty; the e-mail address is always one of the names. */
export interface Identities {
  /** Exact ARNs of IAM users or of assumed roles that only this person uses; `*` is allowed for path and account. */
  readonly arns: readonly string[];
  /** IAM user names. */
  readonly awsUsers: readonly string[];
  /** Session names of single sign-on and of trusted roles, besides the e-mail address. */
  readonly sessions: readonly string[];
  readonly kubernetesUsers: readonly string[];
  /** Login names on hosts. */
  readonly hostUsers: readonly string[];
  /** Ids of access keys (`AKIA…`) that are this person's. */
  readonly accessKeys: readonly string[];
  /** Slack's id of the person (`U…`), where the address does not lead to it. */
  readonly slackUser: string | null;
  /** What Duo knows the person by; null: the address. */
  readonly duoUsername: string | null;
}

export interface KnownPerson extends Person {
  /** Listed in the configuration or kept by an identity provider, and not only signed up here. */
  readonly configured: boolean;
  readonly identities: Identities;
}

/** A person as the configuration lists them. */
export interface ConfiguredPerson {
  /** Lower case. */
  readonly email: string;
  readonly name: string;
  /** Null: not stated. A new person is then a member, and a known one stays what they are. */
  readonly role: Role | null;
  /** Stands on a schedule or a ladder, and is then at least a responder. */
  readonly onCall: boolean;
  readonly language: Language;
  readonly identities: Identities;
}

/** What the configuration says of people, and of who answers for what. */
export interface Ownership {
  readonly people: readonly ConfiguredPerson[];
  readonly teams: ReadonlyMap<string, readonly string[]>;
  /** Every configured account, with its owner: a team or an e-mail address. */
  readonly accountOwners: ReadonlyMap<string, string | null>;
  readonly defaultOwner: string | null;
  readonly trustedRoles: readonly string[];
  /** A second factor outside (Duo) is configured: people can prove an answer without having enrolled here. */
  readonly provesOutside: boolean;
}

/** Everything `resolveActor` looks at; a snapshot. */
export interface Directory {
  readonly people: readonly KnownPerson[];
  /** Team name → e-mail addresses, the first to be asked first. */
  readonly teams: ReadonlyMap<string, readonly string[]>;
  /** Account id → its owner: a team or an e-mail address; only accounts that are configured are in it. */
  readonly accountOwners: ReadonlyMap<string, string | null>;
  /** Who answers for what has no other owner: a team or an e-mail address; null: the first admin. */
  readonly defaultOwner: string | null;
  /** Globs over role ARNs whose session names are set by an identity provider. */
  readonly trustedRoles: readonly string[];
  readonly provesOutside: boolean;
}

/** Who is asked. Whoever gets `nobody` must fail closed: page, never stay silent. */
export type Resolution =
  | { readonly type: 'person'; readonly person: Person }
  | {
      readonly type: 'owner';
      readonly person: Person;
      /** The team or address that owns the account, as configured; null for the first admin. */
      readonly owner: string | null;
      readonly because: 'shared-actor' | 'unknown-actor' | 'ambiguous-actor' | 'not-enrolled';
    }
  | { readonly type: 'nobody'; readonly reason: 'no-owner' | 'owner-not-enrolled' };

type WhoAndWhere = Pick<EventFacts, 'source' | 'account' | 'actor'>;

/**
 * Pure. The person who did it, else who answers for the account. A person who cannot prove an answer (not enrolled, and no
 * factor outside) is not asked: the owner is.
 */
export function resolveActor(facts: WhoAndWhere, directory: Directory): Resolution {
  const matches = findPeople(facts, directory);
  const [person] = matches;
  if (person !== undefined && matches.length === 1) {
    return canProve(person, directory)
      ? { type: 'person', person }
      : resolveOwner(facts.account, directory, 'not-enrolled');
  }
  const shared = facts.actor.kind !== 'person' && facts.actor.kind !== 'unknown' && facts.actor.kind !== 'anonymous';
  const because = matches.length > 1 ? 'ambiguous-actor' : shared ? 'shared-actor' : 'unknown-actor';
  return resolveOwner(facts.account, directory, because);
}

/** Pure. Who answers for an account: its owner, else the default owner, else the first admin who can. */
export function resolveOwner(
  account: string | null,
  directory: Directory,
  because: Extract<Resolution, { type: 'owner' }>['because'] = 'shared-actor',
): Resolution {
  const own = account === null ? undefined : directory.accountOwners.get(account);
  const owners = [own, directory.defaultOwner].filter((owner) => owner !== undefined && owner !== null);
  for (const owner of owners) {
    const person = membersOf(owner, directory).find((member) => canProve(member, directory));
    if (person !== undefined) {
      return { type: 'owner', person, owner, because };
    }
  }
  const admin = directory.people.find(({ role, enrolled }) => role === 'admin' && enrolled);
  if (admin !== undefined) {
    return { type: 'owner', person: admin, owner: null, because };
  }
  return { type: 'nobody', reason: owners.length === 0 ? 'no-owner' : 'owner-not-enrolled' };
}

function canProve({ enrolled }: KnownPerson, { provesOutside }: Directory): boolean {
  return enrolled || provesOutside;
}

/** Whether a pattern for actors fits one of the names by which a person acts. */
export function namesPerson(pattern: string, { email, identities }: KnownPerson): boolean {
  const { arns, awsUsers, kubernetesUsers, hostUsers, sessions } = identities;
  const last = pattern.split('/').at(-1) ?? pattern;
  const isNamed = [email, ...awsUsers, ...kubernetesUsers, ...hostUsers, ...sessions].some(
    (name) => matchesGlob(pattern, name) || matchesGlob(last, name),
  );
  return isNamed || arns.some((arn) => matchesGlob(arn, pattern) || matchesGlob(pattern, arn));
}

/** Whether the actor is exactly one of the people; null while nobody is configured, so that nothing can be said. */
export function isKnownPerson(facts: WhoAndWhere, directory: Directory): boolean | null {
  return directory.people.every(({ configured }) => !configured) ? null : findPeople(facts, directory).length === 1;
}

function findPeople(facts: WhoAndWhere, directory: Directory): readonly KnownPerson[] {
  const { kind, isProvider } = facts.actor;
  if (isProvider || kind === 'root' || kind === 'service' || kind === 'anonymous') {
    return [];
  }
  return directory.people.filter((person) => {
    if (facts.source === 'syscall') return actsOnHosts(facts, person);
    return facts.source === 'k8s_audit' ? actsInKubernetes(facts, person) : actsInAws(facts, person, directory);
  });
}

/** By the login that the session began with. What is appended to it stands in the configuration of the host, not in the event. */
function actsOnHosts({ actor }: WhoAndWhere, { email, identities }: KnownPerson): boolean {
  return identities.hostUsers.includes(actor.name) || actor.session?.toLowerCase() === email;
}

function actsInKubernetes({ actor }: WhoAndWhere, { email, identities }: KnownPerson): boolean {
  return identities.kubernetesUsers.includes(actor.id) || actor.id.toLowerCase() === email;
}

function actsInAws({ actor, account }: WhoAndWhere, person: KnownPerson, directory: Directory): boolean {
  const { identities, email } = person;
  if (identities.arns.some((arn) => matchesGlob(arn, actor.id)) || identities.accessKeys.includes(actor.sessionKey)) {
    return true;
  }
  if (actor.session !== null || actor.kind === 'federated') {
    // What the role is called says nothing: whoever makes one may give it anybody's name.
    const session = sessionOf(actor, account, directory)?.toLowerCase();
    return session === email || identities.sessions.some((name) => name.toLowerCase() === session);
  }
  if (actor.kind !== 'person') return false;
  const ours = directory.accountOwners.size === 0 || (account !== null && directory.accountOwners.has(account));
  return ours && (identities.awsUsers.includes(actor.name) || actor.name.toLowerCase() === email);
}

/** Only AWS single sign-on can make roles under this path; it sets the session to the user's own name. */
const SINGLE_SIGN_ON_ROLE = /:role\/aws-reserved\/sso\.amazonaws\.com\/(?:[^/]+\/)?AWSReservedSSO_[^/]*$/;
/** `GetFederationToken`: whoever asks for one chooses its name. */
const SELF_NAMED = /:federated-user\//;

/** The name of a session that an identity provider set; null for one that its holder may have chosen. */
function sessionOf(actor: WhoAndWhere['actor'], account: string | null, directory: Directory): string | null {
  if (actor.kind === 'federated') return SELF_NAMED.test(actor.id) ? null : (actor.session ?? actor.name);
  const believed = SINGLE_SIGN_ON_ROLE.test(actor.id) || matchesAnyGlob(directory.trustedRoles, actor.id);
  return believed && isOurRole(actor.id, account, directory) ? actor.session : null;
}

/** A stranger's account has such roles too, and may be let into ours. */
function isOurRole(arn: string, account: string | null, { accountOwners }: Directory): boolean {
  const [owner] = /(?<=:iam::)\d{12}(?=:)/.exec(arn) ?? [];
  return owner === undefined || owner === account || accountOwners.size === 0 || accountOwners.has(owner);
}

function membersOf(owner: string, { people, teams }: Directory): readonly KnownPerson[] {
  const emails = teams.get(owner) ?? [owner];
  return emails.flatMap((email) => people.filter((person) => person.email === email.toLowerCase()));
}
