/**
 * Whether our rules see what attackers do: recordings of real attacks, with labels that others made.
 *
 * A finding fits a label when one of its techniques is the label's technique, its parent or a sub-technique of the same
 * parent (older ids count as what they became); or, as the vendors' maps disagree about techniques, when one of its
 * techniques serves the label's tactic. Defense Evasion of version 18 is Stealth and Defense Impairment of version 19: one
 * family here. Both numbers are held, so that tactics cannot hide what techniques miss.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { replayCases } from '../../server/src/cases/replay.ts';
import { defaultConfiguration } from '../../server/src/configuration.ts';
import { accountOf, makeFinding } from '../../server/src/findings/enrich.ts';
import type { Finding } from '../../server/src/findings/finding.ts';
import { History } from '../../server/src/findings/history.ts';
import { currentTechnique } from '../../server/src/rules/attack-techniques.ts';
import { bundledRulesets, loadPack } from '../../server/src/rules/pack.ts';
import { createRunner, type Runner } from '../../server/src/rules/runner.ts';
import { cloudtrailSource } from '../../server/src/sources/cloudtrail/cloudtrail.ts';
import type { SourceRecord } from '../../server/src/sources/source.ts';
import { dataPath, describeWithData } from '../data.ts';

const LEAST_COVERED = 0.95;
/** A finding that is only kept for whoever looks back does not count as having seen a change. */
const CHANGE_RISK = 30;

interface Technique {
  readonly id: string;
  readonly tactics: readonly string[];
}

let runner: Runner;
const tacticsOf = new Map<string, readonly string[]>();
const tacticByName = new Map<string, string>();

/** Which tactics are one family. */
const familyOf = (tactic: string): string => (tactic === 'TA0112' ? 'TA0005' : tactic);
const parentOf = (id: string): string => id.split('.')[0] ?? id;

beforeAll(() => {
  const { ruleset } = loadPack(bundledRulesets());
  runner = createRunner({ rules: ruleset.rules, match: 'all' });
  if (!existsSync(dataPath('attack'))) return;
  for (const name of ['techniques-v18.1.json', 'techniques.json']) {
    const { techniques, tactics } = JSON.parse(readFileSync(dataPath('attack', name), 'utf8')) as {
      techniques: Technique[];
      tactics: Record<string, { name: string }>;
    };
    for (const [id, { name: title }] of Object.entries(tactics)) tacticByName.set(title, id);
    for (const technique of techniques) {
      tacticsOf.set(technique.id, [...(tacticsOf.get(technique.id) ?? []), ...technique.tactics]);
    }
  }
});

function recordsOf(file: string): SourceRecord[] {
  return (JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as { Records: SourceRecord[] }).Records;
}

/** What replaying records makes of them; a record delivered twice is one. */
function findingsOf(records: readonly SourceRecord[]): Finding[] {
  const history = new History();
  const unique = [...new Map(records.map((record) => [record['eventID'], record])).values()];
  return unique.flatMap((record) =>
    runner.run(cloudtrailSource, record).map((match) => {
      const { facts } = match;
      const past = history.recall(facts);
      history.note(facts);
      return makeFinding(match, { account: accountOf(facts, new Map()), personKnown: null, past });
    }),
  );
}

interface Label {
  /** As labelled: `T1098`, `TA0003:T1098`, `T1098 - Account Manipulation`. */
  readonly techniques: readonly string[];
  /** Ids or names. */
  readonly tactics: readonly string[];
}

type Fit = 'technique' | 'tactic' | 'other' | 'none';

