/**
 * The one law: imports point left along `ground, vendors → sources → events → people, inventory → rules → findings →
 * cases → evidence`; only the top of the server wires rooms together, and the libraries import nothing of ours.
 */
import { type Fault, importsOf, isTest, lineOf, resolveImport, type SourceFile, type Tree } from './sources.ts';

/** Rooms by how far right they stand; equal numbers may not import each other. */
const ROOM_ORDER: Readonly<Record<string, number>> = {
  ground: 0,
  vendors: 0,
  sources: 1,
  events: 2,
  activity: 3,
  people: 3,
  inventory: 3,
  rules: 4,
  fleet: 4,
  agent: 4,
  findings: 5,
  cases: 6,
  evidence: 7,
};

/** What each workspace may import of ours, by package name. */
const ALLOWED_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  falco: [],
  scap: [],
  contract: [],
  server: ['@countersign/falco', '@countersign/scap', '@countersign/contract'],
  web: ['@countersign/contract'],
};

const OUR_PACKAGE = /^(@countersign\/|countersign(\/|$))/;

export function importLaw(tree: Tree): Fault[] {
  return tree
    .filter((file) => !isTest(file.path) && file.path.split('/')[1] === 'src')
    .flatMap((file) => importsOf(file).flatMap((imported) => judge(tree, file, imported)));
}

function judge(tree: Tree, file: SourceFile, imported: { specifier: string; offset: number }): Fault[] {
  const fault = (message: string): Fault[] => [{ path: file.path, line: lineOf(file, imported.offset), message }];
  const workspace = file.path.split('/')[0] ?? '';
  if (OUR_PACKAGE.test(imported.specifier)) {
    const allowed = ALLOWED_PACKAGES[workspace] ?? [];
    return allowed.includes(imported.specifier) ? [] : fault(`${workspace} may not import ${imported.specifier}`);
  }
  const target = resolveImport(tree, file.path, imported.specifier);
  if (target === null) return [];
  if (isTest(target)) return fault(`product code imports the test file ${target}`);
  if (target.split('/')[0] !== workspace) return fault(`reaches into another workspace: ${target}`);
  return workspace === 'server' ? judgeRooms(file, target, fault) : [];
}

function judgeRooms(file: SourceFile, target: string, fault: (message: string) => Fault[]): Fault[] {
  const from = roomOf(file.path);
  const to = roomOf(target);
  if (from === null || from === to) return [];
  if (to === null) return fault(`the room ${from} imports ${target}, which wires rooms together`);
  const fromOrder = ROOM_ORDER[from];
  const toOrder = ROOM_ORDER[to];
  if (fromOrder === undefined) return fault(`unknown room ${from}: give it a place in the import law`);
  if (toOrder === undefined) return fault(`unknown room ${to}: give it a place in the import law`);
  return toOrder < fromOrder ? [] : fault(`${from} may not import ${to}: imports point left`);
}

/** The room a server file lives in; null for the top, which joins the rooms (`main.ts`, `app.ts`, `commands/` …). */
function roomOf(path: string): string | null {
  const [, , room, ...rest] = path.split('/');
  return rest.length === 0 || room === undefined || room === 'commands' ? null : room;
}
