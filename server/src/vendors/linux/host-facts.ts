/**
 * What this machine is: its system, its kernel, and which instance of which cloud, told by the cloud itself.
 *
 * The surprise: the cloud is asked only where the firmware says that there is one. Elsewhere the address of its metadata may be anybody's, and
 * a host without a cloud would wait for an answer at every start.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, machine, networkInterfaces, release, totalmem } from 'node:os';
import { join } from 'node:path';

export interface HostFacts {
  readonly addresses: readonly string[];
  /** `os`, `kernel`, `cloud`, `instance` …: only what is known. */
  readonly facts: Readonly<Record<string, string>>;
  /** When it was started. */
  readonly bootMs: number | null;
}

export interface HostFactsOptions {
  /** Where the host's own files are, when this runs in a container: `/host`. */
  readonly root?: string;
  /** Where the cloud's metadata is. */
  readonly metadata?: string;
  readonly signal?: AbortSignal;
}

const METADATA = 'http://169.254.169.254';
const MOST_MS = 2_000;
const LONGEST_ANSWER = 64 * 1024;
const LONGEST_FACT = 300;
/** Azure's machines all have this asset tag. */
const AZURE_TAG = '7783-7084-3265-9085-8269-3286-77';

/** Never rejects: what cannot be had is left out. */
export async function readHostFacts(options: HostFactsOptions = {}): Promise<HostFacts> {
  const { root = '/', metadata = METADATA } = options;
  const cloud = cloudOf(root);
  const told = cloud === null ? {} : await askCloud(cloud, metadata, options.signal).catch(() => ({}));
  const all = {
    os: osName(root),
    kernel: release(),
    architecture: machine(),
    cpus: String(availableParallelism()),
    memoryBytes: String(totalmem()),
    cloud: cloud ?? '',
    ...told,
  };
  const facts = Object.entries(all).flatMap(([name, value]) =>
    typeof value === 'string' && value !== '' ? [[name, value.slice(0, LONGEST_FACT)] as const] : [],
  );
  return { addresses: ownAddresses(), facts: Object.fromEntries(facts), bootMs: bootMs(root) };
}

type Cloud = 'aws' | 'gcp' | 'azure';

function cloudOf(root: string): Cloud | null {
  const dmi = (name: string) => textOf(join(root, 'sys/class/dmi/id', name)).trim();
  const vendor = dmi('sys_vendor');
  if (vendor === 'Amazon EC2' || /amazon$/i.test(dmi('bios_version')) || dmi('board_asset_tag').startsWith('i-'))
    return 'aws';
  if (vendor === 'Google' || dmi('product_name') === 'Google Compute Engine') return 'gcp';
  return dmi('chassis_asset_tag') === AZURE_TAG ? 'azure' : null;
}

type Told = Readonly<Record<string, unknown>>;

async function askCloud(cloud: Cloud, metadata: string, signal?: AbortSignal): Promise<Told> {
  const ask = (path: string, headers: Readonly<Record<string, string>>, method = 'GET') =>
    fetchText(`${metadata}${path}`, { method, headers, ...(signal === undefined ? {} : { signal }) });
  switch (cloud) {
    case 'aws': {
      const token = await ask('/latest/api/token', { 'X-aws-ec2-metadata-token-ttl-seconds': '60' }, 'PUT');
      const document = membersOf(
        JSON.parse(await ask('/latest/dynamic/instance-identity/document', { 'X-aws-ec2-metadata-token': token })),
      );
      return {
        instance: document['instanceId'],
        instanceType: document['instanceType'],
        account: document['accountId'],
        region: document['region'],
        zone: document['availabilityZone'],
        image: document['imageId'],
      };
    }
    case 'gcp': {
      const headers = { 'Metadata-Flavor': 'Google' };
      const text = await ask('/computeMetadata/v1/instance/?recursive=true', headers);
      const instance = membersOf(JSON.parse(text));
      const zone = lastPart(instance['zone']);
      return {
        // Too long for a number of JavaScript, so it is taken as it was written.
        instance: /"id"\s*:\s*(\d+)/.exec(text)?.[1],
        instanceType: lastPart(instance['machineType']),
        account: await ask('/computeMetadata/v1/project/project-id', headers),
        region: zone.replace(/-[a-z]$/, ''),
        zone,
        image: lastPart(instance['image']),
      };
    }
    case 'azure': {
      const { compute } = membersOf(
        JSON.parse(await ask('/metadata/instance?api-version=2021-02-01', { Metadata: 'true' })),
      );
      const machineOf = membersOf(compute);
      return {
        instance: machineOf['vmId'],
        instanceType: machineOf['vmSize'],
        account: machineOf['subscriptionId'],
        region: machineOf['location'],
        zone: machineOf['zone'],
      };
    }
  }
}

async function fetchText(url: string, request: RequestInit): Promise<string> {
  const limit = AbortSignal.timeout(MOST_MS);
  const signal = request.signal ? AbortSignal.any([limit, request.signal]) : limit;
  const response = await fetch(url, { ...request, signal, redirect: 'error' });
  if (!response.ok || response.body === null) throw new Error(`${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > LONGEST_ANSWER) throw new Error('too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function osName(root: string): string {
  for (const file of ['etc/os-release', 'usr/lib/os-release']) {
    const name = /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(textOf(join(root, file)))?.[1];
    if (name !== undefined) return name;
  }
  return '';
}

function bootMs(root: string): number | null {
  const seconds = /^btime (\d+)$/m.exec(textOf(join(root, 'proc/stat')))?.[1];
  return seconds === undefined ? null : Number(seconds) * 1_000;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ address, internal }) => (internal || address.startsWith('fe80:') ? [] : [address])),
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** `projects/1/zones/europe-west1-b` → `europe-west1-b`. */
function lastPart(path: unknown): string {
  return typeof path === 'string' ? (path.split('/').at(-1) ?? '') : '';
}

function membersOf(value: unknown): Told {
  return typeof value === 'object' && value !== null ? (value as Told) : {};
}
