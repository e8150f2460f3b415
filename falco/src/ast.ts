/**
 * The words of a condition: what the parser makes and both executions read.
 *
 * Positions are kept on every node because every later complaint (unknown field, wrong operator, bad value) must point
 * at the text a person wrote. Macros and lists are still names here; `resolve` replaces them.
 */

/** A half-open range of UTF-16 offsets into the condition text a node was parsed from. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Falco's comparison operators, spelled as in rule text (`=` and `==` are both kept as `=`). */
export type BinaryOperator =
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'contains'
  | 'icontains'
  | 'bcontains'
  | 'startswith'
  | 'bstartswith'
  | 'endswith'
  | 'glob'
  | 'iglob'
  | 'regex'
  | 'in'
  | 'intersects'
  | 'pmatch';

/** `oneof` (default), `anyof` and `allof` say how a list on the right is read; Falco accepts them on scalar operators. */
export type OperatorModifier = 'oneof' | 'anyof' | 'allof';

/** A field as written: `ka.req.pod.containers.image[0]` has name `ka.req.pod.containers.image` and argument `0`. */
export interface FieldNode {
  readonly type: 'field';
  readonly name: string;
  readonly argument: string | null;
  readonly span: Span;
}

/** `toupper(proc.name)`, `join(",", proc.args)`, `len(fd.name)`: a function over operands. */
export interface TransformNode {
  readonly type: 'transform';
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly span: Span;
}

/** A literal, quoted or bare; always text until the field on the left says which type it has. */
export interface LiteralNode {
  readonly type: 'literal';
  readonly text: string;
  readonly quoted: boolean;
  readonly span: Span;
}

/** What may stand on the left of an operator, and inside a transformer. */
export type Operand = FieldNode | TransformNode | LiteralNode;

/**
 * What may stand on the right: one literal, a parenthesised list of literals (list names in it are literals until
 * resolved), or another field by `val(…)` or a transformer.
 */
export type RightSide =
  | LiteralNode
  | { readonly type: 'list'; readonly items: readonly LiteralNode[]; readonly span: Span }
  | FieldNode
  | TransformNode;

export interface ComparisonNode {
  readonly type: 'comparison';
  readonly left: Operand;
  readonly operator: BinaryOperator;
  readonly modifier: OperatorModifier | null;
  readonly right: RightSide;
  readonly span: Span;
}

export interface ExistsNode {
  readonly type: 'exists';
  readonly left: Operand;
  readonly span: Span;
}

export type Condition =
  | { readonly type: 'and' | 'or'; readonly children: readonly Condition[]; readonly span: Span }
  | { readonly type: 'not'; readonly child: Condition; readonly span: Span }
  | { readonly type: 'macro'; readonly name: string; readonly span: Span }
  | ComparisonNode
  | ExistsNode;
