/** What tags say: tables. */
import { describe, expect, test } from 'vitest';
import { metadataOf } from './metadata.ts';

describe('the tags of a rule', () => {
  test.each([
    [['risk=55'], 55],
    [['maturity_stable', 'risk=0'], 0],
    [['risk=250'], 100],
    [['risk=high', 'risk=-5', 'risk='], null],
    [[], null],
  ])('%j say a risk of %j', (tags, risk) => {
    expect(metadataOf(tags).risk).toBe(risk);
  });

  test.each([
    [['T1098', 'mitre_persistence'], ['T1098']],
    [['T1685.002', 'T1562.008'], ['T1685.002']],
    [['T1562.008'], ['T1685.002']],
    [
      ['t1021.004', 'attack.t1021.004', 'mitre_T1133'],
      ['T1021.004', 'T1133'],
    ],
    [['T1', 'T10980', 'container', 'TA0003'], []],
  ])('%j say the techniques %j, each once and by its current id', (tags, techniques) => {
    expect(metadataOf(tags).techniques).toEqual(techniques);
  });

  test('say tactics, and a technique is no tactic', () => {
    expect(metadataOf(['mitre_defense_evasion', 'mitre_impact', 'T1485', 'mitre_T1485']).tactics).toEqual([
      'defense_evasion',
      'impact',
    ]);
  });
});
