/**
 * Lambda: what a function runs, and as whom. Row 39.
 *
 * The surprise: no event holds code, and settings of the environment are secrets. Both are kept in bytes when a state becomes trusted,
 * and told by their digest. A function whose code was not kept is stopped instead.
 */
import { createHash } from 'node:crypto';
import { type Call, type Caller, CallFailure } from '../../../../vendors/aws/calls.ts';
import {
  type Archive,
  type CatalogueEntry,
  listOf,
  objectOf,
  present,
  type ResourceKind,
  textOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { ARCHIVED, canonical, changedFields, type Fields, type Json, type ResourceState, toJson } from '../../state.ts';
import { type Answer, ask, call, functionOf, listFunctions } from './calls.ts';

/** Of the code, as AWS takes it in one request; larger functions are stopped. */
const MOST_CODE_BYTES = 10 * 1024 * 1024;

/** Field → the member of calls and answers. */
const SETTINGS: Readonly<Record<string, string>> = {
  role: 'Role',
  handler: 'Handler',
  runtime: 'Runtime',
  timeout: 'Timeout',
  memory: 'MemorySize',
  key: 'KMSKeyArn',
};

function layersOf(of: Answer, layers: 'Layers' | 'layers', arn: 'Arn' | 'arn'): Json {
  return listOf(of, layers).flatMap((one) => textOf(one, arn) ?? []);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function environmentOf(configuration: Answer): Json {
  return toJson(objectOf(objectOf(configuration, 'Environment'), 'Variables'));
}

const functions: ResourceKind = {
  type: 'AWS::Lambda::Function',
  reach: 'region',
  list: listFunctions,
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetFunction', { FunctionName: id });
    if (found === null) return null;
    const reserved = await ask(caller, 'GetFunctionConcurrency', { FunctionName: id });
    const [configuration, code] = [objectOf(found, 'Configuration'), objectOf(found, 'Code')];
    const settings = Object.entries(SETTINGS).map(([field, member]) => [field, toJson(configuration[member])] as const);
    return {
      ...Object.fromEntries(settings),
      code: textOf(configuration, 'CodeSha256'),
      layers: layersOf(configuration, 'Layers', 'Arn'),
      environment: digestOf(canonical(environmentOf(configuration))),
      concurrency: toJson(reserved?.['ReservedConcurrentExecutions']),
      '(image)': textOf(code, 'ResolvedImageUri', 'ImageUri'),
    };
  },
  archive: keepFunction,
};

/** What is kept: the code, where it is no image, and the environment. */
interface Kept {
  readonly code: string | null;
  readonly environment: Json;
}

/** By what it holds, not by its bytes: the state must be able to name it. */
function keptName(state: ResourceState): string {
  return digestOf(canonical([state?.['code'] ?? null, state?.['environment'] ?? null]));
}

function keepFunction(state: ResourceState): Archive | null {
  if (state === null) return null;
  const fetch: Archive['fetch'] = async (caller, { id }) => {
    const found = await ask(caller, 'GetFunction', { FunctionName: id });
    const configuration = objectOf(found ?? {}, 'Configuration');
    const location = textOf(objectOf(found ?? {}, 'Code'), 'Location');
    const isImage = textOf(configuration, 'PackageType') === 'Image';
    const bytes = isImage || location === null ? null : await download(caller, location);
    if (bytes === null && !isImage) return null;
    // Somebody may have changed it since it was read.
    if (bytes !== null && createHash('sha256').update(bytes).digest('base64') !== state['code']) return null;
    const code = bytes === null ? null : Buffer.from(bytes).toString('base64');
    const kept: Kept = { code, environment: environmentOf(configuration) };
    return digestOf(canonical(kept.environment)) === state['environment'] ? Buffer.from(JSON.stringify(kept)) : null;
  };
  return { digest: keptName(state), fetch };
}

async function download(caller: Caller, location: string): Promise<Uint8Array | null> {
  return (await caller.download?.(location, MOST_CODE_BYTES)) ?? null;
}

/** Whether code and environment can be put back as the state has them. */
function isKept(state: ResourceState): boolean {
  return state?.[ARCHIVED] === keptName(state);
}

function canRestoreCode(state: ResourceState): boolean {
  return isKept(state) || (state?.['(image)'] ?? null) !== null;
}

/** Stands in a plan for what `complete` fills in. */
const AS_KEPT = 'as it was kept';

function lead(from: ResourceState, to: ResourceState, FunctionName: string): readonly Call[] {
  if (from === null || to === null) return [];
  const changed = changedFields(from, to);
  const calls: Call[] = [];
  if (changed.includes('concurrency')) {
    const ReservedConcurrentExecutions = to['concurrency'] ?? null;
    calls.push(
      ReservedConcurrentExecutions === null
        ? call('DeleteFunctionConcurrency', { FunctionName })
        : call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions }),
    );
  }
  if (changed.includes('code')) {
    if (!canRestoreCode(to)) return [];
    const image = to['(image)'] ?? null;
    const code = image === null ? { ZipFile: `${AS_KEPT}: ${keptName(to)}` } : { ImageUri: image };
    calls.push(call('UpdateFunctionCode', { FunctionName, ...code }));
  }
  const settings = Object.entries(SETTINGS).flatMap(([field, member]): (readonly [string, Json])[] =>
    changed.includes(field) ? [[member, to[field] ?? '']] : [],
  );
  if (changed.includes('environment') && !isKept(to)) return [];
  const configuration = {
    ...Object.fromEntries(settings),
    ...(changed.includes('layers') ? { Layers: to['layers'] ?? [] } : {}),
    ...(changed.includes('environment') ? { Environment: { Variables: { [AS_KEPT]: keptName(to) } } } : {}),
  };
  if (Object.keys(configuration).length > 0)
    calls.push(call('UpdateFunctionConfiguration', { FunctionName, ...configuration }));
  return calls;
}

