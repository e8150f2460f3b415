/**
 * POSTs to addresses that people give, as opposed to those of the configuration: they must lie outside.
 *
 * The surprise: a name that leads outside when it is saved can lead inside when it is called. So the addresses are judged where the
 * connection is made, by the lookup that the connection itself uses.
 */
import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { Agent, request as httpsRequest } from 'node:https';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { describeFailure, LARGEST_REPLY, type PostResult, resultOf, TIMEOUT_MS } from './post.ts';

/** Networks of nobody in particular, with the length of their prefix. */
export const INSIDE_IPV4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];
export const INSIDE_IPV6: readonly (readonly [network: string, prefix: number])[] = [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
];
const INSIDE = new BlockList();
for (const [network, prefix] of INSIDE_IPV4) INSIDE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of INSIDE_IPV6) INSIDE.addSubnet(network, prefix, 'ipv6');
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Loopback, private, link-local, multicast and whatever else no stranger's server has. */
export function isInside(address: string): boolean {
  const plain = MAPPED.exec(address)?.[1] ?? address;
  return INSIDE.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6') || /^::ffff:/i.test(plain);
}

type Answer = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

function lookupOutside(hostname: string, options: LookupOptions, answer: Answer): void {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return answer(error ?? new Error(`${hostname} has no address`), '');
    if (addresses.some(({ address }) => isInside(address)))
      return answer(new Error(`${hostname} leads to an address inside, which is not called`), '');
    return options.all === true ? answer(null, addresses) : answer(null, first.address, first.family);
  });
}

/** For requests that must not be led inside. */
export const outsideAgent = new Agent({ lookup: lookupOutside });

/** Like `postJson`, to a place outside. Redirects are not followed, a long reply is cut. Rejects never. */
export async function postOutside(
  url: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<PostResult> {
  try {
    // A bare address is connected to without a lookup.
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && isInside(host)) return { type: 'unreachable', reason: `${host} lies inside` };
    const { status, reply, retryAfter } = await post(url, body, headers);
    return resultOf(status, reply, retryAfter);
  } catch (error) {
    return { type: 'unreachable', reason: describeFailure(error) };
  }
}

function post(url: string, body: string | Uint8Array, headers: Readonly<Record<string, string>>) {
  return new Promise<{ status: number; reply: string; retryAfter: string | null }>((settle, fail) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = httpsRequest(
      url,
      {
        method: 'POST',
        agent: outsideAgent,
        signal,
        headers: { 'content-type': 'application/json', 'user-agent': 'countersign', ...headers },
      },
      (response) => {
        let reply = '';
        const done = () => {
          settle({ status: response.statusCode ?? 0, reply, retryAfter: response.headers['retry-after'] ?? null });
        };
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          reply += text;
          if (reply.length < LARGEST_REPLY) return;
          done();
          response.destroy();
        });
        response.on('end', done);
        response.on('error', fail);
      },
    );
    sent.on('error', fail);
    sent.end(body);
  });
}
