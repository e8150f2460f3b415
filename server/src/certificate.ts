/** Our own certificate: read at the start, and again every hour, so that one that was renewed in place is used without a restart. */
import type { AppOptions } from './app.ts';
import type { HttpHouse, TlsFiles } from './ground/http.ts';
import { readSecret } from './ground/secret.ts';

const AGAIN_MS = 3_600_000;

/** Null without TLS. @throws Failure `secret-missing`. */
export async function readCertificate({ configuration: { tls }, environment }: AppOptions): Promise<TlsFiles | null> {
  if (tls === null) return null;
  return { cert: await readSecret(tls.certificate, environment), key: await readSecret(tls.key, environment) };
}

/** Works until `stopping` aborts. One that cannot be read leaves the old one in use. */
export async function renewCertificate(
  house: HttpHouse,
  { options, stopping }: { readonly options: AppOptions; readonly stopping: AbortSignal },
): Promise<void> {
  const { clock, log, configuration } = options;
  while (configuration.tls !== null && !stopping.aborted) {
    await clock.sleep(AGAIN_MS, stopping);
    try {
      const tls = stopping.aborted ? null : await readCertificate(options);
      if (tls !== null) house.renewTls(tls);
    } catch (error) {
      log.error('the certificate could not be read again; the old one stays in use', { error });
    }
  }
}
