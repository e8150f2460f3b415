/** The little of Protocol Buffers that three questions need: texts go out, texts and messages come in. */

const LENGTH_DELIMITED = 2;
const VARINT = 0;
const FIXED_64 = 1;
const FIXED_32 = 5;
const MOST_FIELDS = 10_000;

/** The values of a message's fields by number, in their order; numbers as numbers. */
export type Message = ReadonlyMap<number, readonly (Buffer | number)[]>;

export function writeText(field: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([varint((field << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/** @throws Error when the bytes are no message. */
export function readMessage(bytes: Buffer): Message {
  const fields = new Map<number, (Buffer | number)[]>();
  let at = 0;
  for (let count = 0; at < bytes.length; count += 1) {
    if (count > MOST_FIELDS) throw new Error('a message of too many fields');
    const key = readVarint(bytes, at);
    at = key.next;
    const field = Math.floor(key.value / 8);
    const read = readValue(bytes, at, key.value % 8);
    at = read.next;
    const known = fields.get(field);
    if (known === undefined) fields.set(field, [read.value]);
    else known.push(read.value);
  }
  return fields;
}

export function textIn(message: Message, field: number): string {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value.toString('utf8') : '';
}

export function messageIn(message: Message, field: number): Message {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? readMessage(value) : new Map();
}

export function messagesIn(message: Message, field: number): readonly Message[] {
  return (message.get(field) ?? []).flatMap((value) => (Buffer.isBuffer(value) ? [readMessage(value)] : []));
}

/** `map<string, string>`: entries with the key in field 1 and the value in 2. */
export function textMapIn(message: Message, field: number): Readonly<Record<string, string>> {
  return Object.fromEntries(messagesIn(message, field).map((entry) => [textIn(entry, 1), textIn(entry, 2)]));
}

function readValue(
  bytes: Buffer,
  at: number,
  wire: number,
): { readonly value: Buffer | number; readonly next: number } {
  switch (wire) {
    case VARINT:
      return readVarint(bytes, at);
    case LENGTH_DELIMITED: {
      const { value: length, next } = readVarint(bytes, at);
      if (next + length > bytes.length) throw new Error('a message that is cut off');
      return { value: bytes.subarray(next, next + length), next: next + length };
    }
    case FIXED_64:
      return { value: 0, next: at + 8 };
    case FIXED_32:
      return { value: 0, next: at + 4 };
    default:
      throw new Error(`a field of the unknown type ${wire}`);
  }
}

/** Up to 53 bits: lengths and small numbers are all that is asked for. */
function readVarint(bytes: Buffer, from: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let at = from, scale = 1; at < from + 10; at += 1, scale *= 128) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('a message that is cut off');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  throw new Error('a number without end');
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 128) | 0x80);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
