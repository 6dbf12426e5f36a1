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

/** Every message written out where such an error is made, or where a command refuses how it is used. */
export function messagesInSource(): readonly SourceMessage[] {
  const makers = new Set(expectedErrors());
  return sources().flatMap(({ path, text }) => {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const found: SourceMessage[] = [];
    const visit = (node: ts.Node): void => {
      const isMade = ts.isNewExpression(node) && makers.has(node.expression.getText(file));
      const isRefused =
        ts.isCallExpression(node) && /^(refuse|made\.error)$/.test(node.expression.getText(file));
      if (isMade || isRefused) {
        const [argument] = node.arguments ?? [];
        if (argument !== undefined) {
          const place = `${relative(src, path)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
          found.push(...literalsOf(argument).map((message) => ({ place, message })));
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
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
