/**
 * Whom a case can be handed to or who can be called in, as chat and the console offer it: a person, a team, whoever is on call, a
 * ladder.
 * Pure: people and schedules were read before.
 */
import { createHash } from 'node:crypto';
import type { Directory, KnownPerson } from '../../people/person.ts';
import type { PersonRef } from '../case.ts';

export interface Target {
  /** Stands in forms for the target; short, whatever its name. */
  readonly key: string;
  readonly group: 'people' | 'teams' | 'schedules' | 'escalations';
  readonly name: string;
  /** Its own name, without who is on call. */
  readonly called: string;
  /** Of a person. */
  readonly address: string | null;
  /** Empty for a ladder. */
  readonly people: readonly PersonRef[];
  /** The ladder's name. */
  readonly escalation: string | null;
}

export interface TargetSource {
  readonly directory: Directory;
  /** Who is on call in each schedule now. */
  readonly onCall: readonly { readonly schedule: string; readonly email: string | null }[];
  readonly escalations: readonly string[];
}

/** Everybody and everything that leads to somebody; responders before others, then by name. */
export function targetsOf({ directory, onCall, escalations }: TargetSource): readonly Target[] {
  const byEmail = new Map(directory.people.map((person) => [person.email, person]));
  const known = (emails: readonly (string | null)[]) =>
    emails.flatMap((email) => {
      const person = email === null ? undefined : byEmail.get(email.toLowerCase());
      return person === undefined ? [] : [refOf(person)];
    });
  const called = new Map<string, number>();
  for (const { name } of directory.people) called.set(name, (called.get(name) ?? 0) + 1);
  const people = directory.people.toSorted(byDuty).map((person): Target => {
    const { id, email } = person;
    const name = (called.get(person.name) ?? 0) > 1 ? `${person.name} (${email})` : person.name;
    return {
      key: `people:${id}`,
      group: 'people',
      name,
      called: person.name,
      address: email,
      people: [refOf(person)],
      escalation: null,
    };
  });
  const teams = [...directory.teams].map(([name, emails]) => named('teams', name, known(emails)));
  const schedules = onCall.map(({ schedule, email }) => {
    const now = known([email]);
    return { ...named('schedules', schedule, now), name: [schedule, ...now.map(({ name }) => name)].join(': ') };
  });
  const ladders = escalations.map((name) => ({ ...named('escalations', name, []), escalation: name }));
  return [...people, ...teams, ...schedules, ...ladders].filter(
    (target) => target.people.length > 0 || target.escalation !== null,
  );
}

function named(group: Target['group'], name: string, people: readonly PersonRef[]): Target {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return { key: `${group}:${digest}`, group, name, called: name, address: null, people, escalation: null };
}

function byDuty(one: KnownPerson, other: KnownPerson): number {
  const rank = Number(one.role === 'member') - Number(other.role === 'member');
  if (rank !== 0) return rank;
  if (one.name !== other.name) return one.name < other.name ? -1 : 1;
  return one.email < other.email ? -1 : 1;
}

function refOf({ id, name }: KnownPerson): PersonRef {
  return { id, name };
}
