/**
 * Follows a host's events and makes records of those that a rule matches: once a kind, with what was counted meanwhile.
 */
import type { Rule } from '@countersign/falco';
import type { Machine } from '@countersign/scap';
import { makeRecord, read } from '../sources/sensor/matches/record-of.ts';
import { Repeats } from '../sources/sensor/matches/repeats.ts';
import type { Follower } from '../sources/sensor/stream.ts';
import type { RecordedMatch, SyscallRecord } from '../sources/syscall/record.ts';
import { compileMachineRules, recordMatch, riskOfRule } from './machine-rules.ts';

export interface HostJudgeOptions {
  readonly rules: readonly Rule[];
  readonly host: string;
  readonly loginDomain: string | null;
  /** `risk`: the highest that one of its rules adds. */
  readonly onRecord: (record: SyscallRecord, risk: number) => void;
}

export interface HostJudge extends Follower {
  /** Types of events that rules are about, by their names. */
  readonly eventNames: readonly string[];
  /** Matches that were counted instead of told. */
  readonly repeats: number;
}

const NS_PER_MS = 1_000_000n;

export function createHostJudge({ rules, host, loginDomain, onRecord }: HostJudgeOptions): HostJudge {
  const own = rules.filter(({ source }) => source === 'syscall');
  const compiled = compileMachineRules(own, 'all');
  const repeats = new Repeats();
  return {
    eventNames: compiled.eventNames,
    isInteresting: (code) => compiled.isInteresting(code),
    get repeats() {
      return repeats.count;
    },
    follow: (machine) => {
      const matched = compiled.match(machine);
      if (matched.length === 0) return;
      const nowMs = Number(machine.current.timeNs / NS_PER_MS);
      const kind = kindOf(machine);
      const matches: RecordedMatch[] = [];
      let risk = 0;
      let counted = 0;
      for (const rule of matched) {
        const before = repeats.tell(rule.name, kind, nowMs);
        if (before === null) continue;
        counted = Math.max(counted, before);
        risk = Math.max(risk, riskOfRule(rule));
        matches.push(recordMatch(rule, machine));
      }
      if (matches.length > 0) onRecord(makeRecord(machine, { host, matches, repeats: counted, loginDomain }), risk);
    },
  };
}

/** Two matches of a rule are the same thing when the same program, for the same person, in the same place, did it to the same. */
function kindOf(machine: Machine): string {
  const text = (name: string): string => String(read(machine, name) ?? '');
  const target =
    text('fs.path.target') || text('fs.path.name') || (text('fd.sip') && `${text('fd.sip')}:${text('fd.sport')}`);
  const what = target || text('fd.name') || text('proc.cmdline');
  return [text('container.id'), text('proc.exepath'), text('user.loginuid'), what].join('\0');
}
