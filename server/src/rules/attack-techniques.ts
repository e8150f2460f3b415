/**
 * ATT&CK techniques that version 19 renamed, from the older id to the current one.
 *
 * Rules carry both ids as tags, because other tools still filter by the older ones; everything that counts techniques counts
 * a renamed one once. ATT&CK is a registered trademark of The MITRE Corporation; ids are used under the ATT&CK Terms of Use.
 */

/** Older id → current id. Several older ones may have become one. */
export const RENAMED_TECHNIQUES: ReadonlyMap<string, string> = new Map([
  ['T1070.001', 'T1685.005'],
  ['T1070.002', 'T1685.006'],
  ['T1562', 'T1685'],
  ['T1562.001', 'T1685'],
  ['T1562.002', 'T1685.001'],
  ['T1562.003', 'T1690'],
  ['T1562.004', 'T1686'],
  ['T1562.006', 'T1685'],
  ['T1562.007', 'T1686.001'],
  ['T1562.008', 'T1685.002'],
  ['T1562.009', 'T1688'],
  ['T1562.010', 'T1689'],
  ['T1562.011', 'T1685.003'],
  ['T1562.012', 'T1685.004'],
  ['T1562.013', 'T1686.002'],
  ['T1656', 'T1684.001'],
  ['T1672', 'T1684.002'],
]);

/** The id in force today; an id that was never renamed is itself. */
export function currentTechnique(id: string): string {
  return RENAMED_TECHNIQUES.get(id) ?? id;
}
