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
import type { State, StateTransaction } from '../../ground/state.ts';
import type { QueueMessage, TrailClient } from '../../vendors/aws/trail.ts';
import type { OwnAlert } from '../alerts/raise.ts';
import { cloudtrailSource } from '../cloudtrail/cloudtrail.ts';
import { acceptBatch } from '../inbox.ts';
import { intakeHealth } from '../inbox-health.ts';
import { jsonText } from '../json-value.ts';
import { checkDigest } from './digests.ts';
import { forgetObject, noteFailing, noteQueue } from './ledger.ts';
import { type ObjectRef, readMessage } from './message.ts';
import { takeObject, type Taking, tellLost } from './objects.ts';

export interface AwsIntakeOptions {
  readonly name: string;
  readonly state: State;
  readonly client: TrailClient;
  readonly clock: Clock;
  readonly log: Log;
  /** An alert of our own. */
  readonly raise: (trx: StateTransaction, alert: OwnAlert) => Promise<void>;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** A message about something that is gone for good is put aside in full after so many tries, and that is an alert. */
const MOST_RECEIVES_GONE = 10;
/** What may be readable tomorrow is tried for about two days; it is an alert long before. */
const MOST_RECEIVES = 500;
/** How often a queue that is well is noted as read. */
const NOTE_MS = 15_000;
/** While more than this waits in the inbox, the queue keeps the rest: it is made for that. */
const FULL_BACKLOG_RECORDS = 200_000;
const BACKLOG_PAUSE_MS = 2_000;
const WORK_SECONDS = 300;

/** Works until `signal` aborts. */
export async function runAwsIntake(options: AwsIntakeOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, name } = options;
  const note = noteReading(options);
  let waitMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      if (await isFull(options.state)) {
        await clock.sleep(BACKLOG_PAUSE_MS, signal);
        continue;
      }
      const messages = await client.receive(signal);
      await note(null);
      for (const message of messages) await takeOrLeave(message, options);
      waitMs = FIRST_RETRY_MS;
    } catch (error) {
      if (signal.aborted) break;
      await note(messageOf(error)).catch(() => undefined);
      log.warn('a queue cannot be read and is tried again', { queue: name, error, waitMs });
      await clock.sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
    }
  }
  client.close();
}

/** Keeps the queue's row, so that a queue that cannot be read is seen also by whoever reads no log. */
function noteReading({ state, name, clock }: AwsIntakeOptions): (failure: string | null) => Promise<void> {
  let notedMs = Number.NEGATIVE_INFINITY;
  let failed = false;
  return async (failure) => {
    const nowMs = clock.nowMs();
    if (failure === null && !failed && nowMs - notedMs < NOTE_MS) return;
    failed = failure !== null;
    notedMs = nowMs;
    await noteQueue(state, name, { nowMs, failure });
  };
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
  const { client } = options;
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
      for (const ref of reading.objects) await takeOrTell(ref, message, options);
      for (const ref of reading.digests) await checkOrNote(ref, message, options);
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

/** Throws when the object is to be tried again. One that is gone for good is an alert, and the message is kept in full. */
async function takeOrTell(ref: ObjectRef, message: QueueMessage, options: AwsIntakeOptions): Promise<void> {
  const taking = await takeObject(ref, options).catch(failedBy);
  if (taking.type === 'taken') return;
  const most = taking.type === 'gone' ? MOST_RECEIVES_GONE : MOST_RECEIVES;
  if (message.receives < most) return comeAgain(ref, taking.reason, options);
  await putAside(message, taking.reason, options);
  await tellLost('Trail object lost', ref, taking.reason, options);
  await options.state.transaction((trx) => forgetObject(trx, ref));
}

async function checkOrNote(ref: ObjectRef, message: QueueMessage, options: AwsIntakeOptions): Promise<void> {
  const isLastTry = message.receives >= MOST_RECEIVES_GONE;
  try {
    await checkDigest({ ref, message, isLastTry }, options);
    await options.state.transaction((trx) => forgetObject(trx, ref));
  } catch (error) {
    if (!isLastTry) return comeAgain(ref, messageOf(error), options);
    await putAside(message, messageOf(error), options);
    await tellLost('Trail digest lost', ref, messageOf(error), options);
    await options.state.transaction((trx) => forgetObject(trx, ref));
  }
}

/** Noted, so that the watch over intake sees it; the queue hands the message out again. */
async function comeAgain(ref: ObjectRef, failure: string, { state, name, clock }: AwsIntakeOptions): Promise<never> {
  await noteFailing(state, ref, { queue: name, failure, nowMs: clock.nowMs() });
  throw new Error(failure);
}

function failedBy(error: unknown): Taking {
  return { type: 'failed', reason: messageOf(error) };
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
