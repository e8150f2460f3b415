/** The library's public face. Nothing else of this package may be imported from outside. */
export type * from './ast.ts';
export {
  type CompiledRules,
  type CompileOptions,
  compileRules,
  type NarrowedRules,
  type OpenRules,
} from './compiler.ts';
export type { KnownFields } from './known-fields.ts';
export { parseCondition, type ParsedCondition } from './condition-parser.ts';
export type { ConditionProblem } from './condition-lexer.ts';
export { printCondition } from './condition-printer.ts';
export { type Diagnostic, type DiagnosticItemKind, formatDiagnostic, type Severity } from './diagnostic.ts';
export * from './fields.ts';
export {
  type Alert,
  ABSENT,
  type FieldJson,
  formatOutput,
  type Formatted,
  isoTime,
  placeholderReader,
  toAlert,
} from './formatter.ts';
export { interpret } from './interpreter.ts';
export { ENGINE_VERSION, type LoadOptions, loadRules, type LoadResult } from './load-rules.ts';
export { parseOutput } from './output-template.ts';
export type { RuleFile } from './rule-text.ts';
export * from './ruleset.ts';
export { type SyscallFieldRecord, syscallFieldCatalogue } from './syscall-fields.ts';
