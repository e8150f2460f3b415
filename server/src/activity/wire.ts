/** Activity as it travels: JSON has no numbers of 64 bits, so that times are texts of digits. */
import { type Static, Type } from 'typebox';
import { type Activity, HOST_KINDS } from './activity.ts';

const Text = Type.String({ maxLength: 4_000 });
const Name = Type.String({ maxLength: 600 });
/** Until 2255: what 64 bits hold. */
const Ns = Type.String({ pattern: '^(?:[0-9]{1,18}|[1-8][0-9]{18})$' });
const Count = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });

export const WireActivity = Type.Object({
  at: Ns,
  kind: Type.Enum([...HOST_KINDS]),
  container: Name,
  application: Name,
  pid: Count,
  start: Ns,
  parentPid: Count,
  parentStart: Ns,
  name: Name,
  exe: Name,
  loginUser: Name,
  user: Name,
  tty: Count,
  detail: Text,
  result: Name,
  count: Count,
  bytes: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
});
export type WireActivity = Static<typeof WireActivity>;

export function toWire({ timeNs, process, parent, host: _host, ...rest }: Activity): WireActivity {
  return {
    ...rest,
    at: String(timeNs),
    pid: process.pid,
    start: String(process.startNs),
    parentPid: parent.pid,
    parentStart: String(parent.startNs),
  };
}

/** @param host who sent it: what a host says of itself is not asked. */
export function fromWire(host: string, { at, pid, start, parentPid, parentStart, ...rest }: WireActivity): Activity {
  return {
    ...rest,
    host,
    timeNs: BigInt(at),
    process: { pid, startNs: BigInt(start) },
    parent: { pid: parentPid, startNs: BigInt(parentStart) },
  };
}
