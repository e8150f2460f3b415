/**
 * Our own rules on recorded system calls: what attackers did is found under the right technique, and ordinary work is not.
 * The captures lie beside the project.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { metadataOf } from '../../server/src/rules/metadata.ts';
import { bundledRulesets, loadPack } from '../../server/src/rules/pack.ts';
import { createCaptureAlerts } from '../../server/src/rules/capture-alerts.ts';
import { readCaptureFile } from '../../server/src/sources/captures/capture-file.ts';
import { dataPath, describeWithData } from '../data.ts';
import { LIKE_FALCO } from './linux-attacks/like-falco.ts';

const { ruleset } = loadPack(bundledRulesets());
const rules = ruleset.rules.filter(({ source }) => source === 'syscall');
const techniquesOf = new Map(rules.map(({ name, tags }) => [name, metadataOf(tags).techniques]));

interface Told {
  readonly rule: string;
  readonly output: string;
}

async function replay(capture: string): Promise<readonly Told[]> {
  const told: Told[] = [];
  const machine = createCaptureAlerts({
    rules,
    match: 'all',
    hostname: 'vm',
    onAlert: ({ rule, output }) => told.push({ rule, output }),
  });
  const { damage } = await readCaptureFile(dataPath('captures', `${capture}.scap.gz`), machine, () =>
    Promise.resolve(),
  );
  expect(damage).toBeNull();
  return told;
}

type Deed = readonly [deed: string, seen: RegExp, technique: string];

/** On a host, by an intruder; at the end two containers of theirs. */
const ATTACK: readonly Deed[] = [
  ['a web server starts a shell', /nginx started sh -c id/, 'T1505.003'],
  ['another web server starts a shell', /httpd started bash -c whoami/, 'T1505.003'],
  ['a program fetches below a web server', /curl -s .* ran below a web server/, 'T1105'],
  ['a shell takes orders from a connection', /listens to the network: sh/, 'T1059.004'],
  ['its input is moved onto the connection', /moved its standard input onto 127/, 'T1059.004'],
  ['a database starts a shell', /mysqld started sh/, 'T1190'],
  ['a server reads password hashes', /nginx .* read \/etc\/shadow/, 'T1003.008'],
  ["a service's account logs in", /account nobody of a service logged in/, 'T1078.003'],
  ['programs bear the names of servers', /\/tmp\/a2\/mysqld bears a system's name/, 'T1036.005'],
  ['netcat listens', /ncat -l 198\.51\.100\.1 443/, 'T1095'],
  ['ssh goes to port 443', /ssh 198\.51\.100\.1 443 connected/, 'T1571'],
  ['a miner starts, by its pool', /miner was started: xmrig/, 'T1496.001'],
  ['a miner starts, by its name', /miner was started: minerd/, 'T1496.001'],
  ['settings of the loader for a program of root', /gave passwd --help settings of the loader/, 'T1068'],
  ['a password is changed', /ran passwd --help/, 'T1098'],
  ['a file is made among the devices', /made \/dev\/cs_x/, 'T1564'],
  ['a key is added', /changed \/home\/csu\/\.ssh\/authorized_keys/, 'T1098.004'],
  ['the hole in sudo', /hole in sudo: sudoedit -s x/, 'T1548.003'],
  ['the hole in pkexec', /called pkexec without arguments/, 'T1068'],
  ['namespaces of one’s own', /unshare -Ur id of nobody/, 'T1068'],
  ['a source of software', /changed \/etc\/apt\/sources\.list\.d\/cs\.list/, 'T1195.002'],
  ['the list of installed software', /changed \/var\/lib\/rpm\/cs/, 'T1072'],
  ['looking around: who am I', /whoami \(/, 'T1033'],
  ['looking around: the system', /uname -a \(/, 'T1082'],
  ['looking around: the network', /netstat -an \(/, 'T1049'],
  ['looking around: accounts', /cat \/etc\/passwd \(/, 'T1087.001'],
  ['looking around: who else', /: Debug w \(/, 'T1033'],
  ['a program for the kernel', /bpftrace .* loaded a program into the kernel/, 'T1014'],
  ["a package's script connects", /package's script ran nc/, 'T1195.002'],
  ['a container with power over the host', /container with power over the host: sh -c .*debugfs/, 'T1610'],
  ['a new program in it', /image does not have: debugfs/, 'T1105'],
  ['the file system debugged', /debugfs -R x \(/, 'T1611'],
  ['a release agent', /wrote \/tmp\/release_agent/, 'T1611'],
  ['a mount', /mounted none on \/tmp\/m/, 'T1611'],
  ['the disk of the host', /opened \/dev\/vda/, 'T1611'],
  ['a file fetched', /wget -q -T1 http.*container=45a93/, 'T1105'],
  ['files copied off', /scp x y/, 'T1048'],
  ['the client of the cluster', /kubectl get pods/, 'T1613'],
  ['a module for the kernel', /busybox insmod \/x\.ko was run/, 'T1547.006'],
  ['namespaces of its own', /busybox unshare -r .* made namespaces/, 'T1611'],
  ['the namespaces of the host', /busybox nsenter -t 1 .* entered another namespace/, 'T1611'],
];

/** Containers of less than a second. */
const CONTAINERS: readonly Deed[] = [
  ['password hashes', /exe \/etc\/shadow read \/etc\/shadow/, 'T1003.008'],
  ["the host's password hashes", /exe \/host\/shadow read \/host\/shadow/, 'T1611'],
  ['a mount', /mounted none on \/tmp\/m/, 'T1611'],
  ['a new program', /image does not have: evil id/, 'T1105'],
  ['a new program, in a container that was entered', /image does not have: x ls/, 'T1105'],
  ['a link over a guarded file', /laid \/tmp\/l over \/etc\/shadow/, 'T1003.008'],
  ['a program of the system', /changed programs of the system: \/bin\/cs/, 'T1554'],
  ['a folder among the programs', /changed programs of the system: <NA> \/bin\/d/, 'T1554'],
  ['a program that runs as its owner', /made \/tmp\/b run as its owner/, 'T1548.001'],
  ['netcat that runs a shell', /runs a program: exe -l -p 4444 -e/, 'T1059.004'],
  ['a shell on a connection', /listens to the network: sh/, 'T1059.004'],
  ['a search for keys', /search for keys .*id_rsa/, 'T1552.004'],
  ['something decoded', /exe -d decoded/, 'T1140'],
  ['a terminal', /terminal in a container: sh -c id; exit 0/, 'T1609'],
  ['a file reached by climbing', /reached \/etc\/shadow as \.\.\/\.\.\//, 'T1083'],
  ['logs removed', /cleared a log: <NA> \/var\/log/, 'T1685.006'],
];

describeWithData('what was done in a recording is found', () => {
  describeDeeds('attack2', ATTACK);
  describeDeeds('containers', CONTAINERS);

  function describeDeeds(capture: string, deeds: readonly Deed[]): void {
    let told: readonly Told[] = [];
    beforeAll(async () => {
      told = await replay(capture);
    });
    test.each(deeds)(`${capture}: %s`, (_deed, seen, technique) => {
      const found = told.filter(({ output }) => seen.test(output));
      expect(found, `nothing says ${String(seen)}`).not.toEqual([]);
      expect(found.flatMap(({ rule }) => techniquesOf.get(rule) ?? [])).toContain(technique);
    });
  }
});

describeWithData('ordinary work is not found', () => {
  test.each(['build', 'network'])('%s', { timeout: 120_000 }, async (capture) => {
    expect(await replay(capture)).toEqual([]);
  });
});

describeWithData('what makes the public rules speak', () => {
  const { actions } = JSON.parse(readFileSync(dataPath('syscalls', 'event-generator-actions.json'), 'utf8')) as {
    readonly actions: readonly { readonly action: string; readonly rule_by_name: string | null }[];
  };
  const named = actions.filter(({ action, rule_by_name }) => action.startsWith('syscall.') && rule_by_name !== null);
  const known = new Set(rules.map(({ name }) => name));

  test.each(named.map(({ rule_by_name }) => rule_by_name as string))('%s', (name) => {
    const own = LIKE_FALCO[name];
    expect(own, `nothing is said of ${name}`).toBeDefined();
    if (typeof own !== 'string') expect(own?.filter((rule) => !known.has(rule))).toEqual([]);
  });
});
