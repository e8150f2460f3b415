/** The library's public face. Nothing else of this package may be imported from outside. */
export { CaptureDamage, LONGEST_BLOCK_BYTES } from './blocks.ts';
export { CaptureEvent, STATE_ONLY } from './capture-event.ts';
export { type CaptureCounts, type CaptureHandler, CaptureReader } from './capture-reader.ts';
export { CODE } from './event-codes.ts';
export * from './event-table.ts';
export * from './lists.ts';
export { type FieldResult, type FieldScalar, SYSCALL_FIELDS, type SyscallField } from './fields.ts';
export { Machine, type MachineOptions } from './machine.ts';
export type { ContainerEngines } from './containers.ts';
