const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** A line's bytes; `undefined` stands for a line that is too long. */
export type Line = Buffer | undefined;

/**
 * Splits bytes into lines, without their ends (LF or CRLF), a byte order mark at the very beginning, or copying. The
 * last line needs no end. Of a line that is longer than `maxLineBytes` nothing is kept.
 *
 * @returns for each piece of input the lines that it completes
 */
export async function* splitLines(
  input: AsyncIterable<Buffer | string>,
  maxLineBytes: number,
): AsyncGenerator<readonly Line[]> {
  /** The beginning of a line whose end has not come yet. */
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let isFirst = true;

  const add = (piece: Buffer): void => {
    begunBytes += piece.length;
    if (begunBytes > maxLineBytes) begun = [];
    else begun.push(piece);
  };
  const complete = (end: Buffer): Line => {
    add(end);
    let line = begun.length > 1 ? Buffer.concat(begun) : begun[0];
    if (isFirst && line?.subarray(0, 3).equals(byteOrderMark)) line = line.subarray(3);
    begun = [];
    begunBytes = 0;
    isFirst = false;
    return line?.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
  };

  for await (const chunk of input) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const lines: Line[] = [];
    let start = 0;
    for (let end; (end = piece.indexOf(newline, start)) !== -1; start = end + 1) {
      lines.push(complete(piece.subarray(start, end)));
    }
    if (lines.length > 0) yield lines;
    add(piece.subarray(start));
  }
  if (begunBytes > 0) yield [complete(Buffer.alloc(0))];
}
