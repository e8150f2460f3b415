/**
 * Risk and cases of what `countersign replay` finds. Apart from the command, which loads it when somebody asks for them: the
 * configuration knows all that the server can do, and a replay that only matches rules should start without it.
 */
import { type ReplayedCase, replayCases } from '../cases/replay.ts';
import type { Configuration } from '../configuration.ts';
import { accountOf, makeFinding } from '../findings/enrich.ts';
import type { Finding } from '../findings/finding.ts';
import { History } from '../findings/history.ts';
import type { RuleMatch } from '../rules/runner.ts';
import { readConfigurationFile } from './configuration-file.ts';

export class ReplayJudge {
  readonly #configuration: Configuration;
  readonly #history = new History();
  readonly #kept: Finding[] = [];

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** The match as a finding, with what this replay has seen of its actor before. */
  judge(match: RuleMatch): Finding {
    const finding = makeFinding(match, {
      account: accountOf(match.facts, this.#configuration.accounts),
      personKnown: null,
      past: this.#history.recall(match.facts),
    });
    this.#history.note(match.facts);
    return finding;
  }

  keep(match: RuleMatch): void {
    this.#kept.push(this.judge(match));
  }

  /** Of the findings that were kept. */
  cases(): readonly ReplayedCase[] {
    return replayCases(this.#kept, { policy: this.#configuration.policy });
  }
}

/** @param file of the configuration; without it, what the server has without one */
export async function openReplayJudge(file: string | undefined): Promise<ReplayJudge> {
  return new ReplayJudge(await readConfigurationFile(file));
}
