/** What a host says of itself, and what its cloud says: a small server answers as the metadata services of three clouds do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readHostFacts } from './host-facts.ts';

const TOKEN = 'a-token-of-the-metadata';
let asked: string[] = [];
let metadata = '';
let server: Server;
const folders: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    asked.push(`${method} ${url}`);
    const answer = (isAllowed: boolean, text: string) => response.writeHead(isAllowed ? 200 : 401).end(text);
    if (method === 'PUT' && url === '/latest/api/token')
      return answer(headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined, TOKEN);
    if (url === '/latest/dynamic/instance-identity/document')
      return answer(
        headers['x-aws-ec2-metadata-token'] === TOKEN,
        JSON.stringify({
          ...{ instanceId: 'i-0123456789abcdef0', instanceType: 'm7g.large', accountId: '111122223333' },
          ...{ region: 'eu-west-1', availabilityZone: 'eu-west-1b', imageId: 'ami-0123456789abcdef0', ramdiskId: null },
        }),
      );
    if (url === '/computeMetadata/v1/instance/?recursive=true')
      return answer(
        headers['metadata-flavor'] === 'Google',
        '{"id":8087716956832600000,"zone":"projects/7/zones/europe-west1-b","machineType":"projects/7/machineTypes/e2-small"}',
      );
    if (url === '/computeMetadata/v1/project/project-id')
      return answer(headers['metadata-flavor'] === 'Google', 'shop-prod');
    if (url.startsWith('/metadata/instance'))
      return answer(
        headers['metadata'] === 'true',
        JSON.stringify({
          compute: { vmId: 'vm-7', vmSize: 'Standard_B2s', subscriptionId: 'sub-1', location: 'westeurope', zone: '' },
        }),
      );
    return response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  metadata = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function rootWith(dmi: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'countersign-root-'));
  folders.push(root);
  mkdirSync(join(root, 'sys/class/dmi/id'), { recursive: true });
  mkdirSync(join(root, 'etc'));
  mkdirSync(join(root, 'proc'));
  for (const [name, text] of Object.entries(dmi)) writeFileSync(join(root, 'sys/class/dmi/id', name), `${text}\n`);
  writeFileSync(join(root, 'etc/os-release'), 'NAME="Sample"\nPRETTY_NAME="Sample Linux 7 (seven)"\n');
  writeFileSync(join(root, 'proc/stat'), 'cpu 1 2 3\nbtime 1700000000\n');
  return root;
}

test.each([
  [
    'an instance of EC2',
    { sys_vendor: 'Amazon EC2' },
    {
      cloud: 'aws',
      instance: 'i-0123456789abcdef0',
      account: '111122223333',
      zone: 'eu-west-1b',
      instanceType: 'm7g.large',
    },
  ],
  [
    'an instance of Google',
    { sys_vendor: 'Google' },
    {
      cloud: 'gcp',
      instance: '8087716956832600000',
      account: 'shop-prod',
      region: 'europe-west1',
      instanceType: 'e2-small',
    },
  ],
  [
    'a machine of Azure',
    { chassis_asset_tag: '7783-7084-3265-9085-8269-3286-77' },
    { cloud: 'azure', instance: 'vm-7', account: 'sub-1', region: 'westeurope' },
  ],
])('%s is known by what its cloud says', async (_name, dmi, expected) => {
  const { facts, bootMs } = await readHostFacts({ root: rootWith(dmi), metadata });
  expect(facts).toMatchObject({ ...expected, os: 'Sample Linux 7 (seven)' });
  expect(facts['kernel']).not.toBe('');
  expect(bootMs).toBe(1_700_000_000_000);
});

test('a host without a cloud asks nobody', async () => {
  asked = [];
  const { facts } = await readHostFacts({ root: rootWith({ sys_vendor: 'QEMU' }), metadata });
  expect(facts['cloud']).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a cloud that does not answer leaves the rest known', async () => {
  const { facts } = await readHostFacts({
    root: rootWith({ sys_vendor: 'Amazon EC2' }),
    metadata: `${metadata}/nowhere`,
  });
  expect(facts).toMatchObject({ cloud: 'aws', os: 'Sample Linux 7 (seven)' });
  expect(facts['instance']).toBeUndefined();
});
