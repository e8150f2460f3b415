/** Sizes that keep code readable: files, functions, and the opening comment that says what a file is for. */
import { astOf, type Fault, isNode, isTest, lineOf, type Node, type SourceFile, type Tree, walk } from './sources.ts';

const FILE_LINES_WITH_A_REASON = 500;
const FILE_LINES_MOST = 800;
const FUNCTION_LINES_MOST = 70;
/** What the first comment of a file over 500 lines must contain. */
const REASON = /long because/i;
/** A test's `describe` holds many tests; a component holds its markup. Their bodies are lists, not logic. */
const TEST_WRAPPER = /^(describe\w*|test|it|suite)\b/;

export function sizes(tree: Tree): Fault[] {
  return tree.flatMap((file) => [...fileFaults(file), ...functionFaults(file)]);
}

function fileFaults(file: SourceFile): Fault[] {
  const lines = file.text.split('\n').length;
  const opening = openingComment(file.text);
  const faults: Fault[] = [];
  if (opening === null)
    faults.push({ path: file.path, line: 1, message: 'opens without a comment that says what it is for' });
  if (lines > FILE_LINES_MOST)
    faults.push({ path: file.path, line: lines, message: `${lines} lines: split it by meaning` });
  else if (lines > FILE_LINES_WITH_A_REASON && !REASON.test(opening ?? '')) {
    faults.push({
      path: file.path,
      line: lines,
      message: `${lines} lines without a "long because …" in its first comment`,
    });
  }
  return faults;
}

function openingComment(text: string): string | null {
  const match = /^(?:#![^\n]*\n)?\s*(\/\*[\s\S]*?\*\/|(?:\/\/[^\n]*\n)+)/.exec(text);
  return match?.[1] ?? null;
}

function functionFaults(file: SourceFile): Fault[] {
  const faults: Fault[] = [];
  walk(astOf(file), (node, parent) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
    if (isTest(file.path) && isWrapped(file, parent)) return;
    const lines = lineOf(file, node.end) - lineOf(file, node.start) + 1;
    if (lines > FUNCTION_LINES_MOST) {
      faults.push({
        path: file.path,
        line: lineOf(file, node.start),
        message: `a function of ${lines} lines; ${FUNCTION_LINES_MOST} at most`,
      });
    }
  });
  return faults;
}

function isWrapped(file: SourceFile, parent: Node | null): boolean {
  const callee = parent?.type === 'CallExpression' ? parent['callee'] : null;
  return isNode(callee) && TEST_WRAPPER.test(file.text.slice(callee.start, callee.end));
}
