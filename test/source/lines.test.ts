import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from '../../src/source/lines.js';

/** Stands here for a line that is too long. */
const tooLong = '(too long)';

async function linesOf(pieces: readonly Buffer[], maxLineBytes = 1_000): Promise<string[][]> {
  const lines: string[][] = [];
  for await (const group of splitLines(ReadableStream.from(pieces), maxLineBytes))
    lines.push(group.map((one) => (one === undefined ? tooLong : String(one))));
  return lines;
}

const line = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replace(/[\r\n\uFEFF]/g, ''));

test('Lines come out as they went in, wherever the input is cut and however lines end', async () => {
  const input = fc.record({
    lines: fc.array(line, { minLength: 1, maxLength: 30 }),
    end: fc.constantFrom('\n', '\r\n'),
    mark: fc.constantFrom('', '\uFEFF'),
    last: fc.constantFrom('', 'unended'),
    cuts: fc.array(fc.nat(700), { maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ lines, end, mark, last, cuts }) => {
      const text = Buffer.from(mark + lines.map((one) => one + end).join('') + last);
      const ends = [...cuts.filter((cut) => cut < text.length), text.length].sort((a, b) => a - b);
      const pieces = ends.map((cut, index) => text.subarray(ends[index - 1] ?? 0, cut));

      const expected = [...lines, ...(last === '' ? [] : [last])].map((one) => String(Buffer.from(one)));
      expect((await linesOf(pieces)).flat()).toEqual(expected);
    }),
  );
});

test('A line is given out as soon as its end is there', async () => {
  expect(await linesOf([Buffer.from('a\nb\nc'), Buffer.from('d\n'), Buffer.from('e')])).toEqual([
    ['a', 'b'],
    ['cd'],
    ['e'],
  ]);
});

test('A line over the limit is passed over to its end, however it is cut, and the lines after it come out', async () => {
  const text = Buffer.from(`ok\n${'x'.repeat(30)}\r\nfine\n${'y'.repeat(31)}`);

  for (const pieces of [
    [text],
    [text.subarray(0, 20), text.subarray(20)],
    [...text].map((byte) => Buffer.of(byte)),
  ]) {
    expect((await linesOf(pieces, 10)).flat()).toEqual(['ok', tooLong, 'fine', tooLong]);
    expect((await linesOf(pieces, 31)).flat()).toEqual(['ok', 'x'.repeat(30), 'fine', 'y'.repeat(31)]);
  }
});
