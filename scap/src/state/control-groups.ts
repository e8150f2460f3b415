/** The control groups of a process, and the container that they say it is in. */
import { type ContainerEngine, findContainer, type FoundContainer } from './container-engines.ts';
import type { TextList } from './text-list.ts';

/** Names that the kernel has changed, and what they are known by. */
const KNOWN_AS: Readonly<Record<string, string>> = { perf: 'perf_event', mem: 'memory', io: 'blkio' };

export class ControlGroups {
  readonly source: TextList | null;
  readonly pairs: readonly (readonly [name: string, path: string])[];
  #found: FoundContainer | null | undefined;

  private constructor(source: TextList | null, pairs: ControlGroups['pairs']) {
    this.source = source;
    this.pairs = pairs;
  }

  static readonly NONE = new ControlGroups(null, []);

  /** What was there before stays when the texts are not `name=path`. */
  static from(source: TextList, before: ControlGroups): ControlGroups {
    if (source === before.source) return before;
    const pairs: [string, string][] = [];
    for (const one of source.texts) {
      const equals = one.indexOf('=');
      if (equals === -1) return before;
      const name = one.slice(0, equals).replace('_cgroup', '');
      pairs.push([KNOWN_AS[name] ?? name, one.slice(equals + 1)]);
    }
    return new ControlGroups(source, pairs);
  }

  /** The first that says so; null on the host. Whoever asks has the same engines every time. */
  container(engines: ReadonlySet<ContainerEngine> | null): FoundContainer | null {
    if (this.#found !== undefined) return this.#found;
    this.#found = null;
    for (const [, path] of this.pairs) {
      this.#found = findContainer(path, engines);
      if (this.#found !== null) break;
    }
    return this.#found;
  }
}
