/** Whom a machine never cuts off: itself and the server, by whatever name or spelling. */
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { createHostCaller } from './host.ts';

const cutOff = (address: string, spared?: string) =>
  createHostCaller(spared === undefined ? {} : { spared }).call({
    ...{ service: 'linux', operation: 'BlockPeer', input: { address } },
  });
const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));

describe('this machine', () => {
  test.each([
    ...own,
    '127.0.0.1',
    '127.8.9.10',
    '0.0.0.0',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.9',
  ])('%s', async (address) => {
    await expect(cutOff(address)).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringMatching(/is this machine itself$/),
    });
  });
});

describe('the server', () => {
  test.each([
    ['192.0.2.80', '192.0.2.80'],
    ['192.0.2.80', '::ffff:192.0.2.80'],
    ['192.0.2.80', '::FFFF:c000:250'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]', '2001:DB8:0:0::1'],
  ])('%s is not cut off as %s', async (server, address) => {
    const refusal = { code: 'Invalid', message: expect.stringMatching(/is the server that this is done for$/) };
    await expect(cutOff(address, server)).rejects.toMatchObject(refusal);
  });

  test('nobody is cut off while its address is not known', async () => {
    const refusal = { code: 'Unresolved', message: expect.stringMatching(/its own address is not known/) };
    await expect(cutOff('192.0.2.81', 'no-such-server.invalid')).rejects.toMatchObject(refusal);
  });
});

test.each([
  'fe80::1%eth0',
  '0.0.0.0/0',
  '192.0.2.1, 192.0.2.2',
  'example.com',
  '',
  7,
])('%s is no address', async (address) => {
  const input = { address };
  const asked = createHostCaller().call({ service: 'linux', operation: 'BlockPeer', input });
  await expect(asked).rejects.toMatchObject({ code: 'Invalid', message: 'address is one IP address' });
});
