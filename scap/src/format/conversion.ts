/**
 * Events of older writers → events of today: parameters that moved from before a call to after it are put together, versions of
 * a type become the newest one. The rules are data (data/conversion-rows.ts); this applies them.
 *
 * Kept events of before a call are bounded by the number of threads; the oldest give way.
 */
import { CODE } from './event-codes.ts';
import type { CaptureEvent } from './capture-event.ts';
import { CONVERSION_ROWS } from '../data/conversion-rows.ts';
import { EVENT_FLAG, EVENT_TABLE, SIZES } from './event-table.ts';
import { type Parameters, viewOf } from './parameters.ts';

/** `pass`: rules and state may see it; `drop`: it is used up; `damage`: it fits no rule. */
export type Conversion = 'pass' | 'drop' | 'damage';

interface Instruction {
  readonly from: 'old' | 'enter' | 'empty' | 'default' | 'code';
  readonly index: number;
  readonly orEmpty: boolean;
}

interface ConversionRule {
  readonly action: 'store' | 'pass' | 'store-pass' | 'add' | 'become';
  readonly code: number;
  readonly instructions: readonly Instruction[];
}

/** A type changes at most this often; more would be a ring in the rules. */
const MOST_STEPS = 20;
const MOST_KEPT = 65_536;
const EVENTS_SHIFT = 8;

const RULES: ReadonlyMap<number, ConversionRule> = new Map(
  CONVERSION_ROWS.trim()
    .split('\n')
    .map((row) => {
      const [key = '', action = '', ...instructions] = row.split(' ');
      const [code, count] = key.split('/').map(Number);
      const [name = '', becomes] = action.split(':');
      return [
        ((code ?? 0) << EVENTS_SHIFT) | (count ?? 0),
        {
          action: name as ConversionRule['action'],
          code: becomes === undefined ? (code ?? 0) : Number(becomes),
          instructions: instructions.map(parseInstruction),
        },
      ];
    }),
);

function parseInstruction(text: string): Instruction {
  const from = { o: 'old', e: 'enter', '-': 'empty', d: 'default', c: 'code' }[text[0] ?? '-'] ?? 'empty';
  return {
    from: from as Instruction['from'],
    index: Number.parseInt(text.slice(1), 10) || 0,
    orEmpty: text.endsWith('?'),
  };
}

/** By type: never converted, only when the number of parameters is not today's, or always looked at. */
export const CONVERTS = { never: 0, byCount: 1, always: 2 } as const;

export const CONVERSION_OF: Uint8Array = Uint8Array.from(EVENT_TABLE, ({ flags, isExit }) => {
  if ((flags & EVENT_FLAG.unused) !== 0) return CONVERTS.always;
  if ((flags & EVENT_FLAG.converted) === 0) return (flags & EVENT_FLAG.old) === 0 ? CONVERTS.never : CONVERTS.always;
  return !isExit || (flags & EVENT_FLAG.old) !== 0 ? CONVERTS.always : CONVERTS.byCount;
});

export class Converter {
  readonly #kept = new Map<number, { readonly code: number; readonly parameters: Parameters }>();

  clear(): void {
    this.#kept.clear();
  }

  /** Changes the event in place. */
  convert(event: CaptureEvent): Conversion {
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const verdict = judge(event);
      if (verdict !== 'convert') return verdict;
      const rule = RULES.get((event.code << EVENTS_SHIFT) | event.count);
      if (rule === undefined) return 'damage';
      if (rule.action === 'pass') return 'pass';
      if (rule.action === 'store' || rule.action === 'store-pass') {
        this.#keep(event);
        return rule.action === 'store' ? 'drop' : 'pass';
      }
      if (!this.#apply(rule, event)) return 'damage';
    }
    return 'damage';
  }

  #keep(event: CaptureEvent): void {
    this.#kept.delete(event.tid);
    if (this.#kept.size >= MOST_KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(event.tid, { code: event.code, parameters: event.copy() });
  }

  #apply(rule: ConversionRule, event: CaptureEvent): boolean {
    const enter = this.#kept.get(event.tid);
    const pieces: Buffer[] = [];
    const info = EVENT_TABLE[rule.code];
    if (info === undefined) return false;
    let usedEnter = false;
    if (rule.action === 'add') for (let index = 0; index < event.count; index += 1) pieces.push(event.raw(index));
    for (const instruction of rule.instructions) {
      const type = info.parameters[pieces.length]?.type;
      if (type === undefined) return false;
      let from: Parameters | null = null;
      if (instruction.from === 'old') from = event;
      else if (instruction.from === 'enter' && enter !== undefined) {
        if (enter.code !== event.code - 1 || enter.parameters.count <= instruction.index) return false;
        from = enter.parameters;
        usedEnter = true;
      }
      const size = SIZES[type];
      if (from !== null) {
        const value = from.raw(instruction.index);
        pieces.push(size !== undefined && value.length > size ? value.subarray(0, size) : value);
      } else if (instruction.from === 'code') pieces.push(containerJson(event));
      else if (instruction.from === 'empty' || instruction.orEmpty) pieces.push(Buffer.alloc(0));
      else pieces.push(Buffer.alloc(size ?? 0, type === 'uid' || type === 'gid' ? 0xff : 0));
    }
    if (usedEnter) this.#kept.delete(event.tid);
    rebuild(event, rule.code, pieces);
    return true;
  }
}

function judge(event: CaptureEvent): Conversion | 'convert' {
  const { flags, parameters, isExit } = event.info;
  if ((flags & EVENT_FLAG.unused) !== 0) return 'drop';
  if ((flags & EVENT_FLAG.converted) === 0) {
    if ((flags & EVENT_FLAG.old) === 0) return 'pass';
    return isExit ? 'damage' : 'drop';
  }
  if (!isExit) return 'convert';
  if (event.count > parameters.length) return 'damage';
  return (flags & EVENT_FLAG.old) !== 0 || event.count !== parameters.length ? 'convert' : 'pass';
}

function rebuild(event: CaptureEvent, code: number, pieces: readonly Buffer[]): void {
  const info = EVENT_TABLE[code];
  if (info === undefined) return;
  event.bytes = Buffer.concat(pieces);
  event.view = viewOf(event.bytes);
  event.code = code;
  event.info = info;
  event.count = pieces.length;
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    event.offsets[index] = at;
    event.lengths[index] = piece.length;
    at += piece.length;
  }
}

/** The oldest event about a container had four parameters; its successor has one text of JSON. */
function containerJson(event: CaptureEvent): Buffer {
  const [id, type, name, image] = [event.text(0), event.u32(1), event.text(2), event.text(3)];
  const json = JSON.stringify({ container: { id, type, name, image } });
  return event.code === CODE.container ? Buffer.from(`${json}\0`) : Buffer.alloc(0);
}
