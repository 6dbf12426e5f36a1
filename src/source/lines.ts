const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Splits bytes into lines, without their ends (LF or CRLF), a byte order mark at the very beginning, or copying. The
 * last line needs no end.
 *
 * @returns for each piece of input the lines that it completes
 * @throws RangeError when a line is longer than `maxLineBytes`
 */
export async function* splitLines(
  input: AsyncIterable<Buffer | string>,
  maxLineBytes: number,
): AsyncGenerator<readonly Buffer[]> {
  /** The beginning of a line whose end has not come yet. */
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let lineNumber = 1;

  const complete = (end: Buffer): Buffer => {
    let line = begun.length === 0 ? end : Buffer.concat([...begun, end]);
    if (lineNumber === 1 && line.subarray(0, 3).equals(byteOrderMark)) line = line.subarray(3);
    if (line.length > maxLineBytes) throw tooLong();
    begun = [];
    begunBytes = 0;
    lineNumber += 1;
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
  };
  const tooLong = (): RangeError => new RangeError(`line ${lineNumber} is longer than ${maxLineBytes} bytes`);

  for await (const chunk of input) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const lines: Buffer[] = [];
    let start = 0;
    for (let end; (end = piece.indexOf(newline, start)) !== -1; start = end + 1) {
      lines.push(complete(piece.subarray(start, end)));
    }
    if (lines.length > 0) yield lines;
    begun.push(piece.subarray(start));
    begunBytes += piece.length - start;
    if (begunBytes > maxLineBytes) throw tooLong();
  }
  if (begunBytes > 0) yield [complete(Buffer.alloc(0))];
}
