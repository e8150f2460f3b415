/**
 * What one rule says about an event that it holds for: Falco's alert as one line of JSON. Numbers of 64 bits are printed exactly,
 * which is why the line is put together here and not by `JSON.stringify` alone. Every field is read once.
 */
import { ABSENT, type FieldValue, isoTime, placeholderReader, type Rule } from '@countersign/falco';
import { type Machine, printableText } from '@countersign/scap';
import { syscallCatalogue } from '../sources/captures/syscall-catalogue.ts';

export interface CaptureAlert {
  readonly rule: string;
  readonly priority: string;
  readonly output: string;
  /** Falco's alert as one line of JSON. */
  readonly json: string;
  readonly time: string;
}

/** What Falco adds to every output of this source. */
const SUGGESTED: readonly (readonly [label: string, field: string])[] = [
  ['container_id', 'container.id'],
  ['container_name', 'container.name'],
  ['container_image_repository', 'container.image.repository'],
  ['container_image_tag', 'container.image.tag'],
  ['k8s_pod_name', 'k8s.pod.name'],
  ['k8s_ns_name', 'k8s.ns.name'],
];

type Reader = (machine: Machine) => FieldValue;

export class AlertLine {
  readonly #rule: Rule;
  readonly #readers: Reader[] = [];
  /** Texts, and between them places among the values. */
  readonly #parts: (string | number)[] = [];
  /** The members of `output_fields` in order, each with its place among the values. */
  readonly #members: readonly (readonly [start: string, place: number])[];
  readonly #start: string;
  readonly #end: string;

  constructor(rule: Rule, hostname: string) {
    this.#rule = rule;
    const places = new Map<string, number>([['evt.time', this.#place(({ current }) => current.timeNs)]]);
    for (const part of rule.output.parts) {
      if (part.type === 'text') {
        this.#parts.push(part.text);
        continue;
      }
      const place = places.get(part.key) ?? this.#place(placeholderReader(part, syscallCatalogue));
      places.set(part.key, place);
      this.#parts.push(place);
    }
    for (const [label, field] of SUGGESTED) {
      const place =
        places.get(field) ??
        this.#place(
          placeholderReader({ type: 'field', field, argument: null, transforms: [], key: field }, syscallCatalogue),
        );
      places.set(field, place);
      this.#parts.push(` ${label}=`, place);
    }
    const sorted = [...places].sort(([one], [other]) => (one < other ? -1 : 1));
    this.#members = sorted.map(([key, place], index) => [`${index === 0 ? '' : ','}${JSON.stringify(key)}:`, place]);
    this.#start = `{"hostname":${JSON.stringify(hostname)},"output":`;
    const { name, priority, tags } = rule;
    const told = `"priority":${JSON.stringify(priority)},"rule":${JSON.stringify(name)},"source":"syscall"`;
    this.#end = `},${told},"tags":${JSON.stringify([...tags].sort())},"time":"`;
  }

  write(machine: Machine): CaptureAlert {
    const time = isoTime(machine.current.timeNs);
    const values = this.#readers.map((read) => read(machine));
    let output = `${time.slice(11, 29)}: ${this.#rule.priority} `;
    for (const part of this.#parts) output += typeof part === 'string' ? part : textOf(values[part] ?? null);
    output = printableText(output);
    let json = `${this.#start}${JSON.stringify(output)},"output_fields":{`;
    for (const [start, place] of this.#members) json += start + jsonOf(values[place] ?? null);
    json += `${this.#end}${time}"}`;
    return { rule: this.#rule.name, priority: this.#rule.priority, output, json, time };
  }

  #place(read: Reader): number {
    return this.#readers.push(read) - 1;
  }
}

function textOf(value: FieldValue): string {
  if (value === null) return ABSENT;
  return Array.isArray(value) ? `(${value.map(String).join(',')})` : String(value);
}

function jsonOf(value: FieldValue): string {
  if (Array.isArray(value)) return `[${(value as readonly FieldValue[]).map(jsonOf).join(',')}]`;
  if (typeof value === 'bigint') return value.toString();
  return JSON.stringify(typeof value === 'string' ? printableText(value) : value);
}
