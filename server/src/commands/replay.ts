/**
 * `countersign replay`: judges recorded events without a server, with the same rules, risk, bursts and policy that the server
 * uses. Findings stream out as they are found; cases need all findings and come at the end.
 */
import { readFile } from 'node:fs/promises';
import { defaultConfiguration, readConfiguration, type Configuration } from '../configuration.ts';
import { formatConfigDiagnostic } from '../ground/config.ts';
import { caseLine, replayCases } from '../cases/replay.ts';
import { accountOf, makeFinding } from '../findings/enrich.ts';
import type { Finding } from '../findings/finding.ts';
import { History } from '../findings/history.ts';
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
  readonly configuration: Configuration;
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
  return {
    paths: given.positionals,
    runner: createRunner({ rules: ruleset.rules, match }),
    rules: ruleset.rules,
    match,
    source: source === undefined ? null : sourceNamed(source),
    show: choice('show', given.text('show') ?? 'findings', ['findings', 'cases'] as const),
    output: choice('output', given.text('output') ?? 'text', ['json', 'text'] as const),
    configuration: await configurationOf(given.text('config')),
    engines: enginesOf(given.text('containers')),
  };
}

function enginesOf(text: string | undefined): ReadonlySet<ContainerEngine> | null {
  return text === undefined
    ? null
    : new Set(text.split(',').map((one) => choice('containers', one, CONTAINER_ENGINES)));
}

async function configurationOf(file: string | undefined): Promise<Configuration> {
  if (file === undefined) return defaultConfiguration();
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InputError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const { configuration, diagnostics } = readConfiguration(text, file);
  if (configuration === null) throw new InputError(diagnostics.map(formatConfigDiagnostic).join('\n'));
  return configuration;
}

class Replay {
  readonly #plan: Plan;
  readonly #terminal: Terminal;
  readonly #seen = createDeduplicator();
  readonly #history = new History();
  readonly #findings: Finding[] = [];
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
      for (const { json, output: text } of ready) await this.#terminal.print(`${output === 'json' ? json : text}\n`);
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
      if (this.#plan.show === 'cases') this.#findings.push(this.#judge(match));
      else await this.#printFinding(match);
    }
  }

  #judge(match: RuleMatch): Finding {
    const { accounts } = this.#plan.configuration;
    const finding = makeFinding(match, {
      account: accountOf(match.facts, accounts),
      personKnown: null,
      past: this.#history.recall(match.facts),
    });
    this.#history.note(match.facts);
    return finding;
  }

  async #printFinding(match: RuleMatch): Promise<void> {
    if (this.#plan.output === 'json') {
      await this.#terminal.print(`${JSON.stringify(alertOf(match, this.#terminal.hostname))}\n`);
      return;
    }
    const { risk } = this.#judge(match);
    const time = new Date(match.facts.timeMs).toISOString().slice(0, 19);
    await this.#terminal.print(`${time}Z  risk ${String(risk).padStart(3)}  ${match.rule}: ${match.output}\n`);
  }

  async #printCases(): Promise<void> {
    const cases = replayCases(this.#findings, { policy: this.#plan.configuration.policy });
    for (const found of cases) {
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
