/**
 * `countersign baseline`: reads what an account holds and trusts it as it is, and shows what is trusted.
 *
 * The surprise: enrolling may be killed at any moment and called again; it goes on after the last resource that it kept.
 */
import { type EnrolmentWish, planEnrolment } from '../enrolling.ts';
import { openAwsRoles, readingOptions } from '../revert-targets.ts';
import { enrolThrough, listThrough, showThrough, type Speech, told } from './baseline-server.ts';
import {
  listBaselines,
  type ListedBaseline,
  type ShownBaseline,
  showBaselines,
} from '../cases/revert/baselines/list.ts';
import { type ReadingOptions, read, requestEnrolment, takeReading } from '../cases/revert/baselines/readings.ts';
import type { Configuration } from '../configuration.ts';
import { Failure } from '../ground/failure.ts';
import { silentLog } from '../ground/log.ts';
import { openState, type State } from '../ground/state.ts';
import {
  type Arguments,
  choice,
  type Command,
  EXIT_BAD_INPUT,
  EXIT_FINE,
  InputError,
  parseArguments,
  type Terminal,
  UsageError,
} from './command-line.ts';
import { readConfigurationFile } from './configuration-file.ts';
import { serverOf } from './through-server.ts';

const USAGE = `countersign baseline enrol --account ID [--region NAME]… [--type AWS::…]… [--replace] [--config FILE] [--data DIR] [--output json]
countersign baseline enrol --account ID … --server URL --token-file FILE
countersign baseline list [--account ID] [--type AWS::…] [--data DIR] [--output json]
countersign baseline show RESOURCE [--data DIR] [--output json]

enrol reads every resource of the account that the catalogue of reverts knows, with the role that only reads, and keeps its state as
trusted. What has a baseline already is compared and told, never overwritten, unless --replace says so. Killed and called again, it goes
on where it was. Regions: as given, as in reverts.regions, or wherever the account may be used. Progress goes to stderr; one line a
type and region to stdout. Exit 1 when something could not be read.

A cluster of reverts.clusters is enrolled by its name as account, its namespaces standing for regions.

RESOURCE is an id or TYPE|ACCOUNT|REGION|ID. While a server runs on embedded state, it is the server that reads: --server names it, and
--token-file a file with an API token of an admin (Settings → Tokens). It reads at its own pace, also when this command is stopped, and a
server that is killed goes on where it was. list and show take the two flags as well.`;

const FLAGS = {
  account: 'text',
  region: 'texts',
  type: 'texts',
  replace: 'present',
  config: 'text',
  data: 'text',
  output: 'text',
  server: 'text',
  'token-file': 'text',
} as const;
const DEFAULT_CONFIG = 'countersign.yaml';
const WAIT_MS = 2_000;

export const baselineCommand: Command = {
  name: 'baseline',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, FLAGS);
    const [action, resource, ...more] = given.positionals;
    const output = choice('output', given.text('output') ?? 'text', ['json', 'text']);
    const wanted = action === 'show' ? 2 : 1;
    if (!['enrol', 'list', 'show'].includes(action ?? '') || given.positionals.length !== wanted || more.length > 0)
      throw new UsageError('say enrol, list, or show and one resource');
    const print = (value: object, text: string) =>
      terminal.print(output === 'json' ? `${JSON.stringify(value)}\n` : `${text}\n`);
    if (given.text('server') !== undefined) {
      const calls = serverOf(given, 'of an admin');
      if (action === 'enrol') return enrolThrough(calls, wishOf(given), { terminal, print });
      if (action === 'list') {
        const filter = { account: given.text('account'), type: given.texts('type')[0] };
        for (const one of await listThrough(calls, filter)) await print(...listed(one));
      } else for (const one of await showThrough(calls, resource ?? '')) await print(...shown(one));
      return EXIT_FINE;
    }
    if (action === 'enrol') return withState(given, terminal, (state) => enrol(given, state, { terminal, print }));
    return withState(given, terminal, async (state) => {
      if (action === 'list') {
        const [type] = given.texts('type');
        for (const one of await listBaselines(state, { account: given.text('account'), type }))
          await print(...listed(one));
        return EXIT_FINE;
      }
      const found = await showBaselines(state, resource ?? '');
      if (found.length === 0)
        throw new InputError(`nothing is trusted by the name ${resource ?? ''}: enrol its account`);
      for (const one of found) await print(...shown(one));
      return EXIT_FINE;
    });
  },
};

