/** What a person does on a machine to keep damage small: a process held, a container frozen, a peer cut off. Undoing lets each go on. */
import type { Call } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, orNone, textOf, type TrailEvent } from '../catalogue.ts';
import type { Fields, Json } from '../state.ts';

/** Where a machine's resources are, as others are in a region. */
export const MACHINE = 'machine';

/** One switch of the machine: how it is read, and the calls that turn it on and off. */
interface Switch {
  readonly event: string;
  readonly type: string;
  readonly field: string;
  readonly read: string;
  readonly on: string;
  readonly off: string;
  /** From the wish to an id, and from the id to what a call takes; null: it names nothing. */
  readonly id: (request: TrailEvent['request']) => string | null;
  readonly input: (id: string) => Fields;
  readonly remains?: string;
}

function call(operation: string, input: Call['input']): Call {
  return { service: 'linux', operation, input };
}

function entryOf({ event, type, field, read, on, off, id, input, remains }: Switch): CatalogueEntry {
  const state = (value: Json): Fields => ({ [field]: value });
  return {
    ...{ row: 0, class: 'C', mode: 'approve', proof: 'emulator', events: [`countersign:${event}`] },
    ...(remains === undefined ? {} : { remains }),
    resources: ({ request, account, region }) => {
      const name = id(request);
      return name === null ? [] : [{ type, account, region, id: name }];
    },
    read: async (caller, resource) => {
      const found = await orNone(caller.call(call(read, input(resource.id))), 'NotFound');
      return found === null ? null : state(found[field] === true);
    },
    before: (_event, current) => (current === null ? null : state(true)),
    after: (_event, baseline) => (baseline === null ? null : state(false)),
    lead: (_from, to, { resource }) => (to === null ? [] : [call(to[field] === true ? on : off, input(resource.id))]),
  };
}

export const linuxContainments: readonly CatalogueEntry[] = [
  entryOf({
    ...{ event: 'StopProcess', type: 'Linux::Process', field: 'stopped', remains: 'process-held' },
    ...{ read: 'ReadProcess', on: 'StopProcess', off: 'ContinueProcess' },
    id: ({ pid, startTicks }) =>
      typeof pid === 'number' && typeof startTicks === 'string' ? `${pid}/${startTicks}` : null,
    input: (id) => ({ pid: Number(id.split('/')[0]), startTicks: id.split('/')[1] ?? '' }),
  }),
  entryOf({
    ...{ event: 'PauseContainer', type: 'Linux::ControlGroup', field: 'frozen' },
    ...{ read: 'ReadFreezer', on: 'Freeze', off: 'Thaw' },
    id: (request) => textOf(request, 'cgroup'),
    input: (cgroup) => ({ cgroup }),
  }),
  entryOf({
    ...{ event: 'BlockPeer', type: 'Linux::Peer', field: 'blocked' },
    ...{ read: 'ReadPeer', on: 'BlockPeer', off: 'UnblockPeer' },
    id: (request) => textOf(request, 'address'),
    input: (address) => ({ address }),
  }),
];
