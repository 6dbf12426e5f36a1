import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every page in Markdown that belongs to the repository, by its path. */
export const pages: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter((path) => path !== '');

export const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

const fence = /^( *)```.*?^\1```/gms;

/** Where a page's links and images lead, those within code left out. */
export function linksOf(text: string): readonly string[] {
  const prose = text.replace(fence, '').replace(/`[^`\n]*`/g, '');
  return [
    ...[...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    ...[...prose.matchAll(/<img[^>]* src="([^"]+)"/g)].map(([, target = '']) => target),
  ];
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  return new Set(
    [...text.replace(fence, '').matchAll(/^#+ +(.+?) *$/gm)].map(([, heading = '']) => {
      const slug = heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-');
      const before = seen.get(slug) ?? 0;
      seen.set(slug, before + 1);
      return before === 0 ? slug : `${slug}-${before}`;
    }),
  );
}

/** The lines of a page's code, fenced and within lines, without what stands in double quotes. */
export function codeOf(text: string): readonly string[] {
  const fenced = [...text.matchAll(fence)].flatMap(([block]) => block.split('\n').slice(1, -1));
  const inline = [...text.replace(fence, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  return [...fenced, ...inline].map((line) => line.replace(/"[^"]*"/g, '""').replace(/\s+/g, ' '));
}
