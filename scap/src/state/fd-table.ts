/**
 * The open files of one process by their numbers. Low numbers, which are nearly all, lie in a list.
 *
 * The surprise: a child begins with the very objects of its parent. They are marked as shared, and whoever changes one takes a
 * copy first (`own`): most children start another program before they touch any.
 */
import type { Fd } from './fds.ts';

const LOW = 1_024;
/** As Falco: further files are not followed. */
export const MOST_FDS = 4_096;

export class FdTable {
  readonly #low: (Fd | undefined)[] = [];
  #high: Map<number, Fd> | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): Fd | undefined {
    return number >= 0 && number < LOW ? this.#low[number] : this.#high?.get(number);
  }

  /** The file when it is in the table now; null when the table is full. */
  set(number: number, fd: Fd): Fd | null {
    const before = this.get(number);
    if (before === undefined) {
      if (this.#size >= MOST_FDS) return null;
      this.#size += 1;
    }
    // A failed call's number is kept too, as Falco does.
    if (number >= 0 && number < LOW) {
      while (this.#low.length <= number) this.#low.push(undefined);
      this.#low[number] = fd;
    } else {
      this.#high ??= new Map();
      this.#high.set(number, fd);
    }
    return fd;
  }

  delete(number: number): void {
    if (this.get(number) === undefined) return;
    this.#size -= 1;
    if (number >= 0 && number < LOW) this.#low[number] = undefined;
    else this.#high?.delete(number);
  }

  /** The file, as an object that nobody else holds. */
  own(number: number): Fd | null {
    const fd = this.get(number);
    if (fd === undefined) return null;
    return fd.isShared ? this.set(number, fd.clone()) : fd;
  }

  /** Until `visit` says false. What it removes meanwhile is fine. */
  each(visit: (number: number, fd: Fd) => boolean): void {
    for (let number = 0; number < this.#low.length; number += 1) {
      const fd = this.#low[number];
      if (fd !== undefined && !visit(number, fd)) return;
    }
    for (const [number, fd] of this.#high ?? []) if (!visit(number, fd)) return;
  }

  /** Begins with the files of another table. */
  share(other: FdTable): void {
    for (const fd of other.#low) {
      if (fd !== undefined) fd.isShared = true;
      this.#low.push(fd);
    }
    if (other.#high !== null) {
      this.#high = new Map(other.#high);
      for (const fd of this.#high.values()) fd.isShared = true;
    }
    this.#size = other.#size;
  }
}
