/** What is kept of hosts: captures to download, and gaps to know of; around a case, or at a moment. */
import type { CaptureView, HostEvidence, HostGap } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { ApiFailure, api } from '../data/api.ts';
import { bytesText } from '../data/bytes.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { Fault } from './loading.tsx';
import { Shape } from './state-badge.tsx';

const REFRESH_MS = 5_000;

export function CaseRecordings({ caseId }: { readonly caseId: string }) {
  return <Recordings of={['case', caseId]} ask={() => api.recordings(caseId)} />;
}

export function MomentRecordings({ host, at }: { readonly host: string; readonly at: string }) {
  return <Recordings of={['moment', host, at]} ask={() => api.recordingsAt(host, at)} />;
}

interface RecordingsProps {
  readonly of: readonly string[];
  readonly ask: () => Promise<HostEvidence>;
}

/** Nothing where nothing is kept, and for whoever may not have it. */
function Recordings({ of, ask }: RecordingsProps) {
  const { words } = useSpeech();
  const found = useQuery({ queryKey: ['recordings', ...of], queryFn: ask, refetchInterval: REFRESH_MS });
  // Whoever was only asked may not have what others on the host did.
  if (found.error instanceof ApiFailure && found.error.status === 403) return null;
  const fault = found.isError && <Fault error={found.error} retry={() => void found.refetch()} />;
  const evidence = found.data;
  if (evidence === undefined || evidence.captures.length + evidence.gaps.length === 0) return fault;
  return (
    <section className="panel">
      <h2>{words.hosts.evidence}</h2>
      {fault}
      <ul className="list">
        {evidence.captures.map((capture) => (
          <Capture key={capture.id} capture={capture} />
        ))}
        {evidence.gaps.map((gap) => (
          <Gap key={`${gap.host} ${gap.class} ${gap.to}`} gap={gap} />
        ))}
      </ul>
    </section>
  );
}

function Capture({ capture }: { readonly capture: CaptureView }) {
  const { words, absolute, language } = useSpeech();
  const isThere = capture.state === 'kept' || capture.state === 'cut';
  return (
    <li className="intake">
      <div className="row between">
        <span>
          {capture.host}: {fill(words.hosts.capture, { from: absolute(capture.from), to: absolute(capture.to) })}
        </span>
        <span className={`badge ${capture.state === 'kept' ? 'fine' : 'note'}`}>
          {words.hosts.captureStates[capture.state]}
        </span>
      </div>
      {capture.rule !== '' && <p className="small quiet">{fill(words.hosts.captureRule, { rule: capture.rule })}</p>}
      {isThere && (
        <p className="small">
          <a href={`/api/captures/${encodeURIComponent(capture.id)}`} download>
            {fill(words.hosts.download, { size: bytesText(capture.sizeBytes, language) })}
          </a>
          <br />
          <code className="quiet whole">SHA-256 {capture.sha256}</code>
        </p>
      )}
    </li>
  );
}

function Gap({ gap }: { readonly gap: HostGap }) {
  const { words, absolute, number } = useSpeech();
  const span = { from: absolute(gap.from), to: absolute(gap.to) };
  return (
    <li className="intake">
      <span className="badge ask wraps">
        <Shape meaning="ask" />
        {gap.lost === 0
          ? fill(words.hosts.blind, span)
          : fill(words.hosts.gap, { lost: number(gap.lost), what: gap.class, ...span })}
      </span>
    </li>
  );
}
