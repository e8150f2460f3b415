/**
 * How many cases real recordings come to, even with rules that see a finding in every change: bursts must hold what rules
 * let through. The rules here are stand-ins on purpose, far louder than ours.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { replayCases, type ReplayedCase } from '../../server/src/cases/replay.ts';
import { defaultConfiguration } from '../../server/src/configuration.ts';
import { accountOf, makeFinding } from '../../server/src/findings/enrich.ts';
import type { Finding } from '../../server/src/findings/finding.ts';
import { History } from '../../server/src/findings/history.ts';
import { cloudtrailSource } from '../../server/src/sources/cloudtrail/cloudtrail.ts';
import type { EventFacts, SourceRecord } from '../../server/src/sources/source.ts';
import { dataPath, describeWithData } from '../data.ts';

/** As risky as our rules are for what attacks do, and as noisy as no rule of ours is for everything else. */
const ATTACK_RISK = 45;
/** By the scale in docs/risk.md: blinding the audit trail and leaving the organization. */
const GRAVE_RISK = 75;
const GRAVE = new Set(['LeaveOrganization', 'StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors']);
const CHANGE_RISK = 25;

/** What leads up to an attack and is no attack: no rule would look at it. */
const PREPARATIONS = new Set(['AssumeRole']);

interface RecordLabel {
  readonly eventID: string;
  readonly eventName: string;
  readonly phase: string;
  readonly technique_id: string | null;
}

function factsOf(file: string): EventFacts[] {
  const { Records } = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as { Records: SourceRecord[] };
  const byId = new Map(Records.map((record) => [record['eventID'], cloudtrailSource.describe(record)]));
  return [...byId.values()].sort((one, other) => one.timeMs - other.timeMs);
}

/** Every change is a finding, and so is whatever else `isAttack` names. */
function findingsOf(facts: readonly EventFacts[], isAttack: (facts: EventFacts) => boolean): Finding[] {
  const history = new History();
  return facts
    .filter((fact) => fact.readOnly !== true || isAttack(fact))
    .map((fact) => {
      const finding = makeFinding(
        {
          rule: `stand-in ${fact.action}`,
          priority: 'Notice',
          tags: [],
          techniques: [],
          output: '',
          outputFields: {},
          risk: GRAVE.has(fact.action) ? GRAVE_RISK : isAttack(fact) ? ATTACK_RISK : CHANGE_RISK,
          facts: fact,
        },
        { account: accountOf(fact, new Map()), personKnown: null, past: history.recall(fact) },
      );
      history.note(fact);
      return finding;
    });
}

const casesOf = (findings: readonly Finding[]) => replayCases(findings, { policy: defaultConfiguration().policy });
const eventsOf = (cases: readonly ReplayedCase[]) =>
  new Set(cases.flatMap(({ findings }) => findings.map((one) => one.facts.id)));

describeWithData('an hour of attacks inside two thousand calls of Terraform', () => {
  const folder = dataPath('cloudtrail', 'attack', 'invictus');
  const load = () => {
    const facts = readdirSync(folder)
      .filter((name) => name.endsWith('.json.gz'))
      .flatMap((name) => factsOf(`${folder}/${name}`));
    const labels = JSON.parse(readFileSync(`${folder}/record-labels.json`, 'utf8')) as RecordLabel[];
    const techniques = new Map<string, string>();
    for (const { eventID, eventName, phase, technique_id } of labels) {
      if (phase === 'detonate' && technique_id !== null && !PREPARATIONS.has(eventName)) {
        techniques.set(eventID, technique_id);
      }
    }
    return { facts, techniques };
  };

  test('is at most 25 cases, and every detonated technique is in one of them', () => {
    const { facts, techniques } = load();
    const cases = casesOf(findingsOf(facts, ({ id }) => techniques.has(id)));
    expect(cases.length).toBeGreaterThan(0);
    expect(cases.length).toBeLessThanOrEqual(25);
    const events = eventsOf(cases);
    const found = new Set([...techniques].filter(([id]) => events.has(id)).map(([, technique]) => technique));
    const present = new Set(facts.flatMap(({ id }) => techniques.get(id) ?? []));
    expect(present.size).toBeGreaterThan(10);
    expect([...present].filter((technique) => !found.has(technique))).toEqual([]);
  });

  test('is the same cases when the recording comes in another order', () => {
    const findings = findingsOf(load().facts, () => false);
    const summary = (cases: readonly ReplayedCase[]) =>
      cases.map(({ actor, risk, findings: of }) => [actor.id, risk, of.length]);
    expect(summary(casesOf(findings.toReversed()))).toEqual(summary(casesOf(findings)));
  });
});

describeWithData('days of an ordinary account', () => {
  const folder = dataPath('cloudtrail', 'background', 'sans504-s3-lab');

  test('are at most five cases each, and the services of the provider never rise above 50', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.json.gz'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const findings = findingsOf(factsOf(`${folder}/${file}`), () => false);
      expect(casesOf(findings).length, file).toBeLessThanOrEqual(5);
      const { policy } = defaultConfiguration();
      const bursts = replayCases(findings, { policy, includeRecorded: true });
      const services = bursts.filter(({ actor }) => actor.isProvider);
      expect(
        services.filter(({ risk }) => risk > 50),
        file,
      ).toEqual([]);
    }
  });
});
