/** One beat at an address outside that misses us when we stop. The address is a secret and never logged. */

const TIMEOUT_MS = 10_000;

/** Whether it was taken. Rejects never. */
export async function beatAt(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method: 'POST', redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
