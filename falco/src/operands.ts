/** Operands as functions of an event: fields are extracted, transformers applied. Conditions were checked before. */
import type { Operand } from './ast.ts';
import {
  type FieldCatalogue,
  type FieldType,
  type FieldValue,
  findField,
  type OneMatches,
  type Scalar,
} from './fields.ts';
import { TRANSFORMER_TABLE } from './transforms.ts';

export type Extraction<Event> = (event: Event) => FieldValue;

export function extractionOf<Event>(operand: Operand, catalogue: FieldCatalogue<Event>): Extraction<Event> {
  if (operand.type === 'literal') {
    const { text } = operand;
    return () => text;
  }
  if (operand.type === 'transform') {
    const transformer = TRANSFORMER_TABLE.get(operand.name);
    if (transformer === undefined) throw new Error(`an unchecked condition was run: no transformer ${operand.name}`);
    const inner = operand.operands.map((one) => extractionOf(one, catalogue));
    return (event) => transformer.apply(inner.map((extract) => extract(event)));
  }
  const found = findField(catalogue, operand.name, operand.argument);
  if (found === null) throw new Error(`an unchecked condition was run: no field ${operand.name}`);
  const { definition, argument } = found;
  return (event) => definition.extract(event, argument);
}

/** The type that literals on the right side are read as. */
export function typeOf(operand: Operand, catalogue: FieldCatalogue<never>): FieldType {
  if (operand.type === 'literal') return 'string';
  if (operand.type === 'transform') return TRANSFORMER_TABLE.get(operand.name)?.result ?? 'string';
  return findField(catalogue, operand.name, operand.argument)?.definition.type ?? 'any';
}

/** How a list of the operand's values is matched; see `FieldDefinition`. */
export function oneMatchesOf(operand: Operand, catalogue: FieldCatalogue<never>): OneMatches | undefined {
  if (operand.type !== 'field') return undefined;
  return findField(catalogue, operand.name, operand.argument)?.definition.oneMatches;
}

/** `exists`: something was extracted; an empty list is nothing. */
export function isPresent(value: FieldValue): boolean {
  return value !== null && (!Array.isArray(value) || (value as readonly Scalar[]).length > 0);
}
