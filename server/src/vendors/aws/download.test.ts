/** What is fetched by a signed address, and what is not. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { downloadSigned } from './download.ts';

let server: Server;
let endpoint = '';
beforeAll(async () => {
  server = createServer(({ url }, reply) => {
    if (url === '/code') reply.end(Buffer.alloc(2_000, 7));
    else if (url === '/elsewhere') reply.writeHead(302, { location: '/code' }).end();
    else reply.writeHead(403).end('expired');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test('bytes come whole, or not at all when there are too many', async () => {
  const got = await downloadSigned(`${endpoint}/code`, { mostBytes: 2_000, endpoint });
  expect(got).toEqual({ type: 'bytes', bytes: Buffer.alloc(2_000, 7) });
  expect(await downloadSigned(`${endpoint}/code`, { mostBytes: 1_999, endpoint })).toEqual({ type: 'too-large' });
});

test('what is refused or led elsewhere is a failure that does not tell the address', async () => {
  for (const path of ['/expired?X-Amz-Signature=secret', '/elsewhere']) {
    const got = await downloadSigned(`${endpoint}${path}`, { mostBytes: 10, endpoint });
    expect(got).toMatchObject({ type: 'failed' });
    expect(JSON.stringify(got)).not.toContain('secret');
  }
});

test("only AWS's own hosts are called, and an emulator's where there is one", async () => {
  for (const address of [
    `${endpoint}/code`,
    'http://awslambda.s3.amazonaws.com/code',
    'https://amazonaws.com.thief.example/code',
    'https://169.254.169.254/latest',
    'no address',
  ])
    expect(await downloadSigned(address, { mostBytes: 10, endpoint: null })).toMatchObject({
      reason: 'AWS gave an address that is none of its own',
    });
});
