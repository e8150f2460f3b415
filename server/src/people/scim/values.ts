/**
 * The values of an attribute while a PATCH goes over them, each found by what makes two of them one: providers send a thousand operations on
 * a group of ten thousand.
 *
 * The surprise: a value that is added again comes last.
 */
import { isObject } from './resource.ts';

export class KeyedValues {
  readonly #byKey = new Map<unknown, unknown[]>();

  constructor(values: readonly unknown[]) {
    this.#append(values);
  }

  add(values: readonly unknown[]): void {
    this.remove(values.map(keyOf));
    this.#append(values);
  }

  remove(keys: readonly unknown[]): void {
    for (const key of keys) this.#byKey.delete(key);
  }

  list(): readonly unknown[] {
    return [...this.#byKey.values()].flat();
  }

  #append(values: readonly unknown[]): void {
    for (const value of values) {
      const key = keyOf(value);
      const same = this.#byKey.get(key);
      if (same === undefined) this.#byKey.set(key, [value]);
      else same.push(value);
    }
  }
}

/** What makes two values one: providers add `display`, `$ref` and more to the same member. */
export function keyOf(one: unknown): unknown {
  return isObject(one) ? (part(one, 'value') ?? JSON.stringify(one)) : one;
}

/** A part by its name, in any case. @param name in small letters. */
export function part(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.entries(value).find(([key]) => key.toLowerCase() === name)?.[1];
}
