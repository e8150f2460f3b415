/** Lambda: who may call a function or use a layer, and whether anybody may. Row 39. */
import type { Call } from '../../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  present,
  type ResourceKind,
  textOf,
  textsOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { capitalised, type Fields, type Json, policyDocument, type ResourceState, toJson } from '../../state.ts';
import { type Answer, ask, call, functionOf, listFunctions, target } from './calls.ts';

const common = { row: 39, mode: 'after-answer', proof: 'emulator' } as const;

/** Each statement is a field, by its id. */
function statements(answer: Answer | null): Fields {
  const policy = objectOf({ policy: policyDocument(answer?.['Policy']) }, 'policy');
  const named = listOf(policy, 'Statement').map(
    (one) => [textOf(one, 'Sid') ?? '', { Statement: [toJson(one)] }] as const,
  );
  return { ...Object.fromEntries(named), '(revision)': textOf(answer ?? {}, 'RevisionId') };
}

const policies: ResourceKind = {
  type: 'AWS::Lambda::FunctionPolicy',
  reach: 'region',
  list: listFunctions,
  read: async (caller, { id }) => {
    const answer = await ask(caller, 'GetPolicy', target(id));
    if (answer === null && (await ask(caller, 'GetFunctionConfiguration', target(id))) === null) return null;
    return statements(answer);
  },
};

/** What was added, as the answer tells it; without one, as it is there. */
function added({ request, response }: TrailEvent, current: ResourceState): readonly [string, Json] | null {
  const sid = textOf(request, 'statementId');
  if (sid === null) return null;
  const told = policyDocument(response['statement']);
  const statement = typeof told === 'object' && told !== null ? { Statement: [told] } : (current?.[sid] ?? null);
  return [sid, statement];
}

/** The same on functions and on layers. */
const additions = {
  class: 'X',
  after: (event, baseline, _resource, current) => {
    const made = added(event, current);
    if (baseline === null) return null;
    return made === null ? undefined : { ...baseline, [made[0]]: made[1] };
  },
  before: ({ request }, current) => {
    if (current === null) return null;
    return Object.fromEntries(Object.entries(current).filter(([sid]) => sid !== textOf(request, 'statementId')));
  },
} as const satisfies Partial<CatalogueEntry>;

interface Changes {
  readonly gone: readonly string[];
  readonly back: readonly (readonly [string, Answer])[];
  /** The revision holds for one call only: the first changes it. */
  readonly revision: Fields;
}

function changesOf(from: Fields, to: Fields): Changes {
  const sids = (state: Fields) => Object.keys(state).filter((sid) => !sid.startsWith('('));
  const gone = sids(from).filter((sid) => !(sid in to));
  const back = sids(to).flatMap((sid): (readonly [string, Answer])[] => {
    const [statement] = listOf(objectOf(to, sid), 'Statement');
    return sid in from || statement === undefined ? [] : [[sid, statement]];
  });
  const isOne = gone.length + back.length === 1;
  return { gone, back, revision: isOne ? present({ RevisionId: from['(revision)'] ?? null }) : {} };
}

/** A condition's value, by its key in any operator. */
function conditionOf(statement: Answer, key: string): Json {
  const operators = Object.values(objectOf(statement, 'Condition'));
  const values = operators.flatMap((keys) => Object.entries(objectOf({ keys }, 'keys')));
  return toJson(values.find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1] ?? null);
}

function principalOf(statement: Answer): Json {
  const given = statement['Principal'];
  return typeof given === 'string' ? given : toJson(Object.values(objectOf({ given }, 'given'))[0] ?? '*');
}

const permission: CatalogueEntry = {
  ...common,
  ...additions,
  events: ['lambda:AddPermission'],
  resources: (event) => {
    const id = functionOf(event);
    return id === null ? [] : [{ type: policies.type, account: event.account, region: event.region, id }];
  },
  read: policies.read,
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const { gone, back, revision } = changesOf(from, to);
    const which = target(resource.id);
    return [
      ...gone.map((StatementId) => call('RemovePermission', { ...which, StatementId, ...revision })),
      ...back.map(([StatementId, statement]) => {
        const allowed = { Action: toJson(statement['Action']), Principal: principalOf(statement) };
        const conditions = present({
          SourceArn: conditionOf(statement, 'aws:SourceArn'),
          SourceAccount: conditionOf(statement, 'aws:SourceAccount'),
          PrincipalOrgID: conditionOf(statement, 'aws:PrincipalOrgID'),
          FunctionUrlAuthType: conditionOf(statement, 'lambda:FunctionUrlAuthType'),
        });
        return call('AddPermission', { ...which, StatementId, ...allowed, ...conditions, ...revision });
      }),
    ];
  },
  fine: ['ResourceNotFoundException'],
  remains: 'called-meanwhile',
};