const common = {
  row: 39,
  class: 'B',
  mode: 'approve',
  proof: 'emulator',
  read: functions.read,
  archive: keepFunction,
  // Versions that are published are others; what changes is the newest.
  resources: (event) => {
    const id = functionOf(event)?.split(':')[0];
    if (id === undefined || String(event.request['dryRun']) === 'true') return [];
    return [{ type: functions.type, account: event.account, region: event.region, id }];
  },
  lead: (from, to, { resource }) => lead(from, to, resource.id),
  complete: async (planned, { archive }) => {
    const { ZipFile, Environment } = planned.input;
    const variables = objectOf(objectOf({ Environment }, 'Environment'), 'Variables');
    const name = typeof ZipFile === 'string' ? ZipFile.split(': ')[1] : textOf(variables, AS_KEPT);
    if (name === undefined || name === null) return planned;
    const bytes = await archive(name);
    if (bytes === null) throw new Error('what was kept of the function with its trusted state is gone');
    const kept = JSON.parse(Buffer.from(bytes).toString()) as Kept;
    const filled = ZipFile === undefined ? { Environment: { Variables: kept.environment } } : { ZipFile: codeOf(kept) };
    return { ...planned, input: { ...planned.input, ...filled } };
  },
  isSettled: async ({ operation }, _answer, { caller, resource }) => {
    if (!operation.startsWith('UpdateFunction')) return true;
    const found = await ask(caller, 'GetFunctionConfiguration', { FunctionName: resource.id });
    const status = textOf(found ?? {}, 'LastUpdateStatus');
    if (status === 'Failed')
      throw new CallFailure(
        'UpdateFailed',
        textOf(found ?? {}, 'LastUpdateStatusReason') ?? 'Lambda gave it up',
        false,
      );
    return status !== 'InProgress';
  },
  remains: 'versions-published',
} as const satisfies Partial<CatalogueEntry>;

function codeOf({ code }: Kept): Uint8Array {
  return Buffer.from(code ?? '', 'base64');
}

const changedCode: CatalogueEntry = {
  ...common,
  events: ['lambda:UpdateFunctionCode'],
  after: ({ response }, baseline) => {
    const code = textOf(response, 'codeSha256');
    if (baseline === null) return null;
    return code === null ? undefined : { ...baseline, code };
  },
  aim: (back, { baseline, current }) =>
    back === null || current === null || canRestoreCode(baseline) ? back : { ...current, concurrency: 0 },
};

/** Of a request, what it sets is as the answer has it; the environment neither tells. */
function configured({ request, response }: TrailEvent, current: ResourceState): Fields {
  const lower = (member: string) => member.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (head) => head.toLowerCase());
  const settings = Object.entries(SETTINGS).map(([field, member]): readonly [string, Json] => {
    const name = member === 'KMSKeyArn' ? 'kMSKeyArn' : lower(member);
    return [field, request[name] === undefined ? null : toJson(response[name] ?? request[name])];
  });
  const told = Array.isArray(request['layers']) ? (request['layers'] as readonly unknown[]).map(toJson) : null;
  return {
    ...present(Object.fromEntries(settings)),
    ...(told === null ? {} : { layers: response['layers'] === undefined ? told : layersOf(response, 'layers', 'arn') }),
    ...(request['environment'] === undefined ? {} : { environment: current?.['environment'] ?? null }),
  };
}

const changedConfiguration: CatalogueEntry = {
  ...common,
  events: ['lambda:UpdateFunctionConfiguration'],
  cannot: (event) =>
    Object.keys(configured(event, null)).length === 0
      ? 'of a function its role, handler, runtime, limits, key, layers and environment are put back, and this set none of them'
      : null,
  after: (event, baseline, _resource, current) =>
    baseline === null ? null : { ...baseline, ...configured(event, current) },
  aim: (back, { baseline, current }) => {
    if (back === null || current === null) return back;
    const isHidden = back['environment'] !== current['environment'] && !isKept(baseline);
    return isHidden ? { ...current, concurrency: 0 } : back;
  },
};

export const lambdaFunctionKinds: readonly ResourceKind[] = [functions];
export const lambdaFunctionEntries: readonly CatalogueEntry[] = [changedCode, changedConfiguration];
