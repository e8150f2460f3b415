/**
 * YAML → items with positions, and nothing about their meaning. Every scalar stays the text that was written (`1.0`, `yes`,
 * `0x1F`), as Falco reads it; aliases are followed a bounded number of times.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import type { Diagnostic } from './diagnostic.ts';
import { diagnosticAt, type RuleFile, type TextPiece } from './rule-text.ts';

/** A larger file of rules is refused; the public ones have under 100 KB. */
export const MAXIMUM_FILE_LENGTH = 8 * 1024 * 1024;
export const MAXIMUM_ITEMS = 20_000;
const MAXIMUM_VALUES = 200_000;
const MAXIMUM_DEPTH = 12;

export type YamlValue =
  | { readonly type: 'text'; readonly piece: TextPiece }
  | { readonly type: 'list'; readonly items: readonly YamlValue[]; readonly offset: number }
  | { readonly type: 'map'; readonly entries: ReadonlyMap<string, YamlEntry>; readonly offset: number };

export interface YamlEntry {
  readonly keyOffset: number;
  readonly value: YamlValue;
}

/** One element of a file's top-level list. */
export interface RawItem {
  readonly file: RuleFile;
  readonly offset: number;
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

const CONTENT = { kind: 'rules content', name: '' } as const;
const CONTENT_ITEM = { kind: 'rules content item', name: '' } as const;

export function readRuleFile(file: RuleFile): { items: readonly RawItem[]; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const complain = (offset: number, message: string, hint: string | null, item: Diagnostic['item'] = CONTENT) => {
    diagnostics.push(
      diagnosticAt({ file, offset }, { code: 'LOAD_ERR_YAML_VALIDATE', severity: 'error', message, hint, item }),
    );
  };
  if (file.text.length > MAXIMUM_FILE_LENGTH) {
    complain(0, `the file has ${file.text.length} characters, ${MAXIMUM_FILE_LENGTH} at most`, 'split the file');
    return { items: [], diagnostics };
  }
  const items: RawItem[] = [];
  for (const document of parseDocuments(file)) {
    const broken = document.errors[0];
    if (broken !== undefined) {
      diagnostics.push(
        diagnosticAt(
          { file, offset: broken.pos[0] },
          {
            code: 'LOAD_ERR_YAML_PARSE',
            severity: 'error',
            message: `not valid YAML: ${firstLine(broken.message)}`,
            item: CONTENT,
          },
        ),
      );
      continue;
    }
    const root = document.contents;
    if (root === null || (isScalar(root) && root.value === null)) continue;
    if (!isSeq(root)) {
      if (isScalar(root) && typeof root.value === 'string' && root.value.trim() === '') continue;
      complain(
        startOf(root),
        isScalar(root) ? 'Rules content is not yaml' : 'Rules content is not yaml array of objects',
        'begin each rule with `- rule: name`',
      );
      continue;
    }
    const budget = { values: MAXIMUM_VALUES };
    for (const element of root.items) {
      const node = follow(element as Node, document);
      if (!isMap(node)) {
        complain(
          startOf(node),
          'Unexpected element type. Each element should be a yaml associative array.',
          'begin each element with `- rule:`, `- macro:` or `- list:`',
          CONTENT_ITEM,
        );
      } else if (items.length >= MAXIMUM_ITEMS) {
        complain(startOf(node), `more than ${MAXIMUM_ITEMS} items in one file`, 'split the file');
        break;
      } else {
        items.push({ file, offset: startOf(node), entries: entriesOf(node, file, document, { budget, depth: 0 }) });
      }
    }
  }
  return { items, diagnostics };
}

function parseDocuments(file: RuleFile): readonly Document[] {
  const documents = parseAllDocuments(file.text, {
    schema: 'failsafe',
    strict: true,
    uniqueKeys: true,
    prettyErrors: false,
  });
  return Array.isArray(documents) ? (documents as Document[]) : [];
}

interface Bounds {
  readonly budget: { values: number };
  readonly depth: number;
}

function entriesOf(map: YAMLMap, file: RuleFile, document: Document, bounds: Bounds): ReadonlyMap<string, YamlEntry> {
  const entries = new Map<string, YamlEntry>();
  for (const pair of map.items) {
    const key = pair.key as Node;
    const name = isScalar(key) ? String(key.value) : '';
    const value = valueOf(pair.value as Node | null, startOf(key), file, document, bounds);
    if (value !== null) entries.set(name, { keyOffset: startOf(key), value });
  }
  return entries;
}

function valueOf(
  raw: Node | null,
  fallbackOffset: number,
  file: RuleFile,
  document: Document,
  bounds: Bounds,
): YamlValue | null {
  bounds.budget.values -= 1;
  if (bounds.budget.values < 0 || bounds.depth > MAXIMUM_DEPTH) return null;
  const node = raw === null ? null : follow(raw, document);
  const deeper = { budget: bounds.budget, depth: bounds.depth + 1 };
  if (node === null) {
    return { type: 'text', piece: { value: '', file, start: fallbackOffset, end: fallbackOffset } };
  }
  if (isSeq(node)) {
    const items = node.items.flatMap((item) => {
      const value = valueOf(item as Node | null, startOf(node), file, document, deeper);
      return value === null ? [] : [value];
    });
    return { type: 'list', items, offset: startOf(node) };
  }
  if (isMap(node)) return { type: 'map', entries: entriesOf(node, file, document, deeper), offset: startOf(node) };
  const value = isScalar(node) && typeof node.value === 'string' ? node.value : '';
  return { type: 'text', piece: { value, file, start: startOf(node), end: node.range?.[1] ?? startOf(node) } };
}

function follow(node: Node, document: Document): Node {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}