/** The best fit of what our rules say to a record. */
function fitOf(record: SourceRecord, label: Label, leastRisk = 0): Fit {
  const matches = runner.run(cloudtrailSource, record).filter(({ risk }) => (risk ?? 0) >= leastRisk);
  if (matches.length === 0) return 'none';
  const found = matches.flatMap(({ techniques }) => techniques);
  const wanted = label.techniques.flatMap((text) => /T\d{4}(?:\.\d{3})?/.exec(text.replace(/^TA\d+:/, ''))?.[0] ?? []);
  const parents = new Set(wanted.map((id) => parentOf(currentTechnique(id))));
  if (found.some((id) => parents.has(parentOf(id)))) return 'technique';
  const families = new Set(
    [
      ...label.tactics.map((tactic) => /^TA\d+/.exec(tactic)?.[0] ?? tacticByName.get(tactic) ?? tactic),
      ...label.techniques.flatMap((text) => /^TA\d+/.exec(text)?.[0] ?? []),
    ].map(familyOf),
  );
  return found.some((id) => (tacticsOf.get(id) ?? []).some((tactic) => families.has(familyOf(tactic))))
    ? 'tactic'
    : 'other';
}

const share = (fits: readonly Fit[], ...good: readonly Fit[]): number =>
  fits.filter((fit) => good.includes(fit)).length / fits.length;

interface TechniqueLabel {
  readonly file: string;
  readonly set: string;
  readonly technique_id: string;
  readonly mitre_tactics: readonly string[];
  readonly mitre_techniques_per_stratus: readonly string[];
  readonly mitre_per_panther: readonly string[];
  readonly mitre_per_traildiscover?: Readonly<Record<string, readonly string[]>>;
  readonly attack_events: readonly string[];
  readonly state_changed: boolean;
}

const labelOf = (one: TechniqueLabel): Label => ({
  techniques: [
    ...one.mitre_techniques_per_stratus,
    ...one.mitre_per_panther,
    ...Object.values(one.mitre_per_traildiscover ?? {}).flat(),
  ],
  tactics: one.mitre_tactics,
});

