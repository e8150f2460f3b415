/**
 * What is kept of a host around the findings of a case, or at a moment: captures to download, and gaps to know of.
 *
 * A capture holds command lines and paths of everybody on the host: responders may have it, whoever is asked may not.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { CaptureView, CaseDetail, HostEvidence } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../ground/failure.ts';
import type { HttpServer } from '../ground/http.ts';
import { httpFailures } from '../ground/http-error.ts';
import { appendJournal } from '../ground/journal.ts';
import type { State } from '../ground/state.ts';
import { type Guards, signedInOf } from '../people/sign-in/guard.ts';
import { agentCaptures, recordingFile } from '../sources/sensor/recording/recording-file.ts';
import { captureById, type CaptureRow, capturesWithin, gapsWithin, type HostSpan } from '../sources/sensor/store.ts';

export interface CaptureRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly nowMs: () => number;
  /** Where this server keeps captures; others' lie with them. */
  readonly directory: string;
  readonly viewCase: (caseId: string, viewerId: string) => Promise<CaseDetail | null>;
}

const Params = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });
const Moment = Type.Object({ host: Type.String({ maxLength: 300 }), at: Type.String({ maxLength: 40 }) });
/** What a capture holds around a finding, and a little for clocks. */
const AROUND_MS = 90_000;
const MOST_HOSTS = 50;

export function registerCaptureRoutes(server: HttpServer, options: CaptureRoutesOptions): void {
  const { state, guards, nowMs, viewCase } = options;
  server.get(
    '/api/cases/:id/recordings',
    { config: { access: guards.role('responder') }, schema: { params: Params } },
    async (request): Promise<HostEvidence> => {
      const detail = await viewCase(request.params.id, signedInOf(request).person.id);
      if (detail === null) throw notFound('case');
      return evidenceOf(state, spansOf(detail));
    },
  );
  server.get(
    '/api/recordings',
    { config: { access: guards.role('responder') }, schema: { querystring: Moment } },
    async ({ query: { host, at } }): Promise<HostEvidence> => {
      const atMs = Date.parse(at);
      if (Number.isNaN(atMs)) throw httpFailures.invalidInput('at', 'no time: write ISO 8601');
      return evidenceOf(state, [{ host, fromMs: atMs, toMs: atMs }]);
    },
  );
  server.get(
    '/api/captures/:id',
    { config: { access: guards.role('responder') }, schema: { params: Params } },
    async (request, reply) => {
      const { id } = request.params;
      const row = await captureById(state, id);
      if (row === null) throw notFound('capture');
      const { directory } = options;
      const file = recordingFile(row.received_bytes === null ? directory : agentCaptures(directory), id);
      if (file === null) throw notFound('capture');
      const found = await stat(file).catch(() => null);
      if (found === null) throw gone(row);
      const actor = signedInOf(request).person.id;
      const parameters = { capture: id, host: row.host };
      const entry = { kind: 'capture-read', caseId: null, actor, timeMs: nowMs(), parameters };
      // What was typed is in it: who reads it is remembered before they do.
      await state.transaction((trx) => appendJournal(trx, entry));
      return reply
        .type('application/gzip')
        .header('content-length', found.size)
        .header('content-disposition', `attachment; filename="${id}.scap.gz"`)
        .header('cache-control', 'no-store')
        .send(createReadStream(file));
    },
  );
}

async function evidenceOf(state: State, spans: readonly HostSpan[]): Promise<HostEvidence> {
  const captures = await Promise.all(spans.map((span) => capturesWithin(state, span)));
  const gaps = await Promise.all(spans.map((span) => gapsWithin(state, span)));
  return {
    captures: captures.flat().map(viewCapture),
    gaps: gaps.flat().map((row) => ({
      host: row.host,
      class: row.class,
      lost: row.lost,
      from: iso(row.from_ms),
      to: iso(row.to_ms),
    })),
  };
}

/** One span a host, from its first finding to its last. */
function spansOf({ findings }: CaseDetail): readonly HostSpan[] {
  const spans = new Map<string, HostSpan>();
  for (const { source, account, time } of findings) {
    if (source !== 'syscall' || account === null) continue;
    const atMs = Date.parse(time);
    const known = spans.get(account.id);
    spans.set(account.id, {
      host: account.id,
      fromMs: Math.min(known?.fromMs ?? atMs, atMs),
      toMs: Math.max(known?.toMs ?? atMs, atMs),
    });
  }
  return [...spans.values()]
    .slice(0, MOST_HOSTS)
    .map(({ host, fromMs, toMs }) => ({ host, fromMs: fromMs - AROUND_MS, toMs: toMs + AROUND_MS }));
}

function viewCapture(row: CaptureRow): CaptureView {
  return {
    id: row.id,
    host: row.host,
    rule: row.rule,
    state: stateOf(row),
    from: iso(row.from_ms),
    to: iso(row.to_ms),
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
  };
}

function stateOf({ state, received_bytes: received, size_bytes: size }: CaptureRow): CaptureView['state'] {
  const isDone = state === 'kept' || state === 'cut';
  if (isDone && received !== null && received < size) return 'arriving';
  // Only `saveRecording` writes the column.
  return state as CaptureView['state'];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function notFound(what: 'case' | 'capture'): Failure {
  return new Failure(`there is no such ${what}`, { code: `${what}-not-found`, httpStatus: 404, retryable: false });
}

/** Being written, on its way from an agent, removed for room, or on the disk of another server. */
function gone(row: CaptureRow): Failure {
  const { id } = row;
  const state = stateOf(row);
  const isComing = state === 'arriving';
  return new Failure(`the capture ${id} is ${state} and not on this server`, {
    code: 'capture-not-here',
    httpStatus: 410,
    retryable: state === 'recording' || isComing,
  });
}
