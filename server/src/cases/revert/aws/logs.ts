/** CloudWatch Logs and EventBridge: how long logs are kept, and rules that carry events to us. Rows 9 and 12. */
import type { Call } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, listOf, orNone, textOf, type TrailEvent } from '../catalogue.ts';
import { type Fields, type Json, sortedList, toJson } from '../state.ts';

function logs(operation: string, input: Fields): Call {
  return { service: 'cloudwatch-logs', operation, input };
}

function events(operation: string, input: Fields): Call {
  return { service: 'eventbridge', operation, input };
}

const group = {
  row: 9,
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account, region }) => {
    const id = textOf(request, 'logGroupName');
    return id === null ? [] : [{ type: 'AWS::Logs::LogGroup', account, region, id }];
  },
  read: async (caller, { id }) => {
    const answer = await caller.call(logs('DescribeLogGroups', { logGroupNamePrefix: id }));
    const found = listOf(answer, 'logGroups').find((one) => one['logGroupName'] === id);
    return found === undefined
      ? null
      : { retentionInDays: toJson(found['retentionInDays']), kmsKeyId: toJson(found['kmsKeyId']) };
  },
  lead: (from, to, { resource }) => {
    const logGroupName = resource.id;
    if (to === null) return [];
    const calls: Call[] = [];
    const key = to['kmsKeyId'] ?? null;
    if (from === null) calls.push(logs('CreateLogGroup', { logGroupName, ...(key === null ? {} : { kmsKeyId: key }) }));
    const days = to['retentionInDays'] ?? null;
    if ((from?.['retentionInDays'] ?? null) !== days)
      calls.push(
        days === null
          ? logs('DeleteRetentionPolicy', { logGroupName })
          : logs('PutRetentionPolicy', { logGroupName, retentionInDays: days }),
      );
    return calls;
  },
} as const satisfies Partial<CatalogueEntry>;

/** The bus of a rule; the default one where none is named. */
function ruleOf({ request, account, region }: TrailEvent) {
  const name = textOf(request, 'name', 'rule');
  const bus = textOf(request, 'eventBusName') ?? 'default';
  return name === null ? [] : [{ type: 'AWS::Events::Rule', account, region, id: `${bus}/${name}` }];
}

function partsOf(id: string): { readonly EventBusName: string; readonly Name: string } {
  const [EventBusName = 'default', Name = ''] = id.split('/');
  return { EventBusName, Name };
}

const SETTINGS = ['EventPattern', 'ScheduleExpression', 'Description', 'RoleArn'] as const;

const rule = {
  row: 12,
  class: 'B',
  mode: 'auto',
  proof: 'emulator',
  resources: ruleOf,
  read: async (caller, { id }) => {
    const { EventBusName, Name } = partsOf(id);
    const found = await orNone(
      caller.call(events('DescribeRule', { EventBusName, Name })),
      'ResourceNotFoundException',
    );
    if (found === null) return null;
    const targets = await caller.call(events('ListTargetsByRule', { EventBusName, Rule: Name }));
    const settings = SETTINGS.map((name) => [name, toJson(found[name])] as const);
    return { ...Object.fromEntries(settings), state: textOf(found, 'State'), targets: sortedList(targets['Targets']) };
  },
  lead: (from, to, { resource }) => {
    if (to === null) return [];
    const { EventBusName, Name } = partsOf(resource.id);
    const calls: Call[] = [];
    const given = SETTINGS.flatMap((name): (readonly [string, Json])[] => {
      const value = to[name] ?? null;
      return value === null ? [] : [[name, value]];
    });
    if (from === null)
      calls.push(
        events('PutRule', { EventBusName, Name, ...Object.fromEntries(given), State: to['state'] ?? 'ENABLED' }),
      );
    else if (from['state'] !== to['state'])
      calls.push(events(to['state'] === 'ENABLED' ? 'EnableRule' : 'DisableRule', { EventBusName, Name }));
    const targets = to['targets'] ?? [];
    if (JSON.stringify(from?.['targets'] ?? []) !== JSON.stringify(targets)) {
      const ids = idsOf(from?.['targets']).filter((id) => !idsOf(targets).includes(id));
      if (ids.length > 0) calls.push(events('RemoveTargets', { EventBusName, Rule: Name, Ids: ids }));
      if (idsOf(targets).length > 0) calls.push(events('PutTargets', { EventBusName, Rule: Name, Targets: targets }));
    }
    return calls;
  },
} as const satisfies Partial<CatalogueEntry>;

function idsOf(targets: Json | undefined): readonly string[] {
  return listOf({ targets }, 'targets').flatMap((target) => textOf(target, 'Id') ?? []);
}

export const logsEntries: readonly CatalogueEntry[] = [
  { ...group, events: ['logs:DeleteLogGroup'], after: () => null, remains: 'log-lines-gone' },
  {
    ...group,
    events: ['logs:PutRetentionPolicy'],
    after: ({ request }, baseline) =>
      baseline === null ? undefined : { ...baseline, retentionInDays: toJson(request['retentionInDays']) },
    remains: 'log-lines-gone',
  },
  {
    ...rule,
    events: ['events:DisableRule'],
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, state: 'DISABLED' }),
  },
  { ...rule, events: ['events:DeleteRule'], after: () => null },
  {
    ...rule,
    events: ['events:RemoveTargets'],
    after: ({ request }, baseline) => {
      if (baseline === null) return undefined;
      const gone = Array.isArray(request['ids']) ? request['ids'].map(String) : [];
      const left = listOf({ targets: baseline['targets'] }, 'targets').filter(
        (one) => !gone.includes(textOf(one, 'Id') ?? ''),
      );
      return { ...baseline, targets: sortedList(left) };
    },
  },
];
