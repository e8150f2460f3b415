/** The library's public face. Nothing else of this package may be imported from outside. */
export type * from './ast.ts';
export type * from './diagnostic.ts';
export type * from './fields.ts';
export * from './ruleset.ts';
