/** GuardDuty's children of a detector, of which moto has filters only, and does not list them. */
import { answer, type Gap, type Json, refuse, type WireAnswer } from './server.ts';

interface Children {
  readonly filters: Set<string>;
  /** By kind and id: `ipset/1`. */
  readonly sets: Map<string, Json>;
  readonly destinations: Map<string, Json>;
  readonly members: Map<string, Json>;
}

const SETS = [
  ['ipset', 'ipSetId'],
  ['threatintelset', 'threatIntelSetId'],
  ['trustedentityset', 'trustedEntitySetId'],
  ['threatentityset', 'threatEntitySetId'],
] as const;
const gone = () => refuse('BadRequestException', 'The request is rejected since no such resource found.');

export function guardduty(): Gap {
  const detectors = new Map<string, Children>();
  let made = 0;
  const childrenOf = (id: string): Children => {
    const known = detectors.get(id);
    if (known !== undefined) return known;
    const none = { filters: new Set<string>(), sets: new Map(), destinations: new Map(), members: new Map() };
    detectors.set(id, none);
    return none;
  };
  return ({ method, path, body }) => {
    const [, top, detector, kind, id] = path.split('/');
    if (top !== 'detector' || detector === undefined) return null;
    if (kind === undefined) {
      if (method === 'DELETE') detectors.delete(detector);
      return null;
    }
    const children = childrenOf(detector);
    if (kind === 'filter') return filters(children, { method, id, body });
    if (kind === 'member') return members(children, { method, id, body });
    const fresh = () => `${(made += 1)}`.padStart(32, '0');
    if (kind === 'publishingDestination') return destinations(children, { method, id, body, fresh });
    const set = SETS.find(([name]) => name === kind);
    return set === undefined ? null : sets(children, { method, id, body, fresh, set });
  };
}

interface Asked {
  readonly method: string;
  readonly id: string | undefined;
  readonly body: Json;
}

/** moto keeps them; here it is only remembered which there are. */
function filters({ filters: names }: Children, { method, id, body }: Asked): WireAnswer | null {
  if (id === undefined && method === 'GET') return answer({ filterNames: [...names] });
  if (id === undefined) names.add(String(body['name']));
  else if (method === 'DELETE') names.delete(id);
  return null;
}

function sets(
  { sets: kept }: Children,
  {
    method,
    id,
    body,
    fresh,
    set: [kind, idName],
  }: Asked & { readonly fresh: () => string; readonly set: readonly [string, string] },
): WireAnswer {
  const status = (activate: unknown) => (activate === true ? 'ACTIVE' : 'INACTIVE');
  if (id === undefined && method === 'GET') {
    const ids = [...kept.keys()].filter((key) => key.startsWith(`${kind}/`)).map((key) => key.slice(kind.length + 1));
    return answer({ [`${idName}s`]: ids });
  }
  if (id === undefined) {
    const { name, format, location, activate, tags = {}, expectedBucketOwner } = body;
    const made = fresh();
    kept.set(`${kind}/${made}`, { name, format, location, tags, expectedBucketOwner, status: status(activate) });
    return answer({ [idName]: made });
  }
  const found = kept.get(`${kind}/${id}`);
  if (found === undefined) return gone();
  if (method === 'GET') return answer(found);
  if (method === 'DELETE') kept.delete(`${kind}/${id}`);
  else {
    const { activate, name = found['name'], location = found['location'] } = body;
    kept.set(`${kind}/${id}`, {
      ...found,
      name,
      location,
      ...(activate === undefined ? {} : { status: status(activate) }),
    });
  }
  return answer();
}

function destinations(
  { destinations: kept }: Children,
  { method, id, body, fresh }: Asked & { readonly fresh: () => string },
): WireAnswer {
  if (id === undefined && method === 'GET') return answer({ destinations: [...kept.values()] });
  if (id === undefined) {
    const destinationId = fresh();
    kept.set(destinationId, { ...body, destinationId, status: 'PUBLISHING' });
    return answer({ destinationId });
  }
  const found = kept.get(id);
  return found === undefined ? gone() : answer(found);
}

const RELATIONSHIPS: Readonly<Record<string, string>> = { stop: 'Disabled', start: 'Enabled', disassociate: 'Removed' };

function members({ members: kept }: Children, { method, id, body }: Asked): WireAnswer | null {
  const accounts = Array.isArray(body['accountIds']) ? body['accountIds'].map(String) : [];
  const unprocessed = accounts.filter((account) => !kept.has(account));
  const unprocessedAccounts = unprocessed.map((accountId) => ({ accountId, result: 'the account is not a member' }));
  if (id === undefined && method === 'GET') return answer({ members: [...kept.values()] });
  if (id === undefined) {
    for (const { accountId, email } of body['accountDetails'] as { accountId: string; email: string }[])
      kept.set(accountId, {
        accountId,
        email,
        masterId: '123456789012',
        relationshipStatus: 'Enabled',
        updatedAt: 'now',
      });
    return answer({ unprocessedAccounts: [] });
  }
  if (id === 'get')
    return answer({ members: accounts.flatMap((account) => kept.get(account) ?? []), unprocessedAccounts });
  if (id === 'delete') for (const account of accounts) kept.delete(account);
  const relationshipStatus = RELATIONSHIPS[id];
  if (id !== 'delete' && relationshipStatus === undefined) return null;
  if (id !== 'delete')
    for (const account of accounts) {
      const member = kept.get(account);
      if (member !== undefined) kept.set(account, { ...member, relationshipStatus });
    }
  return answer({ unprocessedAccounts });
}
