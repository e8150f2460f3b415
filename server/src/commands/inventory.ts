/**
 * `countersign inventory`: what exists, and what existed at a moment, asked of a running server. One line each on stdout, for people or as JSON.
 *
 * The surprise: an answer that is cut is no answer to "what ran there?", so it ends with exit 1 and says so.
 */
import type { InventoryView, WorkloadCard, WorkloadView } from '@countersign/contract';
import {
  type Arguments,
  choice,
  type Command,
  EXIT_BAD_INPUT,
  EXIT_FINE,
  parseArguments,
  type Terminal,
  UsageError,
} from './command-line.ts';
import { bodyOf, serverOf } from './through-server.ts';

const USAGE = `countersign inventory list --server URL --token-file FILE [--at TIME | --from TIME --to TIME] [--kind KIND]… [--host NAME] [--cluster NAME]
                           [--namespace NAME] [--application NAME] [--search TEXT] [--limit N] [--output text|json]
countersign inventory show KIND ID --server URL --token-file FILE [--at TIME] [--output text|json]

Prints what was there at a moment (now, unless told otherwise) or in a range of time, one a line: kind, name, where it is, its application, its
life. show adds what it belongs to and what it holds. With --output json one object a line, as GET /api/inventory has it. Times are ISO 8601.
The token is one of Settings → Tokens. Exit 1 when nothing is known by that name, or when there is more than --limit (200, at most 5000).`;

const FLAGS = {
  server: 'text',
  'token-file': 'text',
  at: 'text',
  from: 'text',
  to: 'text',
  kind: 'texts',
  host: 'text',
  cluster: 'text',
  namespace: 'text',
  application: 'text',
  search: 'text',
  limit: 'text',
  output: 'text',
} as const;

export const inventoryCommand: Command = {
  name: 'inventory',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, FLAGS);
    const [action, ...names] = given.positionals;
    const output = choice('output', given.text('output') ?? 'text', ['text', 'json']);
    if (action === 'list' && names.length === 0) return list(given, output, terminal);
    const [kind, id, ...more] = names;
    if (action === 'show' && kind !== undefined && id !== undefined && more.length === 0)
      return show(given, { kind, id, output }, terminal);
    throw new UsageError("say 'list', or 'show KIND ID'");
  },
};

type Output = 'text' | 'json';

async function list(given: Arguments, output: Output, terminal: Terminal): Promise<number> {
  const query = new URLSearchParams();
  for (const [flag, name] of ASKED) {
    const value = given.text(flag);
    if (value !== undefined) query.set(name, value);
  }
  for (const kind of given.texts('kind')) query.append('kind', kind);
  const view = bodyOf(
    await serverOf(given, 'of anybody').get(`/api/inventory?${query.toString()}`),
  ) as unknown as InventoryView;
  for (const one of view.workloads) await terminal.print(lineOf(one, output));
  if (!view.cut) return EXIT_FINE;
  terminal.say(`there is more than these ${view.workloads.length}: narrow it down, or raise --limit`);
  return EXIT_BAD_INPUT;
}

const ASKED = [
  ...(['at', 'from', 'to', 'host', 'cluster', 'namespace', 'application', 'limit'] as const).map(
    (flag) => [flag, flag] as const,
  ),
  ['search', 'q'],
] as const;

async function show(
  given: Arguments,
  { kind, id, output }: { readonly kind: string; readonly id: string; readonly output: Output },
  terminal: Terminal,
): Promise<number> {
  const query = { kind, id, at: given.text('at') };
  const card = bodyOf(await serverOf(given, 'of anybody').get('/api/inventory/card', query)) as unknown as WorkloadCard;
  const { workload, parents, children } = card;
  if (output === 'json') {
    await terminal.print(`${JSON.stringify(card)}\n`);
    return EXIT_FINE;
  }
  await terminal.print(lineOf(workload, output));
  for (const [name, value] of Object.entries({ ...workload.facts, ...prefixed(workload.labels) }))
    await terminal.print(`  ${name}: ${value}\n`);
  for (const parent of parents) await terminal.print(`  in ${lineOf(parent, output)}`);
  for (const child of children) await terminal.print(`  holds ${lineOf(child, output)}`);
  return EXIT_FINE;
}

function prefixed(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [`label ${name}`, value]));
}

function lineOf(one: WorkloadView, output: Output): string {
  if (output === 'json') return `${JSON.stringify(one)}\n`;
  const { kind, id, name, cluster, namespace, host, application, firstAt, lastAt, endedAt, state } = one;
  const place = [cluster, namespace, host].filter((part) => part !== '').join('/');
  const life = state === 'running' ? `since ${firstAt}` : `${firstAt} – ${endedAt ?? lastAt} (${state})`;
  // What anybody may call a process is one line here.
  return `${[kind, name === '' ? id : name, place, application, life].map(oneLine).join('\t')}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\ufffd');
}
