/**
 * Who did what a case is about. Chat and phones are no place for them to end it: whoever has taken over their account would answer for
 * themselves. The console asks for a second factor first.
 */
import type { People } from '../people/people.ts';
import { resolveActor } from '../people/person.ts';
import type { Cases } from './cases.ts';

/** Ids of people, as far as they are known. */
export async function doersOf(
  caseId: string,
  { cases, people }: { readonly cases: Cases; readonly people: Pick<People, 'directory'> },
): Promise<readonly string[]> {
  return cases.state.transaction(async (trx) => {
    const unit = cases.unit(trx);
    const current = await unit.loadCase(caseId);
    const directory = await people.directory(trx);
    const asked = current?.person ?? null;
    const behind = (await unit.findingsOfCase(caseId)).flatMap(({ facts }) => {
      const found = resolveActor(facts, directory);
      return found.type === 'person' ? [found.person.id] : [];
    });
    return [...(asked === null || current?.asOwner === true ? [] : [asked.id]), ...behind];
  });
}
