/** What an actor did before: counts, days, hours, and that the memory is bounded. */
import { expect, test } from 'vitest';
import { MONDAY_MS, sampleActor, sampleFacts } from '../../../test/sample-finding.ts';
import { History, MAXIMUM_ACTIONS } from './history.ts';

const DAY_MS = 86_400_000;

test('an actor never seen has no past', () => {
  expect(new History().recall(sampleFacts())).toMatchObject({
    watchedSinceMs: null,
    actorCount: 0,
    actionCount: 0,
    dayCount: 0,
  });
});

test('the past counts what was noted and not the finding itself', () => {
  const history = new History();
  history.note(sampleFacts({ timeMs: MONDAY_MS }));
  history.note(sampleFacts({ timeMs: MONDAY_MS + DAY_MS, action: 'DeleteTrail' }));
  const past = history.recall(sampleFacts({ timeMs: MONDAY_MS + 2 * DAY_MS }));
  expect(past).toMatchObject({ watchedSinceMs: MONDAY_MS, actorCount: 2, actionCount: 1, dayCount: 2 });
  expect(past.hourCounts[10]).toBe(2);
});

test('the same user name in another account is another actor', () => {
  const history = new History();
  history.note(sampleFacts());
  expect(history.recall(sampleFacts({ account: '444455556666' })).actorCount).toBe(0);
});

test('an action of the same name in another service is another action', () => {
  const history = new History();
  history.note(sampleFacts({ service: 'logs', action: 'CreateExportTask' }));
  expect(history.recall(sampleFacts({ service: 'rds', action: 'CreateExportTask' })).actionCount).toBe(0);
});

test('the actor unseen for longest is forgotten first', () => {
  const history = new History({ maximumActors: 2 });
  const by = (id: string) => sampleFacts({ actor: sampleActor({ id }) });
  for (const id of ['one', 'two', 'one', 'three']) {
    history.note(by(id));
  }
  expect(history.recall(by('one')).actorCount).toBe(2);
  expect(history.recall(by('two')).actorCount).toBe(0);
  expect(history.recall(by('three')).actorCount).toBe(1);
});

test('an actor with endless new actions does not grow without end', () => {
  const history = new History();
  for (let index = 0; index < MAXIMUM_ACTIONS + 50; index += 1) {
    history.note(sampleFacts({ action: `Action${index}` }));
  }
  expect([...history.actors()][0]?.actions.size).toBe(MAXIMUM_ACTIONS);
});