describeWithData('attacks in CloudTrail', () => {
  const labels = (): readonly (TechniqueLabel & { techniques?: readonly TechniqueLabel[] })[] =>
    JSON.parse(readFileSync(dataPath('cloudtrail', 'labels.json'), 'utf8')) as TechniqueLabel[];

  test('every detonated technique that changed something is a finding that fits', () => {
    const stratus = labels().filter(({ set }) => set === 'stratus-red-team');
    expect(stratus.length).toBeGreaterThan(10);
    const unseen = stratus
      .filter((one) => {
        const attack = recordsOf(dataPath('..', 'data', one.file)).filter((record) =>
          one.attack_events.includes(String(record['eventName'])),
        );
        const leastRisk = one.state_changed ? CHANGE_RISK : 0;
        const fits = attack.map((record) => fitOf(record, labelOf(one), leastRisk));
        return !fits.some((fit) => fit === 'technique' || fit === 'tactic');
      })
      .map((one) => `${one.technique_id}${one.state_changed ? ' (changed)' : ''}`);
    expect(unseen).toEqual([]);
  });

  test('the detonations inside an hour of Terraform are findings that fit', () => {
    const folder = dataPath('cloudtrail', 'attack', 'invictus');
    const records = readdirSync(folder)
      .filter((name) => name.endsWith('.json.gz'))
      .flatMap((name) => recordsOf(`${folder}/${name}`));
    const phases = JSON.parse(readFileSync(`${folder}/record-labels.json`, 'utf8')) as {
      eventID: string;
      phase: string;
      technique_id: string | null;
    }[];
    const techniques = labels().flatMap((one) => (one.set === 'invictus' ? (one.techniques ?? []) : []));
    const byId = new Map(techniques.map((one) => [one.technique_id, one]));
    const wanted = new Map(phases.filter(({ phase }) => phase === 'detonate').map((one) => [one.eventID, one]));
    const fits: Fit[] = [];
    const seen = new Set<string>();
    for (const record of records) {
      const { technique_id: id = null } = wanted.get(String(record['eventID'])) ?? {};
      const technique = id === null ? undefined : byId.get(id);
      if (technique === undefined || !technique.attack_events.includes(String(record['eventName']))) continue;
      const fit = fitOf(record, labelOf(technique));
      fits.push(fit);
      if (fit === 'technique' || fit === 'tactic') seen.add(technique.technique_id);
    }
    expect(fits.length).toBeGreaterThan(50);
    expect(share(fits, 'technique', 'tactic')).toBeGreaterThanOrEqual(LEAST_COVERED);
    const present = new Set(
      phases.flatMap(({ phase, technique_id }) => (phase === 'detonate' ? technique_id : []) ?? []),
    );
    expect([...present].filter((id) => byId.has(id) && !seen.has(id))).toEqual([]);
  });

  test('one call of each kind that attackers use is a finding that fits', () => {
    const folder = dataPath('cloudtrail', 'attack', 'traildiscover');
    const records = recordsOf(`${folder}/events.json.gz`);
    const about = JSON.parse(readFileSync(`${folder}/record-labels.json`, 'utf8')) as {
      mitre_tactics: string[];
      mitre_techniques: string[];
      mitre_subtechniques: string[];
    }[];
    expect(records.length).toBe(about.length);
    const fits = records.map((record, index) => {
      const label = about[index];
      if (label === undefined) return 'none';
      const techniques = [...label.mitre_techniques, ...label.mitre_subtechniques];
      return fitOf(record, { techniques, tactics: label.mitre_tactics });
    });
    const misfits = records.flatMap((record, index) =>
      fits[index] === 'none' || fits[index] === 'other' ? [`${fits[index]} ${String(record['eventName'])}`] : [],
    );
    expect(share(fits, 'technique', 'tactic'), misfits.join('\n')).toBeGreaterThanOrEqual(LEAST_COVERED);
    expect(share(fits, 'technique')).toBeGreaterThanOrEqual(0.8);
  });

  test('an hour of attacks inside two thousand calls of Terraform is at most 25 cases, with every technique in one', () => {
    const folder = dataPath('cloudtrail', 'attack', 'invictus');
    const records = readdirSync(folder)
      .filter((name) => name.endsWith('.json.gz'))
      .flatMap((name) => recordsOf(`${folder}/${name}`));
    const { policy } = defaultConfiguration();
    const cases = replayCases(findingsOf(records), { policy });
    expect(cases.length).toBeGreaterThan(0);
    expect(cases.length).toBeLessThanOrEqual(25);
    const inCases = new Set(cases.flatMap(({ findings }) => findings.map(({ facts }) => facts.id)));
    const phases = JSON.parse(readFileSync(`${folder}/record-labels.json`, 'utf8')) as {
      eventID: string;
      eventName: string;
      phase: string;
      technique_id: string | null;
    }[];
    const present = new Set(records.map((record) => record['eventID']));
    const detonated = phases.filter(({ phase, eventID }) => phase === 'detonate' && present.has(eventID));
    const attack = detonated.filter(({ eventName }) => eventName !== 'AssumeRole');
    const seen = new Set(attack.filter(({ eventID }) => inCases.has(eventID)).map((one) => one.technique_id));
    expect([...new Set(attack.map((one) => one.technique_id))].filter((id) => !seen.has(id))).toEqual([]);
  });

  test('days of an ordinary account are at most five cases each, none above 50 from services of AWS', () => {
    const folder = dataPath('cloudtrail', 'background', 'sans504-s3-lab');
    const { policy } = defaultConfiguration();
    const files = readdirSync(folder).filter((name) => name.endsWith('.json.gz'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const findings = findingsOf(recordsOf(`${folder}/${file}`));
      expect(replayCases(findings, { policy }).length, file).toBeLessThanOrEqual(5);
      const services = replayCases(findings, { policy, includeRecorded: true }).filter(({ actor }) => actor.isProvider);
      expect(
        services.filter(({ risk }) => risk > 50),
        file,
      ).toEqual([]);
    }
  });
});
