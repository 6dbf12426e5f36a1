import fc from 'fast-check';
import { expect, it } from 'vitest';
import { detectText } from '../../../src/model/ocr/text-detector.js';

/** A map of rows in which a digit stands for so many tenths. */
function mapOf(rows: readonly string[]): readonly [map: Float32Array, width: number, height: number] {
  const cells = rows.flatMap((row) => [...row].map((cell) => Number(cell) / 10));
  return [Float32Array.from(cells), rows[0]?.length ?? 0, rows.length];
}

it('a region is what hangs together, widened by its area over its circumference', () => {
  const blank = '000000000000';
  const regions = detectText(
    ...mapOf([blank, blank, '000999999000', '000999999000', '000999999000', blank, blank]),
  );
  // 6 × 3 pixels, 18 × 1.5 / 18 = 1.5 to each side.
  expect(regions).toEqual([{ left: 1, top: 0, right: 11, bottom: 7 }]);
});

it('small, faint and unsure regions are noise', () => {
  expect(detectText(...mapOf(['000000', '099000', '099000', '000000']))).toEqual([]);
  expect(detectText(...mapOf(['222222', '222222', '222222', '222222']))).toEqual([]);
  expect(detectText(...mapOf(['555555', '555555', '555555', '555555']))).toEqual([]);
});

it('regions are read from the top down, and from left to right in a line', () => {
  const rows = Array.from({ length: 40 }, () => Array<string>(60).fill('0'));
  const draw = (left: number, top: number) => {
    for (let y = top; y < top + 6; y++) rows[y]?.splice(left, 12, ...Array<string>(12).fill('9'));
  };
  draw(40, 3);
  draw(4, 5);
  draw(8, 25);
  const regions = detectText(...mapOf(rows.map((row) => row.join(''))));
  expect(regions.map(({ left, right }) => Math.round((left + right) / 2))).toEqual([10, 46, 14]);
});

it('every region lies within the map, whatever the map is', () => {
  const size = fc.tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }));
  const maps = size.chain(([width, height]) =>
    fc
      .array(fc.constantFrom(0, 0.2, 0.5, 0.9), { minLength: width * height, maxLength: width * height })
      .map((cells) => [Float32Array.from(cells), width, height] as const),
  );
  fc.assert(
    fc.property(maps, ([map, width, height]) => {
      for (const { left, top, right, bottom } of detectText(map, width, height)) {
        expect(0 <= left && left < right && right <= width).toBe(true);
        expect(0 <= top && top < bottom && bottom <= height).toBe(true);
      }
    }),
  );
});
