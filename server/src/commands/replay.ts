/**
 * `countersign replay`: judges recorded events without a server, with the same rules, risk, bursts and policy that the server
 * uses. Findings stream out as they are found; cases need all findings and come at the end.
 */
import { caseLine } from '../cases/replay.ts';
import { formatDiagnostic, type Rule } from '@countersign/falco';
import { CONTAINER_ENGINES, type ContainerEngine } from '@countersign/scap';
import { createCaptureAlerts, type CaptureAlert } from '../rules/capture-alerts.ts';
import { bundledRulesets, loadPack } from '../rules/pack.ts';
import { isCaptureFile, readCaptureFile } from '../sources/captures/capture-file.ts';
import { alertOf, createRunner, type RuleMatch, type Runner } from '../rules/runner.ts';
import { isSourceName, SOURCES, sourceNamed } from '../sources/catalogue.ts';
import { createDeduplicator } from '../sources/reading/deduplicator.ts';
import { expandPaths, readPaths } from '../sources/reading/read-paths.ts';
import type { Reading } from '../sources/source.ts';
import {
  type Command,
  choice,
  EXIT_BAD_INPUT,
  EXIT_FINE,
  InputError,
  parseArguments,
  type Terminal,
  UsageError,
} from './command-line.ts';
import type { ReplayJudge } from './replay-judge.ts';

const USAGE = `countersign replay [--rules FILE]… [--source NAME] [--match first|all] [--show findings|cases]
                   [--output json|text] [--config FILE] [--containers RUNTIMES] PATH…

Judges recorded events: files, folders, patterns, or - for standard input. Without --rules, with the rulesets that come
with Countersign. json prints one line a finding (Falco's alert) or one line a case. --containers names the runtimes whose
control groups are containers in recorded system calls, with commas between: ${CONTAINER_ENGINES.join(',')}.`;

/** Complaints about single records that are printed; the rest is counted. */
const MOST_COMPLAINTS = 20;
const PROGRESS_EVERY_MS = 500;

interface Plan {
  readonly paths: readonly string[];
  readonly runner: Runner;
  readonly rules: readonly Rule[];
  readonly match: 'first' | 'all';
  readonly source: ReturnType<typeof sourceNamed>;
  readonly show: 'findings' | 'cases';
  readonly output: 'json' | 'text';
  /** Null where nobody asks for risk or cases. */
  readonly judge: ReplayJudge | null;
  readonly engines: ReadonlySet<ContainerEngine> | null;
}

export const replayCommand: Command = {
  name: 'replay',
  usage: USAGE,
  async run(argv, terminal) {
    return new Replay(await planOf(argv, terminal), terminal).run();
  },
};

async function planOf(argv: readonly string[], terminal: Terminal): Promise<Plan> {
  const given = parseArguments(argv, {
    rules: 'texts',
    source: 'text',
    match: 'text',
    show: 'text',
    output: 'text',
    config: 'text',
    containers: 'text',
  });
  if (given.positionals.length === 0) throw new UsageError('name at least one file, folder or pattern to replay');
  const source = given.text('source');
  if (source !== undefined && !isSourceName(source)) {
    throw new UsageError(`--source is '${source}', it must be one of: ${SOURCES.map(({ name }) => name).join(', ')}`);
  }
  const files = given.texts('rules').length > 0 ? given.texts('rules') : bundledRulesets();
  const { ruleset, diagnostics } = loadPack(files);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new InputError(errors.map(formatDiagnostic).join('\n'));
  for (const warning of diagnostics) {
    if (warning.code === 'LOAD_UNKNOWN_SOURCE') terminal.say(formatDiagnostic(warning));
  }
  const match = choice('match', given.text('match') ?? 'all', ['first', 'all'] as const);
  const show = choice('show', given.text('show') ?? 'findings', ['findings', 'cases'] as const);
  const output = choice('output', given.text('output') ?? 'text', ['json', 'text'] as const);
  const config = given.text('config');
  const isJudged = show === 'cases' || output === 'text' || config !== undefined;
  return {
    paths: given.positionals,
    runner: createRunner({ rules: ruleset.rules, match }),
    rules: ruleset.rules,
    match,
    source: source === undefined ? null : sourceNamed(source),
    show,
    output,
    judge: isJudged ? await (await import('./replay-judge.ts')).openReplayJudge(config) : null,
    engines: enginesOf(given.text('containers')),
  };
}

function enginesOf(text: string | undefined): ReadonlySet<ContainerEngine> | null {
  return text === undefined
    ? null
    : new Set(text.split(',').map((one) => choice('containers', one, CONTAINER_ENGINES)));
}

class Replay {
  readonly #plan: Plan;
  readonly #terminal: Terminal;
  readonly #seen = createDeduplicator();
  #events = 0;
  #found = 0;
  #malformed = 0;
  #unreadable = 0;
  #toldMs = 0;

