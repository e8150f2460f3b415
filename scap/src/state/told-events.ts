/** What writers tell between the calls: users, groups and containers that come and go. */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import { parseContainer } from './containers.ts';
import type { Machine } from './machine.ts';
import { eventsOf, type StateEvents } from './state-events.ts';

export const TOLD_EVENTS: StateEvents = eventsOf(
  [[CODE.userAdded], addUser],
  [[CODE.userDeleted], (machine, event) => isOfHost(event, 5) && machine.users.delete(event.u32(0))],
  [[CODE.groupAdded], addGroup],
  [[CODE.groupDeleted], (machine, event) => isOfHost(event, 2) && machine.groups.delete(event.u32(0))],
  [[CODE.containerJson2], (machine, event) => tellContainer(machine, event.text(0), true)],
  [[CODE.async], tellAsync],
);

/** Users of containers are known where they run alone. */
function isOfHost(event: CaptureEvent, place: number): boolean {
  return event.text(place) === '';
}

function addUser(machine: Machine, event: CaptureEvent): void {
  if (!isOfHost(event, 5)) return;
  machine.users.set(event.u32(0), {
    gid: event.u32(1),
    name: event.text(2),
    home: event.text(3),
    shell: event.text(4),
  });
}

function addGroup(machine: Machine, event: CaptureEvent): void {
  if (isOfHost(event, 2)) machine.groups.set(event.u32(0), event.text(1));
}

function tellAsync(machine: Machine, event: CaptureEvent): void {
  const name = event.text(1);
  if (name === 'container') tellContainer(machine, event.text(2), true);
  else if (name === 'container_removed') tellContainer(machine, event.text(2), false);
}

function tellContainer(machine: Machine, json: string, isAdded: boolean): void {
  const container = parseContainer(json);
  if (container === null) return;
  machine.announced = container;
  if (isAdded) machine.containers.set(container.id, container);
  else machine.containers.delete(container.id);
}
