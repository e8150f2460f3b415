/** Files as the writer found them → files of the state. */
import { FD_TYPE, type ListedFd } from '../format/lists.ts';
import { addressText } from './addresses.ts';
import { Fd } from './fds.ts';
import { guessOpenEnd, type Interfaces } from './interfaces.ts';
import { addressOf, isMapped, portsOf, PROTOCOL, unmapped } from './socket-ends.ts';

/** Null for what has no type. */
export function fdOf(listed: ListedFd, interfaces: Interfaces): Fd | null {
  const fd = new Fd();
  fd.type = listed.type;
  fd.inodeLow = Number(listed.inode & 0xffff_ffffn);
  fd.inodeHigh = Number(listed.inode >> 32n);
  fd.name = listed.name;
  switch (listed.type) {
    case FD_TYPE.unknown:
      return null;
    case FD_TYPE.ipv4:
    case FD_TYPE.ipv6:
      return readTuple(fd, listed, interfaces);
    case FD_TYPE.ipv4Server:
    case FD_TYPE.ipv6Server:
      if (listed.address === null) return null;
      fd.ends.setServer(fd.type, addressOf(listed.address.source), listed.address.sourcePort);
      fd.storedProtocol = listed.address.protocol;
      fd.name = `${addressText(fd.source)}:${listed.address.sourcePort}`;
      return fd;
    case FD_TYPE.unix:
      fd.ends.setUnixNumbers(listed.unixSource, listed.unixDestination);
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

function readTuple(fd: Fd, { address }: ListedFd, interfaces: Interfaces): Fd | null {
  if (address === null) return null;
  const [source, destination] = [addressOf(address.source), addressOf(address.destination)];
  const ports = portsOf(address.sourcePort, address.destinationPort);
  const isV4 = source.family === 4 || (isMapped(source.words) && isMapped(destination.words));
  if (isV4) {
    fd.type = FD_TYPE.ipv4;
    const [near, far] = source.family === 4 ? [source, destination] : [unmapped(source), unmapped(destination)];
    fd.ends.setIpv4(near.words[0], far.words[0], ports);
  } else {
    fd.ends.setIpv6(source.words, destination.words, ports);
  }
  fd.storedProtocol = address.protocol;
  fd.isConnected = address.protocol === PROTOCOL.tcp;
  if (isV4) guessOpenEnd(fd, interfaces);
  fd.nameByEnds('ends');
  return fd;
}
