/** The library's public face. Nothing else of this package may be imported from outside. */
export { CaptureDamage, LONGEST_BLOCK_BYTES } from './format/blocks.ts';
export { CaptureEvent, STATE_ONLY } from './format/capture-event.ts';
export { type CaptureCounts, type CaptureHandler, CaptureReader } from './format/capture-reader.ts';
export { CaptureWriter, type ToldEvent } from './format/capture-writer.ts';
export { CODE } from './format/event-codes.ts';
export * from './format/event-table.ts';
export * from './format/lists.ts';
export { type FieldResult, type FieldScalar, SYSCALL_FIELDS, type SyscallField } from './fields/fields.ts';
export { writeState } from './state/written-state.ts';
export { Machine, type MachineOptions } from './state/machine.ts';
export { CONTAINER_ENGINES, type ContainerEngine, findContainer } from './state/container-engines.ts';
export type { Container } from './state/containers.ts';
export { printableText } from './state/printable-text.ts';
export { type TypeFields, typeFieldsOf } from './fields/type-fields.ts';
export { SYSCALL_NAMES } from './data/syscall-names.ts';
export { LASTING_FIELDS, type ThreadFacts } from './state/thread-facts.ts';