async function withState(
  given: Arguments,
  terminal: Terminal,
  body: (state: State) => Promise<number>,
): Promise<number> {
  const url = terminal.environment['COUNTERSIGN_DATABASE_URL'];
  const opening = openState({ url, dataDirectory: given.text('data') ?? 'data', log: silentLog });
  const state = await opening.catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${why}\nA server that runs on it does the same: --server URL --token-file FILE`);
  });
  try {
    return await body(state);
  } finally {
    await state.close();
  }
}

async function enrol(given: Arguments, state: State, { terminal, print }: Speech): Promise<number> {
  const { clock, random, environment, interrupted } = terminal;
  const configuration = await configurationOf(given.text('config') ?? DEFAULT_CONFIG);
  const wish = wishOf(given);
  const { account } = wish;
  const aws = await openAwsRoles(configuration, environment);
  const enrolment = await planEnrolment({ configuration, aws }, wish).catch((error: unknown) => {
    throw error instanceof Failure ? new InputError(error.message) : error;
  });
  const { kinds, regions } = enrolment;
  const nowMs = clock.nowMs();
  await state.transaction((trx) => requestEnrolment(trx, { ...enrolment, isAlone: state.kind === 'pglite', nowMs }));
  const holder = random.id(nowMs);
  const options: ReadingOptions = {
    ...readingOptions({ configuration, state, clock, random, aws, holder }),
    progress: ({ region, type, seen }, total) => {
      terminal.say(`  ${region} ${type}: ${seen} of ${total}`);
    },
  };
  terminal.say(`Reading ${account}: ${kinds.length} types in ${regions.length} regions`);
  let isFine = true;
  for (;;) {
    if (interrupted.aborted) break;
    const next = await takeReading(options, { nowMs: clock.nowMs(), account });
    if (next !== null) {
      const ended = await read(options, next, interrupted);
      isFine &&= ended.failure === null && ended.unreadable === 0;
      if (ended.isDone) await print(...told(ended));
    } else if (await isOpen(state, account)) {
      terminal.say('  a server reads the rest; waiting for it');
      await clock.sleep(WAIT_MS, interrupted);
    } else return isFine ? EXIT_FINE : EXIT_BAD_INPUT;
  }
  terminal.say('Stopped. Call it again to go on from here.');
  return EXIT_BAD_INPUT;
}

function wishOf(given: Arguments): EnrolmentWish {
  const account = given.text('account');
  if (account === undefined) throw new UsageError('name the account with --account');
  return { account, regions: given.texts('region'), types: given.texts('type'), replaces: given.has('replace') };
}

async function configurationOf(file: string): Promise<Configuration> {
  const configuration = await readConfigurationFile(file);
  if (configuration.reverts === null)
    throw new InputError(`${file} has no section reverts: it names the role by which accounts are read`);
  return configuration;
}

async function isOpen(state: State, account: string): Promise<boolean> {
  const row = await state.db
    .withTables<{ baseline_reading: { account: string; purpose: string; finished_ms: number | null } }>()
    .selectFrom('baseline_reading')
    .select('account')
    .where('account', '=', account)
    .where('purpose', '=', 'enrol')
    .where('finished_ms', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function listed({ takenMs, driftingMs, ...one }: ListedBaseline): [object, string] {
  const since = new Date(takenMs).toISOString();
  const drifting = driftingMs === null ? null : new Date(driftingMs).toISOString();
  const { type, account, region, id, trust, because } = one;
  const drift = drifting === null ? '' : `, DIFFERS since ${drifting}`;
  return [
    { ...one, since, drifting },
    `${type} ${account} ${region} ${id}: ${trust} (${because}) since ${since}${drift}`,
  ];
}

function shown({ state, history, ...one }: ShownBaseline): [object, string] {
  const [value, line] = listed(one);
  const past = history.map(({ takenMs, ...rest }) => ({ ...rest, since: new Date(takenMs).toISOString() }));
  const lines = past
    .slice(1)
    .map(({ since, trust, because, digest }) => `  before: ${since} ${trust} (${because}) ${digest}`);
  return [{ ...value, state, history: past }, [line, JSON.stringify(state, null, 2), ...lines].join('\n')];
}
