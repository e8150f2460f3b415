/** On call: who would be paged right now and how, each schedule with its shifts and gaps, the ladders, and standing in. */
import type { EscalationView, NoticeView, OnCallView, ScheduleView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../data/api.ts';
import { typed } from '../parts/field.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { Maintenance } from '../parts/maintenance.tsx';
import { Shape } from '../parts/state-badge.tsx';
import { fill, type Speech, useSpeech } from '../words/speech.tsx';

const DAY_MS = 86_400_000;
const SHOWN_DAYS = 14;
const REFRESH_MS = 30_000;
const EXAMPLE = `schedules:
  security:
    time_zone: Europe/Berlin
    layers: [{ people: [ann@example.com, ben@example.com], start: "2026-01-05 09:00", rotate: weekly }]
escalations:
  default: { steps: [{ to: schedule:security, wait: 5m }] }`;

export function OnCallPage() {
  const { words } = useSpeech();
  const [today] = useState(() => Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const from = new Date(today).toISOString();
  const to = new Date(today + SHOWN_DAYS * DAY_MS).toISOString();
  const found = useQuery({
    queryKey: ['on-call', from, to],
    queryFn: () => api.onCall(from, to),
    refetchInterval: REFRESH_MS,
  });
  return (
    <>
      <h1>{words.onCall.title}</h1>
      {found.isPending && <Skeleton lines={6} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data !== undefined && <Board view={found.data} />}
    </>
  );
}

function Board({ view }: { readonly view: OnCallView }) {
  const { words } = useSpeech();
  return (
    <div className="columns">
      <div className="stack">
        <Warnings view={view} />
        {view.schedules.length === 0 && (
          <section className="panel">
            <p>{words.onCall.empty}</p>
            <p className="quiet small">{words.onCall.emptyMore}</p>
            <pre className="shell" tabIndex={0}>
              {EXAMPLE}
            </pre>
          </section>
        )}
        {view.schedules.map((schedule) => (
          <ScheduleBoard key={schedule.name} schedule={schedule} view={view} />
        ))}
      </div>
      <div className="stack">
        <First notices={view.first} />
        {view.escalations.map((escalation) => (
          <Ladder key={escalation.name} escalation={escalation} />
        ))}
        <Maintenance />
      </div>
    </div>
  );
}

function Warnings({ view }: { readonly view: OnCallView }) {
  const speech = useSpeech();
  const { words } = speech;
  if (view.warnings.length === 0) return null;
  return (
    <section className="panel" role="alert">
      <ul className="list">
        {view.warnings.map((warning, index) => (
          <li key={index} className="warning">
            <span className="badge act">
              <Shape meaning="act" />
            </span>
            <span>
              {fill(words.onCall[warning.code], {
                schedule: warning.schedule,
                person: warning.person ?? '',
                from: warning.from === null ? '' : speech.absolute(warning.from),
                to: warning.to === null ? '' : speech.absolute(warning.to),
              })}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function First({ notices }: { readonly notices: readonly NoticeView[] }) {
  const { words } = useSpeech();
  return (
    <section className="panel">
      <h2>{words.onCall.now}</h2>
      <Notices notices={notices} />
      {notices.every(({ person }) => person === null) && (
        <p className="quiet small">
          {words.onCall.nobodyReached} {words.onCall.nobodyMore}
        </p>
      )}
    </section>
  );
}

function Notices({ notices }: { readonly notices: readonly NoticeView[] }) {
  const { words } = useSpeech();
  return (
    <ul className="list">
      {notices.map((notice, index) => (
        <li key={index} className="row between intake">
          <span>{notice.person?.name ?? <code>{notice.channel}</code>}</span>
          <span className="small quiet">
            {notice.person !== null && <code>{notice.channel}</code>}{' '}
            {notice.afterSeconds === 0
              ? words.onCall.atOnce
              : fill(words.onCall.after, { time: length(notice.afterSeconds) })}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Ladder({ escalation }: { readonly escalation: EscalationView }) {
  const { words } = useSpeech();
  return (
    <section className="panel">
      <h2>{fill(words.onCall.ladder, { name: escalation.name })}</h2>
      <ol className="timeline">
        {escalation.steps.map((step, index) => (
          <li key={index}>
            <div>
              <div>
                {fill(words.onCall.step, { number: index + 1 })}: {step.targets.join(', ')}
              </div>
              <div className="small quiet">
                {step.now.length === 0
                  ? words.onCall.passed
                  : [...new Set(step.now.map(({ person, channel }) => person?.name ?? channel))].join(', ')}
                {step.roundRobin && ` · ${words.onCall.roundRobin}`}
                {` · ${fill(words.onCall.wait, { time: length(step.waitSeconds) })}`}
              </div>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function ScheduleBoard({ schedule, view }: { readonly schedule: ScheduleView; readonly view: OnCallView }) {
  const speech = useSpeech();
  const { words } = speech;
  return (
    <section className="panel stack">
      <div className="row between">
        <h2>{schedule.name}</h2>
        <span className="small quiet">{schedule.timeZone}</span>
      </div>
      <p className="row">
        <span className={`badge ${schedule.now === null ? 'act' : 'fine'}`}>
          <Shape meaning={schedule.now === null ? 'act' : 'fine'} />
          {schedule.now?.name ?? words.onCall.nobody}
        </span>
        {schedule.until !== null && (
          <span className="small quiet">{fill(words.onCall.until, { time: speech.absolute(schedule.until) })}</span>
        )}
      </p>
      <Band schedule={schedule} view={view} />
      <details>
        <summary>{words.onCall.shifts}</summary>
        <table className="reason-table">
          <tbody>
            {rowsOf(schedule, speech).map((row, index) => (
              <tr key={index}>
                <td>{row.who}</td>
                <td>{row.when}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      <StandIn schedule={schedule} view={view} />
      <p className="small">
        <a href={`/api/on-call/schedules/${encodeURIComponent(schedule.name)}/calendar.ics`}>{words.onCall.calendar}</a>
      </p>
    </section>
  );
}

/** Shifts and gaps together in the order of time. */
function rowsOf(schedule: ScheduleView, { words, absolute }: Speech) {
  const shifts = schedule.shifts.map(({ person, from, to, by }) => ({
    from,
    who: by === 'override' ? `${person.name} (${words.onCall.byOverride})` : person.name,
    when: `${absolute(from)} – ${absolute(to)}`,
  }));
  const gaps = schedule.gaps.map(({ from, to }) => ({
    from,
    who: `⚠ ${words.onCall.gapShort}`,
    when: `${absolute(from)} – ${absolute(to)}`,
  }));
  return [...shifts, ...gaps].sort((one, other) => (one.from < other.from ? -1 : 1));
}

const WIDTH = 1_000;
const HEIGHT = 34;

/** Two weeks as a band: one colour a person, gaps hatched in red. Its table twin stands below. */
function Band({ schedule, view }: { readonly schedule: ScheduleView; readonly view: OnCallView }) {
  const { words } = useSpeech();
  const fromMs = Date.parse(view.from);
  const span = Date.parse(view.to) - fromMs;
  const at = (iso: string) => ((Date.parse(iso) - fromMs) / span) * WIDTH;
  const people = [...new Set(schedule.shifts.map(({ person }) => person.name))];
  const now = ((Date.now() - fromMs) / span) * WIDTH;
  return (
    <svg
      className="band"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${words.onCall.shifts}: ${schedule.name}`}
    >
      {schedule.shifts.map((shift, index) => (
        <g key={index}>
          <rect
            className={`turn turn-${people.indexOf(shift.person.name) % 4}`}
            x={at(shift.from)}
            width={Math.max(1, at(shift.to) - at(shift.from) - 1)}
            y={2}
            height={HEIGHT - 4}
          >
            <title>{shift.person.name}</title>
          </rect>
        </g>
      ))}
      {schedule.gaps.map((gap, index) => (
        <rect
          key={index}
          className="turn-gap"
          x={at(gap.from)}
          width={Math.max(2, at(gap.to) - at(gap.from))}
          y={2}
          height={HEIGHT - 4}
        >
          <title>{words.onCall.gapShort}</title>
        </rect>
      ))}
      <line className="band-now" x1={now} x2={now} y1={0} y2={HEIGHT} />
    </svg>
  );
}

function StandIn({ schedule, view }: { readonly schedule: ScheduleView; readonly view: OnCallView }) {
  const speech = useSpeech();
  const { words } = speech;
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ['on-call'] });
  const add = useMutation({ mutationFn: api.addOverride, onSuccess: refresh });
  const end = useMutation({ mutationFn: api.endOverride, onSuccess: refresh });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const from = new Date(typed(form, 'from')).toISOString();
    const to = new Date(typed(form, 'to')).toISOString();
    add.mutate({ schedule: schedule.name, person: typed(form, 'person'), from, to });
  };
  const failed = add.error ?? end.error;
  return (
    <details>
      <summary>{words.onCall.override}</summary>
      {failed !== null && <Fault error={failed} />}
      <ul className="list">
        {schedule.overrides.map((override) => (
          <li key={override.id} className="row between intake">
            <span>
              {override.person.name}{' '}
              <span className="small quiet">
                {speech.absolute(override.from)} – {speech.absolute(override.to)}
              </span>
            </span>
            <button type="button" className="plain" disabled={end.isPending} onClick={() => end.mutate(override.id)}>
              {words.onCall.end}
            </button>
          </li>
        ))}
      </ul>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor={`who-${schedule.name}`}>{words.onCall.person}</label>
          <select id={`who-${schedule.name}`} name="person" required>
            {view.people.map((person) => (
              <option key={person.id} value={person.id}>
                {person.name}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`from-${schedule.name}`}>{words.onCall.from}</label>
          <input id={`from-${schedule.name}`} name="from" type="datetime-local" required />
        </div>
        <div className="field">
          <label htmlFor={`to-${schedule.name}`}>{words.onCall.to}</label>
          <input id={`to-${schedule.name}`} name="to" type="datetime-local" required />
        </div>
        <button type="submit" className="button" disabled={add.isPending}>
          {words.onCall.add}
        </button>
      </form>
    </details>
  );
}

/** `5:00` is five minutes, `1:30:00` an hour and a half. */
function length(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const minutes = (seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${Math.floor(minutes)}:${two(seconds % 60)}`;
}
