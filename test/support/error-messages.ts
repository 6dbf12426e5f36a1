import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** A message that the code gives users, with `…` for what differs from one time to another. */
export interface SourceMessage {
  readonly place: string;
  readonly message: string;
}

/** The classes of errors whose message is for the user. */
export function expectedErrors(): readonly string[] {
  const found = new Set(['ExpectedError']);
  const classes = sources().flatMap(({ text }) => [...text.matchAll(/class (\w+) extends (\w+)/g)]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const [, name = '', base = ''] of classes) if (found.has(base)) found.add(name);
  }
  found.delete('ExpectedError');
  return [...found];
}

/** Whose zod rules and plain errors become the faults of a configuration. */
const rulesOfSettings = [join('config', 'setting-types.ts'), join('images', 'image-address.ts')];

/**
 * Every message written out where such an error is made, where a command refuses how it is used, as the problem of a
 * setting or of several (`problem:`, `message:`, `problems`), and in the rules that settings keep.
 */
export function messagesInSource(): readonly SourceMessage[] {
  const makers = new Set(expectedErrors());
  return sources().flatMap(({ path, text }) => {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const found: SourceMessage[] = [];
    const holdsRules = rulesOfSettings.includes(relative(src, path));
    const visit = (node: ts.Node): void => {
      const place = `${relative(src, path)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
      const told = toldAt(node, file, makers, holdsRules);
      if (told !== undefined) found.push(...literalsOf(told).map((message) => ({ place, message })));
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
}

/** What a user is told by way of this node, where it is one that tells. */
function toldAt(
  node: ts.Node,
  file: ts.SourceFile,
  makers: ReadonlySet<string>,
  holdsRules: boolean,
): ts.Expression | undefined {
  if (ts.isNewExpression(node)) {
    const name = node.expression.getText(file);
    return makers.has(name) || (holdsRules && name === 'Error') ? node.arguments?.[0] : undefined;
  }
  if (ts.isCallExpression(node)) {
    const called = node.expression.getText(file);
    if (/^(refuse|made\.error)$/.test(called)) return node.arguments[0];
    return holdsRules && /\.(regex|refine|min)$/.test(called) ? node.arguments[1] : undefined;
  }
  if (!ts.isPropertyAssignment(node) && !ts.isVariableDeclaration(node)) return undefined;
  const isOneOfProblems =
    ts.isVariableDeclaration(node.parent.parent) && node.parent.parent.name.getText(file) === 'problems';
  return isOneOfProblems || /^(problem|message)$/.test(node.name.getText(file))
    ? node.initializer
    : undefined;
}

function literalsOf(node: ts.Expression): readonly string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) {
    return [node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')];
  }
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)];
  if (ts.isBinaryExpression(node)) return [[node.left, node.right].flatMap(literalsOf).join('')];
  return [];
}

function sources(): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ path: join(src, name), text: readFileSync(join(src, name), 'utf8') }));
}
