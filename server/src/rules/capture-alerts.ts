/**
 * Rules on recorded system calls → Falco's alerts. Numbers of 64 bits are printed exactly, which is why the line is put together
 * here and not by `JSON.stringify` alone.
 */
import { type FieldValue, findField, formatOutput, isoTime, type Rule } from '@countersign/falco';
import { type ContainerEngine, Machine, printableText } from '@countersign/scap';
import { syscallCatalogue } from '../sources/captures/syscall-catalogue.ts';
import { compileMachineRules } from './machine-rules.ts';

/** What Falco adds to every output of this source. */
const SUGGESTED: readonly (readonly [label: string, field: string])[] = [
  ['container_id', 'container.id'],
  ['container_name', 'container.name'],
  ['container_image_repository', 'container.image.repository'],
  ['container_image_tag', 'container.image.tag'],
  ['k8s_pod_name', 'k8s.pod.name'],
  ['k8s_ns_name', 'k8s.ns.name'],
];

export interface CaptureAlert {
  readonly rule: string;
  readonly priority: string;
  readonly output: string;
  /** Falco's alert as one line of JSON. */
  readonly json: string;
  readonly time: string;
}

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
  return new Machine({
    ...(options.engines === undefined ? {} : { engines: options.engines }),
    isInteresting: (code) => compiled.isInteresting(code),
    onEvent: (machine) => {
      for (const rule of compiled.match(machine)) options.onAlert(alertOf(rule, machine, options.hostname));
    },
  });
}

function alertOf(rule: Rule, machine: Machine, hostname: string): CaptureAlert {
  const time = isoTime(machine.current.timeNs);
  const text = printableText(formatOutput(rule.output, syscallCatalogue, machine).text);
  const fields = new Map<string, string>([['evt.time', machine.current.timeNs.toString()]]);
  for (const part of rule.output.parts) {
    if (part.type === 'field') fields.set(part.key, jsonOf(printed(machine, part.field, part.argument)));
  }
  let output = `${time.slice(11, 29)}: ${rule.priority} ${text}`;
  for (const [label, field] of SUGGESTED) {
    const value = printed(machine, field, null);
    fields.set(field, jsonOf(value));
    output += ` ${label}=${value === null ? '<NA>' : String(value)}`;
  }
  const sorted = [...fields].sort(([one], [other]) => (one < other ? -1 : 1));
  const members = [
    `"hostname":${JSON.stringify(hostname)}`,
    `"output":${JSON.stringify(output)}`,
    `"output_fields":{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`,
    `"priority":${JSON.stringify(rule.priority)}`,
    `"rule":${JSON.stringify(rule.name)}`,
    `"source":"syscall"`,
    `"tags":${JSON.stringify([...rule.tags].sort())}`,
    `"time":"${time}"`,
  ];
  return { rule: rule.name, priority: rule.priority, output, json: `{${members.join(',')}}`, time };
}

function printed(machine: Machine, name: string, argument: string | null): FieldValue {
  const found = findField(syscallCatalogue, name, argument);
  if (found === null) return null;
  const { definition } = found;
  return definition.print === undefined
    ? definition.extract(machine, found.argument)
    : definition.print(machine, found.argument);
}

function jsonOf(value: FieldValue): string {
  if (Array.isArray(value)) return `[${(value as readonly FieldValue[]).map(jsonOf).join(',')}]`;
  if (typeof value === 'bigint') return value.toString();
  return JSON.stringify(typeof value === 'string' ? printableText(value) : value);
}
