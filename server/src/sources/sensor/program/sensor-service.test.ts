/** The service of the sensor lets it ask for what its program asks for. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { howToAllow } from './sensor-program.ts';

const read = (path: string): string => readFileSync(new URL(`../../../../../${path}`, import.meta.url), 'utf8');

test('addresses of the host are asked of the kernel by netlink, which the service allows', () => {
  const [, families] = /^RestrictAddressFamilies=(.*)$/m.exec(read('deploy/systemd/countersign-sensor.service')) ?? [];
  expect(read('sensor/scap.c')).toContain('getifaddrs(');
  expect(families?.split(' ')).toEqual(['AF_UNIX', 'AF_NETLINK']);
});

test('a sensor that root starts tells what the server asks for, which stands beside the socket', () => {
  const [, command] = /^ExecStart=(.*)$/m.exec(read('deploy/systemd/countersign-sensor.service')) ?? [];
  const socket = '${COUNTERSIGN_SOCKET}';
  expect(howToAllow('/opt/countersign/sensor/build/countersign-sensor', socket).split('\n')[1]).toBe(`sudo ${command}`);
});
