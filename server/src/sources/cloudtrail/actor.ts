/**
 * Who a CloudTrail record says acted.
 *
 * The surprise: a service's call for a person (CloudFormation, Athena) keeps the person's identity and only says so in
 * `invokedBy`; it stays the person's. The provider itself acts when the identity *is* a service or a service-linked role.
 */
import type { ActorKind } from '@countersign/contract';
import { at, member, textOrNull } from '../json-value.ts';
import type { Actor, SourceRecord } from '../source.ts';

/** Nobody but AWS can make roles under this path; a name alone can be chosen, and proves nothing. */
const SERVICE_LINKED = /:role\/aws-service-role\//;
const ANONYMOUS = 'ANONYMOUS_PRINCIPAL';
/** Events that AWS makes by itself; some of them name a person all the same. */
const PROVIDER_EVENTS = new Set(['AwsServiceEvent', 'AwsCloudTrailInsight']);

export function actorOf(record: SourceRecord): Actor {
  const identity = record['userIdentity'];
  const arn = filled(member(identity, 'arn'));
  switch (typeOf(identity, arn)) {
    case 'AssumedRole':
    case 'Role':
      return assumedRole(identity, arn);
    case 'AWSService':
      return provider(filled(member(identity, 'invokedBy')) ?? filled(record['sourceIPAddress']) ?? 'aws');
    case 'Root': {
      const id = arn ?? `arn:aws:iam::${accountOf(record, identity)}:root`;
      return plain(identity, 'root', id, 'root');
    }
    case 'IAMUser':
    case 'User':
      return iamUser(record, identity, arn);
    case 'FederatedUser': {
      const name = arn?.split('/').at(-1) ?? filled(member(identity, 'userName')) ?? 'federated';
      return plain(identity, 'federated', arn ?? name, name);
    }
    case 'SAMLUser':
    case 'WebIdentityUser':
    case 'IdentityCenterUser':
    case 'Directory':
      return federated(identity, arn);
    case 'AWSAccount':
      return otherAccount(identity, arn);
    default:
      return stranger(record, identity, arn);
  }
}

/** The stated type; where none is stated or it is not known, what the ARN says. */
function typeOf(identity: unknown, arn: string | null): string | null {
  const stated = textOrNull(member(identity, 'type'));
  if (stated !== null && stated !== 'Unknown' && stated !== '') return stated;
  if (arn !== null) {
    if (/:assumed-role\//.test(arn)) return 'AssumedRole';
    if (/:federated-user\//.test(arn)) return 'FederatedUser';
    if (/:iam::[^:]*:user\//.test(arn)) return 'IAMUser';
    if (/:iam::[^:]*:root$/.test(arn)) return 'Root';
  }
  return stated === null && filled(member(identity, 'userName')) !== null ? 'IAMUser' : stated;
}

function iamUser(record: SourceRecord, identity: unknown, arn: string | null): Actor {
  const named = filled(member(identity, 'userName')) ?? arn?.split('/').at(-1) ?? null;
  if (named === null) return stranger(record, identity, arn);
  return plain(identity, 'person', arn ?? `arn:aws:iam::${accountOf(record, identity)}:user/${named}`, named);
}

function assumedRole(identity: unknown, arn: string | null): Actor {
  const issuer = at(identity, 'sessionContext', 'sessionIssuer');
  const principal = filled(member(identity, 'principalId'));
  const role = filled(member(issuer, 'arn')) ?? roleOfSession(arn) ?? arn ?? principal?.split(':')[0] ?? 'unknown';
  const name = filled(member(issuer, 'userName')) ?? role.split('/').at(-1) ?? role;
  const session = (isSession(arn) ? arn?.split('/').slice(2).join('/') : '') || sessionOfPrincipal(principal);
  const isProvider = SERVICE_LINKED.test(role);
  const isPerson = session?.includes('@') === true || role.includes('AWSReservedSSO_');
  const kind: ActorKind = isProvider ? 'service' : isPerson ? 'person' : 'role';
  return { kind, id: role, name, session, sessionKey: `${role}/${session ?? ''}`, isProvider };
}

function isSession(arn: string | null): boolean {
  return arn?.includes(':assumed-role/') === true;
}

/** `AROA…:session`. */
function sessionOfPrincipal(principal: string | null): string | null {
  return principal?.split(':').slice(1).join(':') || null;
}

/** `arn:aws:sts::1:assumed-role/Name/session` → the role's own ARN, without its path, which the session does not tell. */
function roleOfSession(arn: string | null): string | null {
  const match = /^arn:([^:]*):sts::(\d*):assumed-role\/([^/]+)\//.exec(arn ?? '');
  return match === null ? null : `arn:${match[1]}:iam::${match[2]}:role/${match[3]}`;
}

/** Somebody whom another directory knows: SAML, OpenID Connect, Identity Center. */
function federated(identity: unknown, arn: string | null): Actor {
  const name =
    filled(member(identity, 'userName')) ??
    filled(at(identity, 'onBehalfOf', 'userId')) ??
    filled(member(identity, 'principalId')) ??
    arn ??
    'federated';
  const actor = plain(identity, 'federated', arn ?? name, name);
  const credential = filled(member(identity, 'credentialId'));
  return credential === null ? actor : { ...actor, sessionKey: credential };
}

/** A call from another account, which tells little more; or from nobody at all. */
function otherAccount(identity: unknown, arn: string | null): Actor {
  const account = filled(member(identity, 'accountId'));
  const principal = filled(member(identity, 'principalId'));
  if (account === ANONYMOUS) return plain(identity, 'anonymous', 'anonymous', 'anonymous');
  const id = arn ?? principal ?? account ?? 'unknown';
  return {
    ...plain(identity, 'role', id, filled(member(identity, 'userName')) ?? id),
    session: sessionOfPrincipal(principal),
  };
}

function stranger(record: SourceRecord, identity: unknown, arn: string | null): Actor {
  const principal = filled(member(identity, 'principalId'));
  const invoker = filled(member(identity, 'invokedBy'));
  const named = filled(member(identity, 'userName'));
  const isOwn = PROVIDER_EVENTS.has(textOrNull(record['eventType']) ?? '');
  if (isOwn && arn === null && principal === null && named === null) {
    return provider(invoker ?? filled(record['eventSource']) ?? 'aws');
  }
  const id = arn ?? principal ?? named ?? filled(member(identity, 'accountId')) ?? 'unknown';
  return plain(identity, 'unknown', id, named ?? id);
}

function plain(identity: unknown, kind: ActorKind, id: string, name: string): Actor {
  return {
    kind,
    id,
    name,
    session: null,
    sessionKey: filled(member(identity, 'accessKeyId')) ?? id,
    isProvider: false,
  };
}

function provider(name: string): Actor {
  return { kind: 'service', id: name, name, session: null, sessionKey: name, isProvider: true };
}

function accountOf(record: SourceRecord, identity: unknown): string {
  return filled(member(identity, 'accountId')) ?? filled(record['recipientAccountId']) ?? '';
}

/** A text that says something. */
function filled(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
