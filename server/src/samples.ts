/**
 * The sample attack: recorded events of ours, moved to now, so that a newcomer sees a challenge and a page within a minute.
 *
 * The surprise: it goes the whole way, through inbox, rules and policy, like events of a real account. Nobody owns the sample's
 * account and nobody is its actor, so the question goes to the first admin, who is looking at the console right now.
 */
import { readFile } from 'node:fs/promises';
import type { SampleStarted, SampleView } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from './ground/failure.ts';
import type { HttpServer } from './ground/http.ts';
import type { Clock } from './ground/clock.ts';
import type { Random } from './ground/random.ts';
import type { State } from './ground/state.ts';
import type { Guards } from './people/sign-in/guard.ts';
import { acceptBatch } from './sources/inbox.ts';
import { cloudtrailSource } from './sources/cloudtrail/cloudtrail.ts';
import type { SourceRecord } from './sources/source.ts';

const SAMPLES: readonly { readonly id: string; readonly file: URL }[] = [
  { id: 'stolen-key', file: new URL('../../examples/samples/stolen-key.json', import.meta.url) },
];

export interface SampleOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly guards: Guards;
}

const SampleParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

export function registerSampleRoutes(server: HttpServer, options: SampleOptions): void {
  server.get(
    '/api/samples',
    { config: { access: options.guards.person } },
    async (): Promise<SampleView[]> =>
      Promise.all(
        SAMPLES.map(async (sample) => ({ id: sample.id, eventCount: (await readSample(sample.file)).length })),
      ),
  );
  server.post(
    '/api/samples/:id/replay',
    { config: { access: options.guards.role('admin') }, schema: { params: SampleParams } },
    async (request): Promise<SampleStarted> => {
      const sample = SAMPLES.find(({ id }) => id === request.params.id);
      if (sample === undefined) {
        throw new Failure('there is no such sample', { code: 'sample-not-found', httpStatus: 404, retryable: false });
      }
      const nowMs = options.clock.nowMs();
      const records = moveToNow(await readSample(sample.file), nowMs, () => options.random.id(nowMs));
      const batch = {
        source: cloudtrailSource.name,
        origin: `sample ${sample.id}`,
        records: records.flatMap((record) => {
          const admission = cloudtrailSource.admit(record);
          return admission.type === 'record'
            ? [{ id: admission.id, timeMs: admission.timeMs, json: JSON.stringify(record) }]
            : [];
        }),
      };
      await acceptBatch(options.state, batch, nowMs);
      return { eventCount: batch.records.length };
    },
  );
}

async function readSample(file: URL): Promise<readonly SourceRecord[]> {
  return (JSON.parse(await readFile(file, 'utf8')) as { Records: SourceRecord[] }).Records;
}

/** The last event happened just now, the others as long before it as they were; ids are fresh, so it can be replayed. */
function moveToNow(records: readonly SourceRecord[], nowMs: number, newId: () => string): readonly SourceRecord[] {
  const times = records.map((record) => Date.parse(String(record['eventTime'])));
  const shift = nowMs - Math.max(...times);
  return records.map((record, index) => ({
    ...record,
    eventID: newId(),
    eventTime: new Date((times[index] ?? nowMs) + shift).toISOString().replace(/\.\d{3}Z$/, 'Z'),
  }));
}
