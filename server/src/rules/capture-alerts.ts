/** Rules on recorded system calls → Falco's alerts, as JSON. */
import type { Rule } from '@countersign/falco';
import { type ContainerEngine, Machine } from '@countersign/scap';
import { AlertLine, type CaptureAlert } from './alert-line.ts';
import { compileMachineRules } from './machine-rules.ts';

export type { CaptureAlert } from './alert-line.ts';

export interface CaptureAlertOptions {
  readonly rules: readonly Rule[];
  readonly match: 'first' | 'all';
  readonly hostname: string;
  /** Whose control groups make a container; see `MachineOptions`. */
  readonly engines?: ReadonlySet<ContainerEngine>;
  readonly onAlert: (alert: CaptureAlert) => void;
}

/** A machine that hands every match on while the event is current. */
export function createCaptureAlerts(options: CaptureAlertOptions): Machine {
  const compiled = compileMachineRules(options.rules, options.match);
  const lines = new Map<Rule, AlertLine>();
  return new Machine({
    ...(options.engines === undefined ? {} : { engines: options.engines }),
    isInteresting: (code) => compiled.isInteresting(code),
    mayMatter: (machine, code) => compiled.mayMatter(machine, code),
    onEvent: (machine) => {
      for (const rule of compiled.match(machine)) {
        let line = lines.get(rule);
        if (line === undefined) {
          line = new AlertLine(rule, options.hostname);
          lines.set(rule, line);
        }
        options.onAlert(line.write(machine));
      }
    },
  });
}
