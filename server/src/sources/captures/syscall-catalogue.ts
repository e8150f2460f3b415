/** The fields of the source `syscall` over the state of a recorded machine: types from the rule language, values from `scap`. */
import { type FieldCatalogue, type FieldDefinition, syscallFieldCatalogue } from '@countersign/falco';
import { LASTING_FIELDS, type Machine, SYSCALL_FIELDS } from '@countersign/scap';

export const syscallCatalogue: FieldCatalogue<Machine> = makeCatalogue();

function makeCatalogue(): FieldCatalogue<Machine> {
  const described = syscallFieldCatalogue();
  const fields = new Map<string, FieldDefinition<Machine>>();
  for (const [name, { type, isList, argument, dottedArgument, description, values }] of described.fields) {
    const field = SYSCALL_FIELDS.get(name);
    const print = field?.print;
    fields.set(name, {
      name,
      type,
      isList,
      argument,
      description,
      ...(dottedArgument === undefined ? {} : { dottedArgument }),
      ...(values === undefined ? {} : { values }),
      ...(LASTING_FIELDS.has(name) ? { isLasting: true } : {}),
      extract: field === undefined ? () => null : field.read,
      ...(print === undefined ? {} : { print }),
      ...(field?.oneMatches === undefined ? {} : { oneMatches: field.oneMatches }),
    });
  }
  return { source: described.source, fields, indexFields: described.indexFields };
}
