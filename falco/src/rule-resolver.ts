/**
 * Collected items → rules ready to run: lists expanded, macros replaced, exceptions added, every field, operator and value
 * checked against the source's catalogue.
 *
 * The surprise: rules see every macro and list, but a macro or list only sees what was first defined before it was last
 * changed. That is Falco's rule, and it is why a list that reaches itself through a redefinition is a text, not a loop.
 */
import type { ComparisonNode, Condition, LiteralNode, RightSide, Span } from './ast.ts';
import { checkCondition, eventTypesAreOpen } from './condition-check.ts';
import { parseCondition } from './condition-parser.ts';
import type { Diagnostic, DiagnosticItemKind } from './diagnostic.ts';
import type { FieldCatalogue } from './fields.ts';
import { findField } from './fields.ts';
import { nearestName } from './nearest-name.ts';
import { parseOutput } from './output-template.ts';
import type { Collected } from './rule-collector.ts';
import type { ExceptionValue, ListItem, MacroItem, RuleException, RuleItem } from './rule-items.ts';
import { diagnosticAt, type GluedText, type Place, placeIn, textOf } from './rule-text.ts';
import type { Rule } from './ruleset.ts';

/** Macros inside macros can multiply a condition; beyond this the rule is refused. */
export const MAXIMUM_CONDITION_NODES = 200_000;

export interface Resolved {
  readonly rules: readonly Rule[];
  readonly diagnostics: readonly Diagnostic[];
}

export function resolveItems(collected: Collected, catalogues: ReadonlyMap<string, FieldCatalogue<never>>): Resolved {
  return new Resolver(collected, catalogues).resolve();
}

interface About {
  readonly kind: DiagnosticItemKind;
  readonly name: string;
}

/** Stops with one item; the complaint has been recorded. */
class ItemFault extends Error {}

class Resolver {
  readonly #collected: Collected;
  readonly #catalogues: ReadonlyMap<string, FieldCatalogue<never>>;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #macros = new Map<string, Condition | null>();
  /** Which text a node was parsed from, for the place of a complaint. */
  readonly #owners = new WeakMap<object, GluedText | Place>();
  /** Nodes of each macro's condition, with everything in it. */
  readonly #sizes = new Map<string, number>();
  #nodes = 0;

  constructor(collected: Collected, catalogues: ReadonlyMap<string, FieldCatalogue<never>>) {
    this.#collected = collected;
    this.#catalogues = catalogues;
  }

