import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from '../../src/source/lines.js';

async function linesOf(pieces: readonly Buffer[], maxLineBytes = 1_000): Promise<string[][]> {
  const lines: string[][] = [];
  for await (const group of splitLines(ReadableStream.from(pieces), maxLineBytes))
    lines.push(group.map(String));
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

test('A line over the limit is an error that names it, however it is cut', async () => {
  const tooLong = Buffer.from(`ok\n${'x'.repeat(30)}\n`);

  await expect(linesOf([tooLong], 29)).rejects.toThrow('line 2 is longer than 29 bytes');
  await expect(linesOf([tooLong.subarray(0, 20), tooLong.subarray(20)], 10)).rejects.toThrow(
    'line 2 is longer than 10 bytes',
  );
  expect(await linesOf([tooLong], 30)).toHaveLength(1);
});