/** A layer by its name, or by an ARN that ends with it. */
function layerOf({ request, account, region }: TrailEvent) {
  const name = textOf(request, 'layerName')?.split(':').at(-1);
  const version = request['versionNumber'];
  if (name === undefined || (typeof version !== 'number' && typeof version !== 'string')) return [];
  return [{ type: 'AWS::Lambda::LayerVersionPermission', account, region, id: `${name}:${version}` }];
}

function layerTarget(id: string): Fields {
  const [LayerName = '', version = ''] = id.split(':');
  return { LayerName, VersionNumber: Number(version) };
}

/** Layers are not enrolled: every version is another, and the event tells what it added. */
const layerPermission: CatalogueEntry = {
  ...common,
  ...additions,
  events: ['lambda:AddLayerVersionPermission'],
  resources: layerOf,
  read: async (caller, { id }) => {
    const answer = await ask(caller, 'GetLayerVersionPolicy', layerTarget(id));
    if (answer === null && (await ask(caller, 'GetLayerVersion', layerTarget(id))) === null) return null;
    return statements(answer);
  },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const { gone, back, revision } = changesOf(from, to);
    const which = layerTarget(resource.id);
    return [
      ...gone.map((StatementId) => call('RemoveLayerVersionPermission', { ...which, StatementId, ...revision })),
      ...back.map(([StatementId, statement]) => {
        const allowed = { Action: toJson(statement['Action']), Principal: principalOf(statement) };
        const organisation = present({ OrganizationId: conditionOf(statement, 'aws:PrincipalOrgID') });
        return call('AddLayerVersionPermission', { ...which, StatementId, ...allowed, ...organisation, ...revision });
      }),
    ];
  },
  fine: ['ResourceNotFoundException'],
  remains: 'copies-taken',
};

/** Without a `url`, there is none. */
function urlState(of: Answer | null): Fields {
  if (of === null) return { url: null };
  const [type] = [...textsOf(of, 'AuthType'), ...textsOf(of, 'authType')];
  const cors = capitalised(of['Cors'] ?? of['cors'] ?? {});
  const isSaid = typeof cors === 'object' && cors !== null && Object.keys(cors).length > 0;
  const mode = (textOf(of, 'InvokeMode', 'invokeMode') ?? 'BUFFERED').toUpperCase();
  return { url: type ?? null, cors: isSaid ? cors : null, mode };
}

const urls: ResourceKind = {
  type: 'AWS::Lambda::Url',
  reach: 'region',
  list: listFunctions,
  read: async (caller, { id }) => {
    const answer = await ask(caller, 'GetFunctionUrlConfig', target(id));
    if (answer === null && (await ask(caller, 'GetFunctionConfiguration', target(id))) === null) return null;
    return urlState(answer);
  },
};

function leadUrl(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  if (from === null || to === null) return [];
  const which = target(id);
  if ((to['url'] ?? null) === null) return [call('DeleteFunctionUrlConfig', which)];
  const isNew = (from['url'] ?? null) === null;
  // Left out, what others may read stays; an empty one takes it away.
  const Cors = to['cors'] ?? (isNew ? null : {});
  const settings = present({ AuthType: to['url'] ?? null, Cors, InvokeMode: to['mode'] ?? null });
  return [call(`${isNew ? 'Create' : 'Update'}FunctionUrlConfig`, { ...which, ...settings })];
}

const url = {
  ...common,
  resources: (event) => {
    const id = functionOf(event);
    return id === null ? [] : [{ type: urls.type, account: event.account, region: event.region, id }];
  },
  read: urls.read,
  lead: (from, to, { resource }) => leadUrl(from, to, resource.id),
  remains: 'called-meanwhile',
} as const satisfies Partial<CatalogueEntry>;

const newUrl: CatalogueEntry = {
  ...url,
  events: ['lambda:CreateFunctionUrlConfig'],
  class: 'X',
  before: (_event, current) => (current === null ? null : { url: null }),
  after: ({ request, response }, baseline) => (baseline === null ? null : urlState({ ...request, ...response })),
};

const changedUrl: CatalogueEntry = {
  ...url,
  events: ['lambda:UpdateFunctionUrlConfig'],
  class: 'B',
  after: ({ request, response }, baseline) => {
    if (baseline === null) return null;
    const told = urlState({ ...request, ...response });
    return { ...baseline, ...told, url: told['url'] ?? baseline['url'] ?? null };
  },
};

export const lambdaPermissionKinds: readonly ResourceKind[] = [policies, urls];
export const lambdaPermissionEntries: readonly CatalogueEntry[] = [permission, layerPermission, newUrl, changedUrl];
