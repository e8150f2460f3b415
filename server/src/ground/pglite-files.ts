/**
 * PGlite's files on a disk, made durable. PGlite runs PostgreSQL without fsync, and its file system layer would ignore one: a
 * committed transaction survives a killed process but not a power failure. Here PostgreSQL syncs, and it reaches the disk.
 *
 * The surprise: `wal_sync_method` must be `fsync`; the layer answers `fdatasync` without asking the file system.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

type Setup = Awaited<ReturnType<NodeFS['init']>>;

/** The part of the layer that this file adds to. A stream of a plain file has its descriptor. */
interface SyncableLayer {
  readonly NODEFS: { readonly stream_ops: { fsync?: (stream: { readonly nfd?: number }) => number } };
}

class DurableFiles extends NodeFS {
  readonly #syncFile: (descriptor: number) => void;

  constructor(directory: string, syncFile: (descriptor: number) => void) {
    super(directory);
    this.#syncFile = syncFile;
  }

  override async init(...parameters: Parameters<NodeFS['init']>): Promise<Setup> {
    const setup = await super.init(...parameters);
    const { preRun } = setup.emscriptenOpts;
    const steps = Array.isArray(preRun) ? preRun : [];
    const addSync: (typeof steps)[number] = (layer) => {
      (layer as unknown as SyncableLayer).NODEFS.stream_ops.fsync = ({ nfd }) => {
        if (nfd !== undefined) this.#syncFile(nfd);
        return 0;
      };
    };
    return { emscriptenOpts: { ...setup.emscriptenOpts, preRun: [...steps, addSync] } };
  }
}

/** What `PGlite.create` needs to keep its files in `directory`, for the owner's eyes alone, and to sync them. */
export function durableFiles(directory: string, syncFile: (descriptor: number) => void = fsyncSync) {
  const isNew = !existsSync(join(directory, 'PG_VERSION'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // The layer makes files that anybody may write; nobody else gets at them through this.
  chmodSync(directory, 0o700);
  return {
    options: {
      fs: new DurableFiles(directory, syncFile),
      startParams: [
        ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
        '-c',
        'fsync=on',
        '-c',
        'wal_sync_method=fsync',
      ],
    },
    /** The files of a new database were made before anything synced. */
    finish: () => {
      if (isNew) syncTree(directory);
    },
  };
}

function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) sync(path);
  }
  sync(directory);
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
