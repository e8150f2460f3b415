/** `fdlist.*`: the files that `poll` and `ppoll` wait for, each list as one text with commas. */
import { CODE } from '../format/event-codes.ts';
import { FD_TYPE } from '../format/lists.ts';
import { addressText } from '../state/addresses.ts';
import type { Fd } from '../state/fds.ts';
import type { Machine } from '../state/machine.ts';
import type { FieldReader } from './fields.ts';

const LIST = 1;
const COUNT_BYTES = 2;
/** The number, and what is waited for. */
const ENTRY_BYTES = 10;

/** The numbers in a parameter, no more than it has room for. */
export function listedNumbers({ current }: Machine, index: number): number[] {
  const { view, littleEndian } = current;
  const length = current.length(index);
  const at = current.offset(index);
  const count = length < COUNT_BYTES ? 0 : view.getUint16(at, littleEndian);
  const numbers: number[] = [];
  for (let place = COUNT_BYTES; numbers.length < count && place + ENTRY_BYTES <= length; place += ENTRY_BYTES) {
    numbers.push(Number(view.getBigInt64(at + place, littleEndian)));
  }
  return numbers;
}

/** Entries of which `read` says null are left out. */
function list(read: (fd: Fd | null, number: number) => string | null): FieldReader {
  return (machine) => {
    const { current, currentThread } = machine;
    if ((current.code !== CODE.poll && current.code !== CODE.ppoll) || currentThread === null) return null;
    const texts = listedNumbers(machine, LIST).map((number) => read(currentThread.fd(number), number));
    return texts.filter((text) => text !== null).join(',') || null;
  };
}

export const FD_LIST_FIELDS: Readonly<Record<string, FieldReader>> = {
  'fdlist.nums': list((_, number) => String(number)),
  'fdlist.names': list((fd) => (fd === null || fd.name === '' ? '<NA>' : fd.name)),
  'fdlist.cips': list((fd) => (fd?.isTuple === true ? addressText(fd.source) : null)),
  'fdlist.sips': list((fd) => {
    if (fd?.isInet !== true) return null;
    // Of an IPv6 server Falco prints the first four bytes, as if it were an IPv4 address.
    if (fd.type !== FD_TYPE.ipv6Server) return addressText(fd.destination);
    return addressText({ family: 4, words: [fd.destination.words[0], 0, 0, 0] });
  }),
  'fdlist.cports': list((fd) => (fd?.isTuple === true ? String(fd.sourcePort) : null)),
  'fdlist.sports': list((fd) => (fd?.isTuple === true ? String(fd.destinationPort) : null)),
};
