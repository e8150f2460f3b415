/** A system call was judged when it happened, by the rules of then: what they said becomes findings as it is. */
import type { Priority } from '@countersign/falco';
import type { SourceRecord } from '../sources/source.ts';
import { syscallRecordOf } from '../sources/syscall/record.ts';
import { syscallSource } from '../sources/syscall/syscall.ts';
import { metadataOf, PRIORITY_RISK } from './metadata.ts';
import type { RuleMatch } from './runner.ts';

export function recordedMatches(record: SourceRecord): readonly RuleMatch[] {
  const { matches, repeats } = syscallRecordOf(record);
  if (matches.length === 0) return [];
  const facts = syscallSource.describe(record);
  return matches.map(({ rule, priority, tags, output, outputFields }) => {
    const { techniques, risk } = metadataOf(tags);
    return {
      rule,
      priority: isPriority(priority) ? priority : 'Error',
      tags,
      techniques,
      risk,
      facts,
      output,
      outputFields: repeats === 0 ? outputFields : { ...outputFields, 'countersign.repeats': repeats },
    };
  });
}

function isPriority(text: string): text is Priority {
  return Object.hasOwn(PRIORITY_RISK, text);
}
