/** One case: a sentence, how it stands, what changed, why it is risky, what the person said, and everything that happened. */
import type { CaseDetail, CaseTimesView, Factor, FindingView } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { aroundFinding } from '../data/activity-query.ts';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { Deadline } from '../parts/case-line.tsx';
import { ChangeDiff } from '../parts/change-diff.tsx';
import { FindingFacts } from '../parts/finding-facts.tsx';
import { HostDeed } from '../parts/host-deed.tsx';
import { CaseRecordings } from '../parts/recordings.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { heaviest, reasonText, sentenceOf } from '../parts/sentences.ts';
import { CaseActions } from '../parts/responding/case-actions.tsx';
import { Containment } from '../parts/responding/containment.tsx';
import { Hands } from '../parts/responding/hands.tsx';
import { Similar } from '../parts/responding/similar.tsx';
import { Reverts } from '../parts/reverts.tsx';
import { StateBadge } from '../parts/state-badge.tsx';
import { Time } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const REFRESH_MS = 5_000;

export function CasePage() {
  const { id = '' } = useParams();
  // Another case is another page: nothing that was typed for one stands with the other.
  return <OneCase key={id} id={id} />;
}

function OneCase({ id }: { readonly id: string }) {
  const { words } = useSpeech();
  const nowMs = useNow();
  const found = useQuery({ queryKey: ['case', id], queryFn: () => api.case(id), refetchInterval: REFRESH_MS });
  if (found.isPending) return <Skeleton lines={8} />;
  const fault = found.isError && <Fault error={found.error} retry={() => void found.refetch()} />;
  // What is there stays, with whatever was typed into it, also when it cannot be refreshed.
  if (found.data === undefined) return fault;
  const detail = found.data;
  const { state } = detail.summary;
  const isOpen = state !== 'confirmed' && state !== 'resolved';
  return (
    <>
      {fault}
      <Heading detail={detail} nowMs={nowMs} />
      <div className="case">
        <div className="stack side">
          <CaseActions detail={detail} />
          {isOpen && <Containment caseId={detail.summary.id} />}
          <Answer detail={detail} nowMs={nowMs} />
          <div className="stack later">
            <Why detail={detail} />
            <Similar caseId={detail.summary.id} nowMs={nowMs} />
            <Times detail={detail} nowMs={nowMs} />
            <p className="small">
              <a href={`/api/cases/${detail.summary.id}/review.md`}>{words.case.review}</a>
            </p>
          </div>
        </div>
        <div className="stack">
          <Changes findings={detail.findings} headline={detail.summary.headline} />
          <Reverts caseId={detail.summary.id} />
          {detail.findings.some(({ source }) => source === 'syscall') && <CaseRecordings caseId={detail.summary.id} />}
          <div className="stack last">
            <Pages detail={detail} nowMs={nowMs} />
            <Timeline entries={detail.timeline} nowMs={nowMs} />
          </div>
        </div>
      </div>
    </>
  );
}

function Heading({ detail, nowMs }: { readonly detail: CaseDetail; readonly nowMs: number }) {
  const { words } = useSpeech();
  const { summary } = detail;
  return (
    <header className="stack close">
      <div className="row">
        <StateBadge state={summary.state} />
        {summary.drill && <span className="badge ask">{words.case.drill}</span>}
        {summary.priority !== null && <span className="badge">{summary.priority}</span>}
        <Deadline summary={summary} nowMs={nowMs} />
        {summary.state === 'asked' && summary.person !== null && (
          <span className="small quiet">{fill(words.case.asked, { name: summary.person.name })}</span>
        )}
        <span className="small quiet">
          <Time iso={summary.headline.time} nowMs={nowMs} />
        </span>
      </div>
      <h1>{sentenceOf(summary.headline, words)}</h1>
      {summary.pageCause !== null && <p className="quiet">{words.causes[summary.pageCause]}</p>}
      <Hands detail={detail} />
    </header>
  );
}

