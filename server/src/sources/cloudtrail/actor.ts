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

export function actorOf(record: SourceRecord): Actor {
  const identity = record['userIdentity'];
  const type =
    textOrNull(member(identity, 'type')) ?? (typeof member(identity, 'userName') === 'string' ? 'IAMUser' : 'Unknown');
  const arn = textOrNull(member(identity, 'arn'));
  switch (type) {
    case 'AssumedRole':
      return assumedRole(record, identity, arn);
    case 'AWSService':
      return provider(textOrNull(member(identity, 'invokedBy')) ?? textOrNull(record['sourceIPAddress']) ?? 'aws');
    case 'Root': {
      const account = textOrNull(member(identity, 'accountId')) ?? textOrNull(record['recipientAccountId']) ?? '';
      return plain(record, 'root', arn ?? `arn:aws:iam::${account}:root`, 'root');
    }
    case 'IAMUser':
    case 'User':
      return iamUser(record, identity, arn);
    case 'FederatedUser': {
      const name = arn?.split('/').at(-1) ?? textOrNull(member(identity, 'userName')) ?? 'federated';
      return plain(record, 'federated', arn ?? name, name);
    }
    case 'SAMLUser':
    case 'WebIdentityUser':
    case 'IdentityCenterUser':
    case 'Directory': {
      const name =
        textOrNull(member(identity, 'userName')) ??
        textOrNull(at(identity, 'onBehalfOf', 'userId')) ??
        textOrNull(member(identity, 'principalId')) ??
        type;
      return plain(record, 'federated', arn ?? name, name);
    }
    default: {
      const principal = textOrNull(member(identity, 'principalId'));
      const id = arn ?? principal ?? textOrNull(member(identity, 'accountId')) ?? 'unknown';
      if (type === 'Unknown' && identity === undefined)
        return { ...plain(record, 'unknown', id, id), isProvider: isServiceEvent(record) };
      return plain(
        record,
        type === 'AWSAccount' ? 'role' : 'unknown',
        id,
        textOrNull(member(identity, 'userName')) ?? id,
      );
    }
  }
}

function iamUser(record: SourceRecord, identity: unknown, arn: string | null): Actor {
  const name = textOrNull(member(identity, 'userName')) ?? arn?.split('/').at(-1) ?? 'unknown';
  const account = textOrNull(member(identity, 'accountId')) ?? textOrNull(record['recipientAccountId']) ?? '';
  return plain(record, 'person', arn ?? `arn:aws:iam::${account}:user/${name}`, name);
}

function assumedRole(record: SourceRecord, identity: unknown, arn: string | null): Actor {
  const issuer = at(identity, 'sessionContext', 'sessionIssuer');
  const role = textOrNull(member(issuer, 'arn')) ?? roleOfSession(arn) ?? arn ?? 'unknown';
  const name = textOrNull(member(issuer, 'userName')) ?? role.split('/').at(-1) ?? role;
  const principal = textOrNull(member(identity, 'principalId'));
  const session = arn?.split('/').slice(2).join('/') || principal?.split(':').slice(1).join(':') || null;
  const isProvider = SERVICE_LINKED.test(role);
  const kind: ActorKind = isProvider
    ? 'service'
    : session?.includes('@') === true || role.includes('AWSReservedSSO_')
      ? 'person'
      : 'role';
  return { kind, id: role, name, session, sessionKey: `${role}/${session ?? ''}`, isProvider };
}

/** `arn:aws:sts::1:assumed-role/Name/session` → the role's own ARN, without its path, which the session does not tell. */
function roleOfSession(arn: string | null): string | null {
  const match = /^arn:([^:]*):sts::(\d*):assumed-role\/([^/]+)\//.exec(arn ?? '');
  return match === null ? null : `arn:${match[1]}:iam::${match[2]}:role/${match[3]}`;
}

function plain(record: SourceRecord, kind: ActorKind, id: string, name: string): Actor {
  const key = textOrNull(at(record, 'userIdentity', 'accessKeyId'));
  return { kind, id, name, session: null, sessionKey: key === null || key === '' ? id : key, isProvider: false };
}

function provider(name: string): Actor {
  return { kind: 'service', id: name, name, session: null, sessionKey: name, isProvider: true };
}

function isServiceEvent(record: SourceRecord): boolean {
  return record['eventType'] === 'AwsServiceEvent';
}
