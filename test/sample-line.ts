/** A line of connections as a host tells it, of a moment that its caller names. */
import type { ConnectionLine } from '../server/src/inventory/connections/line.ts';

export function sampleLine(atMs: number, changes: Partial<ConnectionLine> = {}): ConnectionLine {
  return {
    windowMs: atMs,
    host: 'node-1',
    scope: '',
    application: 'shop/deployment/web',
    container: '',
    process: 'nginx',
    exe: '/usr/sbin/nginx',
    protocol: 'tcp',
    direction: 'out',
    localIp: '10.0.0.1',
    remoteIp: '10.0.0.2',
    port: 8080,
    remoteName: '',
    opened: 1,
    failed: 0,
    live: 0,
    sentBytes: 100,
    receivedBytes: 1_000,
    retransmits: 0,
    firstMs: atMs + 1,
    lastMs: atMs + 2,
    ...changes,
  };
}