  resolve(): Resolved {
    for (const macro of this.#collected.macros.values()) this.#macro(macro, []);
    const rules = [...this.#collected.rules.values()].flatMap((item) => {
      try {
        return [this.#rule(item)];
      } catch (error) {
        if (error instanceof ItemFault) return [];
        throw error;
      }
    });
    this.#warnUnused();
    return { rules, diagnostics: this.#diagnostics };
  }

  /** The condition of a macro with everything in it replaced; null when it is faulty, which was reported. */
  #macro(macro: MacroItem, stack: readonly MacroItem[]): Condition | null {
    const done = this.#macros.get(macro.name);
    if (done !== undefined) return done;
    const about: About = { kind: 'macro', name: macro.name };
    let condition: Condition | null = null;
    try {
      this.#nodes = 0;
      const parsed = this.#parse(macro.condition, about);
      condition = this.#replace(parsed, { item: macro, text: macro.condition, about, stack: [...stack, macro] });
    } catch (error) {
      if (!(error instanceof ItemFault)) throw error;
    }
    this.#macros.set(macro.name, condition);
    this.#sizes.set(macro.name, this.#nodes);
    return condition;
  }

  #rule(item: RuleItem): Rule {
    const about: About = { kind: 'rule', name: item.name };
    const catalogue = this.#catalogues.get(item.source);
    if (catalogue === undefined) throw new Error(`the collector let an unknown source pass: ${item.source}`);
    this.#nodes = 0;
    const seesAll = { place: item.place, ...SEES_ALL };
    const context = { item: seesAll, text: item.condition, about, stack: [] };
    const own = this.#replace(this.#parse(item.condition, about), context);
    const exceptions = item.exceptions.flatMap((exception) => this.#exception(exception));
    const span: Span = { start: 0, end: 0 };
    const condition: Condition = exceptions.length === 0 ? own : { type: 'and', children: [own, ...exceptions], span };
    this.#check(condition, catalogue, item);
    const output = this.#output(item, catalogue);
    if (item.source === 'syscall' && item.warnEventTypes && eventTypesAreOpen(condition)) {
      this.#report(item.place, about, 'LOAD_NO_EVTTYPE', {
        message: 'Rule matches too many evt.type values. This has a significant performance penalty.',
        hint: 'begin with the calls that matter: evt.type in (open, openat, openat2)',
        warning: true,
      });
    }
    const { line } = diagnosticAt(item.place, { code: '', severity: 'warning', message: '' });
    return {
      name: item.name,
      description: item.description,
      source: item.source,
      priority: item.priority,
      tags: item.tags,
      enabled: item.enabled,
      output,
      condition,
      conditionText: textOf(item.condition),
      file: item.place.file.name,
      line,
    };
  }

  #parse(text: GluedText, about: About): Condition {
    const { condition, problems } = parseCondition(textOf(text));
    for (const problem of problems) {
      this.#report(placeIn(text, problem.span.start), about, 'LOAD_ERR_COMPILE_CONDITION', problem);
    }
    if (condition === null) throw new ItemFault();
    return condition;
  }

  #replace(node: Condition, context: ReplaceContext): Condition {
    this.#count(1, context);
    switch (node.type) {
      case 'and':
      case 'or':
        return { ...node, children: node.children.map((child) => this.#replace(child, context)) };
      case 'not':
        return { ...node, child: this.#replace(node.child, context) };
      case 'macro':
        return this.#useMacro(node.name, node.span, context);
      case 'exists': {
        const copy = { ...node };
        this.#owners.set(copy, context.text);
        return copy;
      }
      case 'comparison': {
        const copy: ComparisonNode = { ...node, right: this.#expandRight(node.right, context.item) };
        this.#owners.set(copy, context.text);
        return copy;
      }
    }
  }

  /** Macros are shared, not copied, so their size is added up by hand: forty that double make a condition without end. */
  #count(nodes: number, context: ReplaceContext): void {
    this.#nodes += nodes;
    if (this.#nodes > MAXIMUM_CONDITION_NODES) {
      this.#report(context.item.place, context.about, 'LOAD_ERR_COMPILE_CONDITION', {
        message: `with its macros the condition has more than ${MAXIMUM_CONDITION_NODES} parts`,
        hint: 'make its macros smaller',
      });
      throw new ItemFault();
    }
  }

  #useMacro(name: string, span: Span, context: ReplaceContext): Condition {
    const macro = this.#collected.macros.get(name);
    if (macro === undefined || macro.index >= context.item.visibility) {
      const near = nearestName(name, this.#collected.macros.keys());
      const later = macro === undefined ? null : 'the macro is defined further down: move it up';
      this.#report(placeIn(context.text, span.start), context.about, 'LOAD_ERR_VALIDATE', {
        message: `Undefined macro '${name}' used in filter.`,
        hint: later ?? (near === null ? 'define it before it is used' : `did you mean ${near}?`),
      });
      throw new ItemFault();
    }
    macro.used = true;
    if (context.stack.includes(macro)) {
      const outermost: About = { kind: 'macro', name: context.stack[0]?.name ?? name };
      this.#report(placeIn(context.text, span.start), outermost, 'LOAD_ERR_VALIDATE', {
        message: `reference loop in macro '${name}'`,
        hint: `it is reached again through ${context.stack.map((item) => item.name).join(' → ')}`,
      });
      throw new ItemFault();
    }
    const before = this.#nodes;
    const condition = this.#macro(macro, context.stack);
    if (condition === null) throw new ItemFault();
    this.#nodes = before;
    this.#count(this.#sizes.get(macro.name) ?? 1, context);
    return condition;
  }

  #expandRight(right: RightSide, item: { readonly visibility: number }): RightSide {
    if (right.type === 'list')
      return { ...right, items: right.items.flatMap((literal) => this.#expand(literal, item)) };
    if (right.type !== 'literal' || right.quoted) return right;
    const expanded = this.#expand(right, item);
    const [only] = expanded;
    return expanded.length === 1 && only !== undefined ? only : { type: 'list', items: expanded, span: right.span };
  }

  #expand(literal: LiteralNode, item: { readonly visibility: number }): LiteralNode[] {
    const list = literal.quoted ? undefined : this.#visibleList(literal.text, item);
    if (list === undefined) return [literal];
    return this.#listTexts(list, []).map((text) => ({ type: 'literal', text, quoted: true, span: literal.span }));
  }

  #visibleList(name: string, item: { readonly visibility: number }): ListItem | undefined {
    const list = this.#collected.lists.get(name);
    if (list === undefined || list.index >= item.visibility) return undefined;
    list.used = true;
    return list;
  }

  #listTexts(list: ListItem, stack: readonly ListItem[]): string[] {
    return list.items.flatMap(({ text: written }) => {
      const text = unquote(written);
      const inner = this.#visibleList(text, list);
      if (inner === undefined || inner === list || stack.includes(inner)) return [text];
      return this.#listTexts(inner, [...stack, list]);
    });
  }

  /** `not (tuple or tuple …)`; nothing when the exception has no values. */
  #exception(exception: RuleException): Condition[] {
    if (exception.values.length === 0) return [];
    const span: Span = { start: 0, end: 0 };
    const comparison = (index: number, values: readonly ExceptionValue[]): ComparisonNode => {
      const [field = '', argument = null] =
        /^([^[]*)(?:\[(.*)\])?$/.exec(exception.fields[index] ?? '')?.slice(1) ?? [];
      const operator = (exception.comparisons[index] ?? '=').replace(/^==$/, '=') as ComparisonNode['operator'];
      const items = values.flatMap((value) => this.#exceptionLiterals(value));
      const [only] = items;
      const right: RightSide =
        ['in', 'intersects', 'pmatch'].includes(operator) || items.length !== 1 || only === undefined
          ? { type: 'list', items, span }
          : only;
      const left = { type: 'field', name: field, argument: argument ?? null, span } as const;
      const node: ComparisonNode = { type: 'comparison', left, operator, modifier: null, right, span };
      this.#owners.set(node, exception.place);
      return node;
    };
    const alternatives: Condition[] = exception.single
      ? [comparison(0, exception.values)]
      : exception.values.map((tuple) => ({
          type: 'and',
          children: (tuple.type === 'list' ? tuple.items : [tuple]).map((value, index) => comparison(index, [value])),
          span,
        }));
    return [{ type: 'not', child: { type: 'or', children: alternatives, span }, span }];
  }

  #exceptionLiterals(value: ExceptionValue): LiteralNode[] {
    if (value.type === 'list') return value.items.flatMap((inner) => this.#exceptionLiterals(inner));
    // Falco takes a value in parentheses apart: `(a, b)` is a list in one text.
    const inner = /^\((.*)\)$/.exec(value.text.trim());
    const texts =
      inner === null || value.quoted ? [value.text] : (inner[1] ?? '').split(',').map((text) => text.trim());
    return texts.flatMap((text) =>
      this.#expand({ type: 'literal', text, quoted: value.quoted, span: { start: 0, end: 0 } }, SEES_ALL),
    );
  }

  #check(condition: Condition, catalogue: FieldCatalogue<never>, item: RuleItem): void {
    const problems = checkCondition(condition, catalogue);
    if (problems.length === 0) return;
    const skipped = item.skipIfUnknownFilter && problems.every(({ unknownField }) => unknownField);
    for (const { node, span, message, hint } of problems) {
      const owner = this.#owners.get(node);
      const place = owner === undefined ? item.place : 'pieces' in owner ? placeIn(owner, span.start) : owner;
      const code = skipped ? 'LOAD_UNKNOWN_FILTER' : 'LOAD_ERR_COMPILE_CONDITION';
      this.#report(place, { kind: 'rule', name: item.name }, code, { message, hint, warning: skipped });
    }
    throw new ItemFault();
  }

  #output(item: RuleItem, catalogue: FieldCatalogue<never>): Rule['output'] {
    const text = textOf(item.output);
    const { template, problems } = parseOutput(text, (name) => findField(catalogue, name, null) !== null);
    for (const { message, offset } of problems) {
      const name = message.split(' ').at(-1) ?? '';
      const near = nearestName(name, catalogue.fields.keys());
      const skipped = item.skipIfUnknownFilter;
      this.#report(
        placeIn(item.output, offset),
        { kind: 'rule', name: item.name },
        skipped ? 'LOAD_UNKNOWN_FILTER' : 'LOAD_ERR_COMPILE_OUTPUT',
        {
          message,
          hint: near === null ? 'the source has no such field' : `did you mean %${near}?`,
          warning: skipped,
        },
      );
    }
    if (problems.length > 0) throw new ItemFault();
    return template;
  }

  #warnUnused(): void {
    for (const macro of this.#collected.macros.values()) {
      if (macro.used) continue;
      const message = 'Macro not referred to by any other rule/macro';
      this.#report(macro.place, { kind: 'macro', name: macro.name }, 'LOAD_UNUSED_MACRO', {
        message,
        hint: null,
        warning: true,
      });
    }
    for (const list of this.#collected.lists.values()) {
      if (list.used) continue;
      const message = 'List not referred to by any other rule/macro';
      this.#report(list.place, { kind: 'list', name: list.name }, 'LOAD_UNUSED_LIST', {
        message,
        hint: null,
        warning: true,
      });
    }
  }

  #report(
    place: Place,
    about: About,
    code: string,
    more: { readonly message: string; readonly hint: string | null; readonly warning?: boolean },
  ): void {
    const { message, hint } = more;
    const severity = more.warning === true ? 'warning' : 'error';
    this.#diagnostics.push(diagnosticAt(place, { code, severity, message, hint, item: about }));
  }
}

interface ReplaceContext {
  readonly item: { readonly visibility: number; readonly place: Place };
  readonly text: GluedText;
  readonly about: About;
  readonly stack: readonly MacroItem[];
}

/** What a rule sees: everything, wherever it stands. */
const SEES_ALL = { visibility: Number.POSITIVE_INFINITY };

/** Lists are put into conditions as text, so an item may bring quotes of its own: `'"10.0.0.0/8"'`. */
function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}
