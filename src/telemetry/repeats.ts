/** How long, in milliseconds, lines of one kind are counted together, and how many of them are written. */
const windowMs = 10_000;
const mostLines = 5;

/** What is to be done with a line: how many of its kind were left out before it, or undefined to leave it out too. */
export type RepeatLimit = (kind: string) => { readonly leftOut: number } | undefined;

/**
 * Keeps a flood of lines of one kind from burying the others: five in ten seconds are written, and the next after that
 * tells how many were not. Kinds are a closed list, so that what is remembered stays small.
 */
export function limitRepeats(now: () => number = () => performance.now()): RepeatLimit {
  const kinds = new Map<string, { since: number; lines: number; leftOut: number }>();
  return (kind) => {
    const time = now();
    const known = kinds.get(kind);
    if (known === undefined || time - known.since >= windowMs) {
      kinds.set(kind, { since: time, lines: 1, leftOut: 0 });
      return { leftOut: known?.leftOut ?? 0 };
    }
    known.lines += 1;
    if (known.lines <= mostLines) return { leftOut: 0 };
    known.leftOut += 1;
    return undefined;
  };
}
