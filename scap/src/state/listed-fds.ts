/** Files as the writer found them → files of the state; addresses that a server left open are guessed from the interfaces. */
import { addressText, endsText, isMapped, isZero } from './addresses.ts';
import { Fd, PROTOCOL } from './fds.ts';
import { FD_TYPE, type ListedFd, type ListedInterface } from '../format/lists.ts';

/** Null for what has no type. */
export function fdOf(listed: ListedFd, interfaces: readonly ListedInterface[]): Fd | null {
  const fd = new Fd();
  fd.type = listed.type;
  fd.inode = listed.inode;
  fd.name = listed.name;
  const { address } = listed;
  switch (listed.type) {
    case FD_TYPE.unknown:
      return null;
    case FD_TYPE.ipv4:
    case FD_TYPE.ipv6: {
      if (address === null) return null;
      const isV4 = listed.type === FD_TYPE.ipv6 && isMapped(address.source) && isMapped(address.destination);
      if (isV4) fd.type = FD_TYPE.ipv4;
      (isV4 ? address.source.subarray(12) : address.source).copy(fd.source);
      (isV4 ? address.destination.subarray(12) : address.destination).copy(fd.destination);
      fd.setPorts(address.sourcePort, address.destinationPort);
      fd.storedProtocol = address.protocol;
      fd.isConnected = address.protocol === PROTOCOL.tcp;
      if (fd.type === FD_TYPE.ipv4) guessOpenEnd(fd, interfaces);
      fd.name = endsText(fd);
      return fd;
    }
    case FD_TYPE.ipv4Server:
    case FD_TYPE.ipv6Server:
      if (address === null) return null;
      address.source.copy(fd.source);
      fd.setPorts(address.sourcePort, 0);
      fd.storedProtocol = address.protocol;
      fd.name = `${addressText(fd.source)}:${address.sourcePort}`;
      return fd;
    case FD_TYPE.unix:
      fd.bytes.writeBigUInt64LE(listed.unixSource, 0);
      fd.bytes.writeBigUInt64LE(listed.unixDestination, 8);
      if (listed.name === '') fd.isClient = true;
      else fd.isServer = true;
      return fd;
    case FD_TYPE.file2:
      fd.openFlags = listed.openFlags;
      fd.device = listed.device;
      return fd;
    default:
      return fd;
  }
}

/** An end of all zeros is some address of this machine: the same, one of the same net, or the first that is not the loopback. */
export function guessOpenEnd(fd: Fd, interfaces: readonly ListedInterface[]): void {
  if (!fd.isTuple) return;
  const { source, destination } = fd;
  const [isSourceOpen, isDestinationOpen] = [isZero(source), isZero(destination)];
  if (!isSourceOpen && !isDestinationOpen) return;
  const [open, known] = isSourceOpen ? [source, destination] : [destination, source];
  const own = interfaces.filter(({ family }) => family === (fd.type === FD_TYPE.ipv4 ? 4 : 6));
  const found =
    own.find(({ address }) => address.equals(known)) ??
    own.find((one) => isSameNet(one, known)) ??
    own.find(({ address }) => !isLoopback(address));
  if (found === undefined) return;
  if (found.address.equals(known) && fd.sourcePort === fd.destinationPort) return;
  found.address.copy(open);
}

function isSameNet({ address, netmask, family }: ListedInterface, other: Buffer): boolean {
  const width = family === 4 ? 4 : 8;
  for (let at = 0; at < width; at += 1) {
    const mask = family === 4 ? (netmask[at] ?? 0) : 0xff;
    if (((address[at] ?? 0) & mask) !== ((other[at] ?? 0) & mask)) return false;
  }
  return true;
}

function isLoopback(address: Buffer): boolean {
  return address.length === 4 ? address[0] === 127 : address[15] === 1 && isZero(address.subarray(0, 15));
}

export function isOwnAddress(address: Buffer, interfaces: readonly ListedInterface[]): boolean {
  return interfaces.some((one) =>
    one.family === 4 ? one.address.equals(address) : address.length === 16 && isSameNet(one, address),
  );
}
