import type { z } from 'zod';

/** More faults than these are counted, not told: a message has to fit a dead letter's header. */
const mostTold = 5;

/** A schema's message: "missing" where the field is not there, else what was expected in its place. */
export function expected(what: string) {
  return {
    error: ({ input }: { readonly input?: unknown }) =>
      input === undefined ? 'missing' : `expected ${what}`,
  };
}

/** What is wrong with a message, in a few words, each with the path of its field: `images[1]: expected a string`. */
export function describeFaults({ issues }: z.ZodError): string {
  const told = issues.slice(0, mostTold).map(({ path, message }) => `${pathOf(path)}: ${message}`);
  const left = issues.length - told.length;
  return [...told, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}
