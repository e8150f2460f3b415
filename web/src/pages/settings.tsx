/** Settings: language and times, the journal's verification, and for admins the people and their links. */
import type { PersonListing } from '@countersign/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { api } from '../data/api.ts';
import { Agents } from '../parts/agents.tsx';
import { Deliveries } from '../parts/deliveries.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { MyNotifications, MyPasskeys } from '../parts/my-account.tsx';
import { MyTokens } from '../parts/my-tokens.tsx';
import { MachineValue } from '../parts/machine-value.tsx';
import { fill, type Language, useSpeech } from '../words/speech.tsx';

export function SettingsPage() {
  const { words } = useSpeech();
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  const role = session.data?.person?.role;
  const isAdmin = role === 'admin';
  return (
    <>
      <h1>{words.settings.title}</h1>
      <Preferences />
      <MyNotifications />
      <MyPasskeys />
      {role !== undefined && <MyTokens role={role} />}
      {role !== undefined && role !== 'member' && <Deliveries />}
      {isAdmin && <Agents />}
      {isAdmin && <Journal />}
      {isAdmin && <People />}
    </>
  );
}

function Preferences() {
  const { words, language, setLanguage, utc, setUtc } = useSpeech();
  return (
    <section className="panel row">
      <label className="row">
        {words.settings.language}
        <select value={language} onChange={(event) => setLanguage(event.target.value as Language)}>
          <option value="en">English</option>
          <option value="ja">日本語</option>
        </select>
      </label>
      <label className="row">
        {words.settings.times}
        <select value={utc ? 'utc' : 'local'} onChange={(event) => setUtc(event.target.value === 'utc')}>
          <option value="local">{words.settings.local}</option>
          <option value="utc">{words.common.utc}</option>
        </select>
      </label>
    </section>
  );
}

function Journal() {
  const { words, number } = useSpeech();
  const check = useMutation({ mutationFn: api.checkJournal });
  const fault = check.data?.faults[0];
  return (
    <section className="panel stack">
      <div className="row between">
        <div>
          <h2>{words.settings.journal}</h2>
          <p className="quiet small">{words.settings.journalText}</p>
        </div>
        <button type="button" className="button" disabled={check.isPending} onClick={() => check.mutate()}>
          {words.settings.verify}
        </button>
      </div>
      {check.isError && <Fault error={check.error} />}
      {check.isSuccess && (
        <div role="status">
          <p className={`badge ${check.data.ok ? 'fine' : 'act'}`}>
            {fault === undefined
              ? fill(words.settings.verified, { entries: number(check.data.entries) })
              : fill(words.settings.broken, fault)}
          </p>
          <p className="small quiet row">
            {words.settings.head} <MachineValue value={check.data.head} />
          </p>
        </div>
      )}
    </section>
  );
}

function People() {
  const { words } = useSpeech();
  const people = useQuery({ queryKey: ['people'], queryFn: api.people });
  return (
    <section className="panel">
      <h2>{words.settings.people}</h2>
      {people.isPending && <Skeleton />}
      {people.isError && <Fault error={people.error} retry={() => void people.refetch()} />}
      {people.data !== undefined && (
        <table className="people">
          <tbody>
            {people.data.people.map((person) => (
              <Person key={person.id} person={person} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Person({ person }: { readonly person: PersonListing }) {
  const { words } = useSpeech();
  const link = useMutation({ mutationFn: () => api.signInLink(person.id) });
  return (
    <tr>
      <td>
        {person.name}
        <div className="small quiet">{person.email}</div>
        {link.isError && <Fault error={link.error} />}
        {link.isSuccess && (
          <div className="small" role="status">
            {fill(words.settings.linkMade, { name: person.name })} <MachineValue value={link.data.url} />
          </div>
        )}
      </td>
      <td className="small">{words.settings.roles[person.role]}</td>
      <td className="small quiet">{person.enrolled ? words.settings.enrolled : words.settings.notEnrolled}</td>
      <td>
        <button type="button" className="button" disabled={link.isPending} onClick={() => link.mutate()}>
          {words.settings.link}
        </button>
      </td>
    </tr>
  );
}
