/** A tree back to text that parses to the same tree (but for spans): for the editor, for messages, for the property test. */
import type { Condition, LiteralNode, Operand, RightSide } from './ast.ts';

export function printCondition(condition: Condition): string {
  switch (condition.type) {
    case 'and':
    case 'or':
      return condition.children.map((child) => printChild(child)).join(` ${condition.type} `);
    case 'not':
      return `not ${printChild(condition.child)}`;
    case 'macro':
      return condition.name;
    case 'exists':
      return `${printOperand(condition.left)} exists`;
    case 'comparison': {
      const modifier = condition.modifier === null ? '' : `${condition.modifier} `;
      return `${printOperand(condition.left)} ${condition.operator} ${modifier}${printRight(condition)}`;
    }
  }
}

export function printOperand(operand: Operand): string {
  switch (operand.type) {
    case 'field':
      return operand.argument === null ? operand.name : `${operand.name}[${printArgument(operand.argument)}]`;
    case 'transform':
      return `${operand.name}(${operand.operands.map(printOperand).join(', ')})`;
    case 'literal':
      return printLiteral({ ...operand, quoted: true });
  }
}

/** Every nested chain gets parentheses, also one of its parent's kind: the tree says that the person grouped it. */
function printChild(child: Condition): string {
  return child.type === 'and' || child.type === 'or' ? `(${printCondition(child)})` : printCondition(child);
}

function printRight(comparison: { readonly operator: string; readonly right: RightSide }): string {
  const { right } = comparison;
  switch (right.type) {
    case 'literal':
      return printLiteral(right);
    case 'list':
      return `(${right.items.map(printLiteral).join(', ')})`;
    case 'field':
      return `val(${printOperand(right)})`;
    case 'transform':
      return printOperand(right);
  }
}

function printLiteral(literal: LiteralNode): string {
  if (!literal.quoted && literal.text !== '') return literal.text;
  const escaped = literal.text.replace(/[\\"\b\f\n\r\t]/g, (character) => ESCAPED[character] ?? character);
  return `"${escaped}"`;
}

function printArgument(argument: string): string {
  return /^[^ \b\t\n\r[\]"']+$/.test(argument)
    ? argument
    : printLiteral({ type: 'literal', text: argument, quoted: true, span: { start: 0, end: 0 } });
}

const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};
