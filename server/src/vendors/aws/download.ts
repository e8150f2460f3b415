/** Bytes behind an address that AWS signed, such as the code of a function. Only AWS's own hosts are called. */
import { describeFailure } from '../post.ts';

export type Downloaded =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'too-large' }
  | { readonly type: 'failed'; readonly reason: string };

const TIMEOUT_MS = 60_000;
const HOST = /(?:^|\.)amazonaws\.com(?:\.cn)?$/;

/**
 * Redirects are not followed. Rejects never; a reason never has the address, whose query is a key.
 *
 * @param endpoint of an emulator, whose addresses are called too.
 */
export async function downloadSigned(
  address: string,
  { mostBytes, endpoint }: { readonly mostBytes: number; readonly endpoint: string | null },
): Promise<Downloaded> {
  const url = URL.canParse(address) ? new URL(address) : null;
  const isOfAws = url?.protocol === 'https:' && HOST.test(url.hostname);
  const isOfEmulator = endpoint !== null && url?.origin === new URL(endpoint).origin;
  if (url === null || !(isOfAws || isOfEmulator))
    return { type: 'failed', reason: 'AWS gave an address that is none of its own' };
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok || response.body === null) return { type: 'failed', reason: `it answered ${response.status}` };
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.byteLength;
      // Leaving the loop ends the connection.
      if (size > mostBytes) return { type: 'too-large' };
      chunks.push(chunk);
    }
    return { type: 'bytes', bytes: Buffer.concat(chunks) };
  } catch (error) {
    return { type: 'failed', reason: describeFailure(error) };
  }
}
