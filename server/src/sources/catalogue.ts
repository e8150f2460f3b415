/** The sources there are. A new one is added here and nowhere else. */
import type { FieldCatalogue } from '@countersign/falco';
import { alertSource } from './alerts/alert.ts';
import { cloudtrailSource } from './cloudtrail/cloudtrail.ts';
import { kubernetesSource } from './kubernetes/kubernetes.ts';
import type { Source, SourceName } from './source.ts';
import { syscallSource } from './syscall/syscall.ts';

export const SOURCES: readonly Source[] = [cloudtrailSource, kubernetesSource, syscallSource, alertSource];

export function sourceNamed(name: string): Source | null {
  return SOURCES.find((source) => source.name === name) ?? null;
}

export function isSourceName(name: string): name is SourceName {
  return sourceNamed(name) !== null;
}

/** The fields of every source, for the loader of rules. */
export function sourceCatalogues(): ReadonlyMap<string, FieldCatalogue<never>> {
  return new Map(SOURCES.map((source) => [source.name, source.catalogue as unknown as FieldCatalogue<never>]));
}
