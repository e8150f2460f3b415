/** What lies inside, and that names and addresses leading there are not called. */
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { isInside, postOutside } from './outside.ts';

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.31.255.1',
  '192.168.0.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '::1',
  '::',
  '::ffff:10.0.0.1',
  '::ffff:a00:1',
  'fe80::1',
  'fd00:ec2::254',
  '64:ff9b::a00:1',
])('%s lies inside', (address) => expect(isInside(address)).toBe(true));

test.each(['8.8.8.8', '172.32.0.1', '::ffff:8.8.8.8', '2606:4700::1111'])('%s lies outside', (address) =>
  expect(isInside(address)).toBe(false));

test('a name that leads inside is not called', async () => {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, () => resolve()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const result = await postOutside(`https://localhost:${port}/hook`, '{}', {});
  expect(await postOutside(`https://127.0.0.1:${port}/hook`, '{}', {})).toMatchObject({ type: 'unreachable' });
  expect(await postOutside(`https://[::1]:${port}/hook`, '{}', {})).toMatchObject({ type: 'unreachable' });
  server.close();
  expect(result).toMatchObject({ type: 'unreachable', reason: expect.stringContaining('inside') });
  expect(calls).toBe(0);
});