function Changes({
  findings,
  headline,
}: {
  readonly findings: readonly FindingView[];
  readonly headline: FindingView;
}) {
  const { words } = useSpeech();
  const [chosen, choose] = useState(headline.id);
  const shown = findings.find(({ id }) => id === chosen) ?? headline;
  const isHost = shown.source === 'syscall';
  const { before, after, request } = shown.change;
  const isChange = !isHost && (before ?? after ?? request) !== null;
  return (
    <>
      <section className="panel stack">
        <h2>{isChange ? words.case.change : words.hosts.happened}</h2>
        {isHost && <HostDeed finding={shown} />}
        {isChange && <ChangeDiff finding={shown} />}
        <FindingFacts finding={shown} />
        <p className="row small">
          <Link to={aroundFinding(shown)}>{words.activity.around}</Link>
          <Link to={`/exemptions?${exemptionOf(shown)}`}>{words.case.exempt}</Link>
        </p>
      </section>
      {findings.length > 1 && (
        <section className="panel">
          <h2>
            {words.case.findings} <span className="quiet number">{findings.length}</span>
          </h2>
          <ul className="list">
            {findings.map((finding) => (
              <li key={finding.id}>
                <button
                  type="button"
                  className="line"
                  data-current={finding.id === shown.id}
                  aria-pressed={finding.id === shown.id}
                  onClick={() => choose(finding.id)}
                >
                  <span className="number">{finding.risk}</span>
                  <span>{finding.rule}</span>
                  <code className="small">{finding.action}</code>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** The narrowest exemption that would fit the finding, for the form. */
function exemptionOf(finding: FindingView): string {
  const { rule, actor, resources, account } = finding;
  const who = actor.session === null ? actor.id : `${actor.id}/${actor.session}`;
  const parts = { rule, actor: who, resource: resources[0]?.id ?? '', account: account?.id ?? '' };
  return new URLSearchParams(parts).toString();
}

function Answer({ detail, nowMs }: { readonly detail: CaseDetail; readonly nowMs: number }) {
  const { words } = useSpeech();
  const { answer } = detail;
  if (answer === null) return null;
  const proven =
    answer.factor === null
      ? words.case.notProven
      : fill(words.case.provenBy, { factor: words.challenge.factors[answer.factor as Factor] });
  return (
    <section className="panel">
      <h2>{words.case.answer}</h2>
      <p>{answer.answer === 'yes' ? words.case.answeredYes : words.case.answeredNo}</p>
      {answer.reason !== '' && <p>{answer.reason}</p>}
      <p className="small quiet">
        {answer.by.name} · {proven} · <Time iso={answer.at} nowMs={nowMs} />
      </p>
    </section>
  );
}

function Why({ detail }: { readonly detail: CaseDetail }) {
  const { words } = useSpeech();
  const { risk, reasons } = detail.summary;
  return (
    <section className="panel">
      <div className="row between">
        <h2>{words.case.why}</h2>
        <span className="risk large">{risk}</span>
      </div>
      <table className="reason-table">
        <tbody>
          {heaviest(reasons, reasons.length).map((reason, index) => (
            <tr key={index}>
              <td>{reasonText(reason, words)}</td>
              <td>{reason.points > 0 ? `+${reason.points}` : reason.points}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Pages({ detail, nowMs }: { readonly detail: CaseDetail; readonly nowMs: number }) {
  const { words } = useSpeech();
  if (detail.pages.length === 0) return null;
  return (
    <section className="panel">
      <h2>{words.case.pages}</h2>
      <ul className="list">
        {detail.pages.map((page, index) => (
          <li key={index} className="intake">
            <div className="row between">
              <span>
                <code>{page.channel}</code> {page.person?.name} <span className="quiet">#{page.number}</span>
              </span>
              <span className="small">
                {words.case.pageStates[page.state]}
                {page.attempts > 1 && ` · ${fill(words.case.attempts, { count: page.attempts })}`}
                {page.at !== null && (
                  <>
                    {' · '}
                    <Time iso={page.at} nowMs={nowMs} />
                  </>
                )}
              </span>
            </div>
            {page.failure !== null && <p className="small quiet">{page.failure}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

const TIMES: readonly (keyof CaseTimesView)[] = [
  'event',
  'received',
  'asked',
  'answered',
  'paged',
  'acknowledged',
  'contained',
  'resolved',
];

function Times({ detail, nowMs }: { readonly detail: CaseDetail; readonly nowMs: number }) {
  const { words } = useSpeech();
  return (
    <section className="panel">
      <h2>{words.case.times}</h2>
      <table className="reason-table">
        <tbody>
          {TIMES.map((name) => {
            const at = detail.times[name];
            return (
              <tr key={name}>
                <td>{words.case.timeNames[name]}</td>
                <td>{at === null ? '–' : <Time iso={at} nowMs={nowMs} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