  constructor(plan: Plan, terminal: Terminal) {
    this.#plan = plan;
    this.#terminal = terminal;
  }

  async run(): Promise<number> {
    const { paths, source } = this.#plan;
    const started = this.#terminal.clock.steadyMs();
    const options = { sources: SOURCES, ...(source === null ? {} : { source }) };
    const others: string[] = [];
    for (const path of source === null ? await expandPaths(paths) : []) {
      if (await isCaptureFile(path)) await this.#replayCapture(path);
      else others.push(path);
    }
    for await (const batch of readPaths(source === null ? others : paths, options)) {
      for (const reading of batch) await this.#take(reading);
      this.#progress();
      if (this.#terminal.interrupted.aborted) break;
    }
    if (this.#plan.show === 'cases') await this.#printCases();
    const seconds = (this.#terminal.clock.steadyMs() - started) / 1_000;
    const aside = this.#malformed === 0 ? '' : `, ${this.#malformed} malformed`;
    this.#terminal.say(`${this.#events} events, ${this.#found} findings${aside}, ${seconds.toFixed(2)} seconds`);
    return this.#unreadable > 0 || (this.#events === 0 && this.#malformed > 0) ? EXIT_BAD_INPUT : EXIT_FINE;
  }

  /** Recorded system calls have rules and alerts, but no person to ask: they lead to findings, not to cases. */
  async #replayCapture(file: string): Promise<void> {
    const { rules, match, output, engines } = this.#plan;
    let alerts: CaptureAlert[] = [];
    const machine = createCaptureAlerts({
      rules,
      match,
      hostname: this.#terminal.hostname,
      ...(engines === null ? {} : { engines }),
      onAlert: (alert) => alerts.push(alert),
    });
    const { damage, events } = await readCaptureFile(file, machine, async () => {
      const ready = alerts;
      alerts = [];
      this.#found += ready.length;
      if (ready.length === 0) return;
      await this.#terminal.print(
        ready.map(({ json, output: text }) => `${output === 'json' ? json : text}\n`).join(''),
      );
    });
    this.#events += events;
    if (damage === null) return;
    this.#malformed += 1;
    this.#unreadable += 1;
    this.#terminal.say(`${file}: ${damage}`);
  }

  async #take(reading: Reading): Promise<void> {
    if (reading.type === 'malformed') {
      this.#complain(reading);
      return;
    }
    if (!this.#seen.isNew(`${reading.source.name} ${reading.id}`)) return;
    this.#events += 1;
    for (const match of this.#plan.runner.run(reading.source, reading.record)) {
      this.#found += 1;
      if (this.#plan.show === 'cases') this.#plan.judge?.keep(match);
      else await this.#printFinding(match);
    }
  }

  async #printFinding(match: RuleMatch): Promise<void> {
    const { output, judge } = this.#plan;
    if (output === 'json' || judge === null) {
      await this.#terminal.print(`${JSON.stringify(alertOf(match, this.#terminal.hostname))}\n`);
      return;
    }
    const { risk } = judge.judge(match);
    const time = new Date(match.facts.timeMs).toISOString().slice(0, 19);
    await this.#terminal.print(`${time}Z  risk ${String(risk).padStart(3)}  ${match.rule}: ${match.output}\n`);
  }

  async #printCases(): Promise<void> {
    for (const found of this.#plan.judge?.cases() ?? []) {
      if (this.#plan.output === 'json') {
        await this.#terminal.print(`${JSON.stringify(caseLine(found))}\n`);
        continue;
      }
      const { actor, account, risk, decision, findings } = found;
      const rules = [...new Set(findings.map(({ rule }) => rule))];
      const time = new Date(findings[0]?.facts.timeMs ?? 0).toISOString().slice(0, 19);
      await this.#terminal.print(
        `${time}Z  ${decision.type.padEnd(9)}  risk ${String(risk).padStart(3)}  ${actor.id}${account === null ? '' : ` in ${account}`}\n`,
      );
      for (const rule of rules) await this.#terminal.print(`    ${rule}\n`);
    }
  }

  #complain(reading: Extract<Reading, { type: 'malformed' }>): void {
    this.#malformed += 1;
    const { file, index } = reading.origin;
    if (index < 0) this.#unreadable += 1;
    if (this.#malformed > MOST_COMPLAINTS) return;
    const place = index < 0 ? file : `${file}: record ${index}`;
    this.#terminal.say(`${place}: ${reading.reason}`);
    if (this.#malformed === MOST_COMPLAINTS) this.#terminal.say('further malformed records are only counted');
  }

  #progress(): void {
    const now = this.#terminal.clock.steadyMs();
    if (!this.#terminal.isErrorTerminal || now - this.#toldMs < PROGRESS_EVERY_MS) return;
    this.#toldMs = now;
    this.#terminal.say(`${this.#events} events, ${this.#found} findings …`);
  }
}
