/** Telemetry goes on to whoever is configured to receive it, once it is stored: joins the store with Prometheus remote write. */
import type { Clock } from './ground/clock.ts';
import type { Log } from './ground/log.ts';
import { type Environment, readSecret } from './ground/secret.ts';
import type { Receiver } from './inventory/telemetry/configuration.ts';
import { Exporter } from './inventory/telemetry/export/exporter.ts';
import type { TelemetryStore } from './inventory/telemetry/store.ts';
import { postWrite } from './vendors/prometheus/remote-write.ts';

/** @throws Failure `secret-missing`. */
export async function openExporters(
  receivers: readonly Receiver[],
  { environment, clock, log }: { readonly environment: Environment; readonly clock: Clock; readonly log: Log },
): Promise<readonly Exporter[]> {
  return Promise.all(
    receivers.map(async ({ name, url, labels, credentials }) => {
      const headers = await headersOf(credentials, environment);
      return new Exporter({ name, labels, clock, log, post: (series) => postWrite(url, series, headers) });
    }),
  );
}

/** What is stored by it is sent on. What was not stored will come again, and is sent then. */
export function exporting(store: TelemetryStore, exporters: readonly Exporter[]): TelemetryStore {
  return {
    ...store,
    insertSamples: async (samples, token) => {
      await store.insertSamples(samples, token);
      for (const exporter of exporters) exporter.add(samples);
    },
  };
}

async function headersOf(
  credentials: Receiver['credentials'],
  environment: Environment,
): Promise<Readonly<Record<string, string>>> {
  switch (credentials.type) {
    case 'none':
      return {};
    case 'bearer':
      return { authorization: `Bearer ${await readSecret(credentials.token, environment)}` };
    case 'basic': {
      const pair = `${credentials.user}:${await readSecret(credentials.password, environment)}`;
      return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
    }
  }
}
