/**
 * Lists of ranges as the clouds publish them: AWS `ip-ranges.json`, Google `cloud.json` and `goog.json`, Azure `ServiceTags_*.json`. Which one
 * it is, its content tells.
 *
 * The surprise: clouds list a range several times, once for all of the cloud and again for the service that uses it. The service says more.
 */
import { isObject, list, textOrNull } from '../../sources/json-value.ts';
import { readCidr } from './cidr.ts';
import type { RangeList } from './range-table.ts';

/** What is wrong with a file: where, what, and how to mend it. */
export interface Complaint {
  /** From 1. */
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

interface Listed {
  readonly cidr: unknown;
  readonly name: string;
  readonly weight: number;
}

/** How much a name says. */
const ALL_OF_CLOUD = 0;
const REGION = 1;
const COMPUTERS = 2;
const SERVICE = 3;
const SERVICE_OF_REGION = 4;
const LONGEST_NAME = 200;
const SHAPES = 'AWS ip-ranges.json, Google cloud.json or Azure ServiceTags JSON, as they are published';

/** Adds the ranges of a list; or says what is wrong with it. */
export function readPublished(text: string, into: RangeList): Complaint | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const hint = `expected here: ${SHAPES}; was the download cut off?`;
    return { line: lineOfSyntaxError(text, error), message: 'this is no JSON', hint };
  }
  const listed = isObject(json) ? listedIn(json) : null;
  if (listed === null)
    return { line: 1, message: 'this list of ranges is not known', hint: `expected here: ${SHAPES}` };
  for (const { cidr, name, weight } of listed) {
    const ends = readCidr(textOrNull(cidr) ?? '');
    if (ends === null) return noRange(text, cidr);
    into.add(ends, name.slice(0, LONGEST_NAME), weight);
  }
  return null;
}

function listedIn(json: Readonly<Record<string, unknown>>): readonly Listed[] | null {
  if (Array.isArray(json['values'])) return json['values'].flatMap(azure);
  const prefixes = [...list(json['prefixes']), ...list(json['ipv6_prefixes'])].filter(isObject);
  if (prefixes.some((one) => 'ip_prefix' in one || 'ipv6_prefix' in one)) return prefixes.map(amazon);
  return prefixes.some((one) => 'ipv4Prefix' in one || 'ipv6Prefix' in one) ? prefixes.map(google) : null;
}

function amazon(one: Readonly<Record<string, unknown>>): Listed {
  const region = regionOf(one['region']);
  const service = textOrNull(one['service']) ?? '';
  const name = nameOf('AWS', region, service === 'AMAZON' ? '' : service);
  const weight = service === 'AMAZON' ? ALL_OF_CLOUD : service === 'EC2' ? COMPUTERS : SERVICE;
  return { cidr: one['ip_prefix'] ?? one['ipv6_prefix'], name, weight };
}

function google(one: Readonly<Record<string, unknown>>): Listed {
  const cidr = one['ipv4Prefix'] ?? one['ipv6Prefix'];
  const service = textOrNull(one['service']);
  if (service === null) return { cidr, name: 'Google', weight: ALL_OF_CLOUD };
  return { cidr, name: nameOf(service, regionOf(one['scope']), ''), weight: REGION };
}

/** `AzureCloud`, `AzureCloud.westeurope`, `Storage`, `Storage.WestEurope`: the more is said, the better. */
function azure(tag: unknown): readonly Listed[] {
  if (!isObject(tag) || !isObject(tag['properties'])) return [{ cidr: tag, name: '', weight: 0 }];
  const [service = ''] = (textOrNull(tag['name']) ?? '').split('.');
  const region = regionOf(tag['properties']['region']);
  const isAll = service === 'AzureCloud';
  const name = nameOf('Azure', region, isAll ? '' : service);
  const weight = isAll ? (region === '' ? ALL_OF_CLOUD : REGION) : region === '' ? SERVICE : SERVICE_OF_REGION;
  return list(tag['properties']['addressPrefixes']).map((cidr) => ({ cidr, name, weight }));
}

function nameOf(cloud: string, region: string, service: string): string {
  return [cloud, region, service === '' ? '' : `(${service})`].filter((part) => part !== '').join(' ');
}

function regionOf(value: unknown): string {
  const region = textOrNull(value) ?? '';
  return /^global$/i.test(region) ? '' : region;
}

function noRange(text: string, cidr: unknown): Complaint {
  const shown = typeof cidr === 'string' ? JSON.stringify(cidr) : 'an entry';
  const at = typeof cidr === 'string' ? text.indexOf(shown) : -1;
  return {
    line: at === -1 ? 1 : lineAt(text, at),
    message: `${shown.slice(0, LONGEST_NAME)} is no range of addresses`,
    hint: 'write 192.0.2.0/24 or 2001:db8::/32, or fetch the file again',
  };
}

function lineOfSyntaxError(text: string, error: unknown): number {
  const [, position] = /at position (\d+)/.exec(String(error)) ?? [];
  return lineAt(text, position === undefined ? text.length : Number(position));
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
