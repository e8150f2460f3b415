/**
 * What every command of the clone needs first: the packages of the lock file installed, and the sources built.
 *
 * Plain JavaScript on Node's own modules only, since it runs before anything is installed. Each step is skipped when the
 * hash of what it reads has not changed since it last succeeded, so a warm start costs milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAMPS = join(ROOT, 'node_modules', '.countersign');
const OLDEST_NODE = [20, 19];

/** Runs a program in the clone; its output goes to stderr, because stdout is data. Exits with its code when it fails. */
export function run(program, args, { env = process.env } = {}) {
  const result = spawnSync(program, args, { cwd: ROOT, stdio: ['inherit', 2, 2], env });
  if (result.error) fail(`could not start ${program}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    fail(`Node.js ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}`);
  }
}

export function install() {
  requireNode();
  const wanted = hashOf([join(ROOT, 'package-lock.json')]) + process.version;
  if (stampIs('install', wanted)) return;
  say('installing packages (npm ci)');
  run(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--include=dev']);
  stamp('install', wanted);
}

/** Compiles server and libraries; with `web` also bundles the console. */
export function build({ web = true } = {}) {
  install();
  buildTypeScript();
  if (web) buildConsole();
  buildSensor();
}

function buildTypeScript() {
  const sources = ['falco', 'contract', 'server', 'scap'].flatMap((room) => filesBelow(join(ROOT, room, 'src')));
  const wanted = hashOf([...sources, join(ROOT, 'tsconfig.base.json'), join(ROOT, 'package-lock.json')]);
  if (stampIs('typescript', wanted) && existsSync(join(ROOT, 'server/dist/main.js'))) return;
  say('compiling');
  run(process.execPath, [bin('typescript', 'tsc'), '-b', 'falco', 'scap', 'contract', 'server']);
  const migrations = join(ROOT, 'server/dist/migrations');
  rmSync(migrations, { recursive: true, force: true });
  mkdirSync(migrations, { recursive: true });
  cpSync(join(ROOT, 'server/src/migrations'), migrations, { recursive: true });
  stamp('typescript', wanted);
}

function buildConsole() {
  const sources = [...filesBelow(join(ROOT, 'web/src')), ...filesBelow(join(ROOT, 'contract/src'))];
  const settings = ['web/index.html', 'web/vite.config.ts', 'package-lock.json'].map((file) => join(ROOT, file));
  const wanted = hashOf([...sources, ...settings.filter((file) => existsSync(file))]);
  if (stampIs('console', wanted) && existsSync(join(ROOT, 'web/dist/index.html'))) return;
  say('building the console');
  run(process.execPath, [bin('vite', 'vite'), 'build', 'web', '--config', 'web/vite.config.ts', '--logLevel', 'info']);
  stamp('console', wanted);
}

/** The sensor is of use on Linux only and needs a C toolchain; everything else works without it. */
function buildSensor() {
  const wanted = hashOf([...filesBelow(join(ROOT, 'sensor')).filter((file) => !file.includes('/sensor/build/'))]);
  const reason = whyNoSensor();
  if (
    stampIs('sensor', wanted + reason) &&
    (reason !== '' || existsSync(join(ROOT, 'sensor/build/countersign-sensor')))
  )
    return;
  if (reason === '') {
    say('building the sensor');
    const made = spawnSync('make', ['-C', join(ROOT, 'sensor'), '--silent'], { stdio: ['ignore', 2, 2] });
    if (made.status !== 0) {
      say('the sensor could not be built (see above); the server runs without it');
      return;
    }
  } else say(`the sensor is not built: ${reason}`);
  stamp('sensor', wanted + reason);
}

function whyNoSensor() {
  if (process.platform !== 'linux') return 'it runs on Linux only';
  const folders = (process.env['PATH'] ?? '').split(':');
  const missing = ['make', 'cc', 'clang', 'llvm-strip', 'bpftool'].filter(
    (tool) => ![...folders, '/usr/sbin'].some((folder) => existsSync(join(folder, tool))),
  );
  if (!existsSync('/usr/include/bpf/libbpf.h')) missing.push('libbpf-dev');
  if (missing.length > 0)
    return `missing ${missing.join(', ')} (Debian: apt install make gcc clang llvm libbpf-dev bpftool)`;
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'this kernel has no BTF (/sys/kernel/btf/vmlinux)';
  return '';
}

/** The script behind a package's command, so that no shell and no PATH is involved. */
export function bin(packageName, command) {
  const folder = [join(ROOT, 'node_modules', packageName), join(ROOT, 'web/node_modules', packageName)].find(
    existsSync,
  );
  if (!folder) fail(`package ${packageName} is not installed; run npm ci`);
  const { bin: commands } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof commands === 'string' ? commands : commands[command]);
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    if (!existsSync(file) || !statSync(file).isFile()) continue;
    hash.update(relative(ROOT, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function stampIs(name, wanted) {
  const file = join(STAMPS, name);
  return existsSync(file) && readFileSync(file, 'utf8') === wanted;
}

function stamp(name, wanted) {
  const file = join(STAMPS, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, wanted);
}

function say(text) {
  process.stderr.write(`countersign: ${text}\n`);
}

function fail(text) {
  process.stderr.write(`countersign: ${text}\n`);
  process.exit(1);
}
