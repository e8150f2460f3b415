/**
 * How does the time per event grow with the number of rules? Near flat is the aim: the index leaves only rules that can match.
 *
 * The limit would be one field extraction and one map lookup an event, which is what an event without candidates costs. Most rules
 * pin the event's name to a value of their own, a tenth share one busy name (and differ in the bucket), a few pin nothing.
 */
import {
  compileRules,
  type FieldCatalogue,
  type FieldDefinition,
  interpret,
  parseCondition,
  type Rule,
} from '@countersign/falco';
import { thisMachine } from './machine.ts';

type Event = Readonly<Record<string, string>>;

const SIZES = [10, 100, 1_000, 10_000] as const;
const EVENTS = 20_000;
const RUNS = 7;
const UNPINNED = 3;

const field = (name: string): FieldDefinition<Event> => ({
  name,
  type: 'string',
  isList: false,
  argument: null,
  description: '',
  extract: (event) => event[name] ?? null,
});
const catalogue: FieldCatalogue<Event> = {
  source: 'bench',
  fields: new Map(['e.name', 'e.user', 'e.bucket', 'e.agent'].map((name) => [name, field(name)])),
  indexFields: ['e.name'],
};

function conditionOf(index: number): string {
  if (index < UNPINNED) return `e.user = "root${index}" and not e.agent contains "internal"`;
  if (index % 10 === 0) return `e.name = Busy and e.bucket = b${index} and not e.agent contains "internal"`;
  return `e.name in (Call${index}, Other${index}) and e.user startswith "a" and not e.agent contains "internal"`;
}

function rulesOf(count: number): Rule[] {
  return Array.from({ length: count }, (_, index) => {
    const { condition } = parseCondition(conditionOf(index));
    if (condition === null) throw new Error('the benchmark writes conditions that parse');
    const output = { text: '', parts: [], lenient: false };
    const texts = { description: '', conditionText: '', file: 'bench', source: 'bench' };
    return { ...texts, name: `r${index}`, priority: 'Notice', tags: [], enabled: true, output, condition, line: 1 };
  });
}

/** The same events for every size: names of rules of the smallest set, a busy name, and names that no rule knows. */
function eventsOf(): Event[] {
  return Array.from({ length: EVENTS }, (_, index) => ({
    'e.name': index % 4 === 0 ? 'Busy' : index % 4 === 1 ? `Call${index % 10}` : `Unknown${index % 500}`,
    'e.user': `alice${index % 7}`,
    'e.bucket': `b${index % 1_000}`,
    'e.agent': 'aws-cli/2.17 md/Botocore',
  }));
}

export async function run() {
  const events = eventsOf();
  const figures: Record<string, number> = {};
  for (const size of SIZES) {
    const rules = rulesOf(size);
    const compiled = compileRules(rules, catalogue, { match: 'all' });
    figures[`ns_per_event_${size}_rules`] = median(() => {
      for (const event of events) compiled.match(event);
    });
    figures[`candidates_per_event_${size}_rules`] =
      events.reduce((sum, event) => sum + compiled.candidateCount(event), 0) / events.length;
  }
  const hundred = rulesOf(100);
  figures['ns_per_event_100_rules_interpreted'] = median(() => {
    for (const event of events) for (const rule of hundred) interpret(rule.condition, catalogue, event);
  }, 1);
  const [smallest, largest] = [figures['ns_per_event_10_rules'] ?? 1, figures['ns_per_event_10000_rules'] ?? 0];
  figures['growth_10_to_10000'] = Number((largest / smallest).toFixed(2));
  return { bench: 'rules', machine: thisMachine(), figures };
}

/** Median nanoseconds an event over several runs, after one that is not counted. */
function median(body: () => void, runs = RUNS): number {
  body();
  const times = Array.from({ length: runs }, () => {
    const started = performance.now();
    body();
    return ((performance.now() - started) * 1e6) / EVENTS;
  }).sort((one, other) => one - other);
  return Math.round(times[Math.floor(times.length / 2)] ?? 0);
}
