/**
 * A trail, live: messages of a queue lead to objects or carry events; both go into the inbox, and a message is deleted only after
 * everything it speaks of is committed there.
 *
 * The surprise: nothing here remembers how far it came. The queue hands out what was not deleted, batches are known by their
 * content and events by their ids, so that dying anywhere means doing it again and counting it once.
 */
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/failure.ts';
import type { Log } from '../../ground/log.ts';
import type { State } from '../../ground/state.ts';
import type { ObjectResult, QueueMessage, TrailClient } from '../../vendors/aws/trail.ts';
import { cloudtrailSource } from '../cloudtrail/cloudtrail.ts';
import { acceptBatch } from '../inbox.ts';
import { batchesOf } from '../inbox-batches.ts';
import { intakeHealth } from '../inbox-health.ts';
import { jsonText } from '../json-value.ts';
import { eachReading, readChunks } from '../reading/read-paths.ts';
import { type ObjectRef, readMessage } from './message.ts';

export interface AwsIntakeOptions {
  readonly name: string;
  readonly state: State;
  readonly client: TrailClient;
  readonly clock: Clock;
  readonly log: Log;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** A message that failed so often is put aside in full: it must not hold up the others for ever. */
const MOST_RECEIVES = 10;
/** While more than this waits in the inbox, the queue keeps the rest: it is made for that. */
const FULL_BACKLOG_RECORDS = 200_000;
const BACKLOG_PAUSE_MS = 2_000;
const WORK_SECONDS = 300;
const LARGEST_OBJECT_BYTES = 512 * 1024 * 1024;

/** Works until `signal` aborts. */
export async function runAwsIntake(options: AwsIntakeOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, name } = options;
  let waitMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      if (await isFull(options.state)) {
        await clock.sleep(BACKLOG_PAUSE_MS, signal);
        continue;
      }
      const messages = await client.receive(signal);
      for (const message of messages) await takeOrLeave(message, options);
      waitMs = FIRST_RETRY_MS;
    } catch (error) {
      if (signal.aborted) break;
      log.warn('a queue cannot be read and is tried again', { queue: name, error, waitMs });
      await clock.sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
    }
  }
  client.close();
}

async function isFull(state: State): Promise<boolean> {
  const { sources } = await intakeHealth(state);
  return sources.reduce((sum, { backlogRecords }) => sum + backlogRecords, 0) > FULL_BACKLOG_RECORDS;
}

/** What fails stays in the queue, which hands it out again. */
async function takeOrLeave(message: QueueMessage, options: AwsIntakeOptions): Promise<void> {
  try {
    await takeMessage(message, options);
  } catch (error) {
    options.log.warn('a message could not be taken and comes again', {
      queue: options.name,
      message: message.id,
      receives: message.receives,
      error: messageOf(error),
    });
  }
}

/** One message: everything in it committed, then deleted. Throws when it is to come again. */
export async function takeMessage(message: QueueMessage, options: AwsIntakeOptions): Promise<void> {
  const { client, name } = options;
  const reading = readMessage(message.body);
  switch (reading.type) {
    case 'nothing':
      break;
    case 'malformed':
      await putAside(message, reading.reason, options);
      break;
    case 'event':
      await takeEvent(reading.record, message, options);
      break;
    case 'objects':
      await client.extend(message, WORK_SECONDS);
      for (const ref of reading.objects) {
        const failure = await takeObject(ref, options);
        if (failure === null) continue;
        if (message.receives < MOST_RECEIVES) throw new Error(failure);
        await putAside(message, failure, options);
      }
      if (reading.ignored > 0)
        options.log.info('objects without events were passed over', { queue: name, count: reading.ignored });
      break;
  }
  await client.delete(message);
}

async function takeEvent(record: unknown, message: QueueMessage, options: AwsIntakeOptions): Promise<void> {
  const admission = cloudtrailSource.admit(record);
  if (admission.type === 'malformed') return putAside(message, admission.reason, options);
  const { id, timeMs } = admission;
  const records = [{ id, timeMs, json: jsonText(record) }];
  const batch = { source: cloudtrailSource.name, origin: `eventbridge ${options.name}`, records };
  await acceptBatch(options.state, batch, options.clock.nowMs());
}

/** Null when every record of the object is in the inbox, or aside in full; else why it is to be tried again. */
async function takeObject(ref: ObjectRef, options: AwsIntakeOptions): Promise<string | null> {
  const { state, client, clock } = options;
  const { bucket, key, etag, sizeBytes } = ref;
  const object: ObjectResult = await client.fetchObject(bucket, key, etag);
  if (object.type !== 'object') return object.reason;
  const isOther = sizeBytes !== null && object.sizeBytes !== null && sizeBytes !== object.sizeBytes;
  if (isOther) return `${bucket}/${key} has ${object.sizeBytes} bytes, its notification says ${sizeBytes}`;
  if ((object.sizeBytes ?? 0) > LARGEST_OBJECT_BYTES)
    return `${bucket}/${key} is larger than ${LARGEST_OBJECT_BYTES} bytes`;
  const origin = `s3://${bucket}/${key}`;
  const readings = readChunks(object.chunks, origin, { sources: [cloudtrailSource], source: cloudtrailSource });
  for await (const batch of batchesOf(eachReading(readings), { origin, source: cloudtrailSource.name })) {
    await acceptBatch(state, batch, clock.nowMs());
  }
  return null;
}

async function putAside(
  message: QueueMessage,
  reason: string,
  { state, name, clock, log }: AwsIntakeOptions,
): Promise<void> {
  log.warn('a message was put aside', { queue: name, message: message.id, reason });
  const malformed = [{ origin: { file: `queue ${name} ${message.id}`, index: 0 }, reason, raw: message.body }];
  await acceptBatch(
    state,
    { source: cloudtrailSource.name, origin: `queue ${name}`, records: [], malformed },
    clock.nowMs(),
  );
}
