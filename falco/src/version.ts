/** Versions of three numbers, as `required_engine_version` and `required_plugin_versions` have them. */

export type Version = readonly [major: number, minor: number, patch: number];

export function parseVersion(text: string): Version | null {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(text.trim());
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** Negative, zero or positive, like a comparison of numbers. */
export function compareVersions(one: Version, other: Version): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}
