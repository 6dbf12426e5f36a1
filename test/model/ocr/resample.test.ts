import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Raster } from '../../../src/domain/image.js';
import { resample } from '../../../src/model/ocr/resample.js';

const zero = [0, 0, 0];
const one = [1, 1, 1];

const rasters = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height })
      .map((pixels): Raster => ({ pixels: new Uint8Array(pixels), width, height })),
  );
const wholeOf = ({ width, height }: Raster) => ({ left: 0, top: 0, right: width, bottom: height });

it('a raster at its own size stays as it is, channel by channel', () => {
  fc.assert(
    fc.property(rasters, (raster) => {
      const { pixels, width, height } = raster;
      const data = resample(raster, wholeOf(raster), [width, height], zero, one);
      const again = Array.from(pixels, (_, at) => {
        const [pixel, channel] = [Math.floor(at / 3), at % 3];
        return Math.round((data[channel * width * height + pixel] ?? NaN) * 255);
      });
      expect(again).toEqual([...pixels]);
    }),
  );
});

it('no value leaves the range of the values it comes from, whatever the part and the size', () => {
  const side = fc.integer({ min: 1, max: 20 });
  const place = fc.double({ min: -3, max: 12, noNaN: true });
  fc.assert(
    fc.property(rasters, side, side, place, place, (raster, width, height, left, top) => {
      const box = { left, top, right: left + 4, bottom: top + 4 };
      const data = resample(raster, box, [width, height], zero, one);
      expect(data).toHaveLength(3 * width * height);
      expect(Math.min(...data)).toBeGreaterThanOrEqual(Math.min(...raster.pixels) / 255 - 1e-6);
      expect(Math.max(...data)).toBeLessThanOrEqual(Math.max(...raster.pixels) / 255 + 1e-6);
    }),
  );
});

it('half the size is the mean of two by two pixels, normalised with mean and deviation', () => {
  const raster = { pixels: Uint8Array.from([0, 0, 0, 100, 0, 0, 0, 0, 50, 200, 0, 50]), width: 2, height: 2 };
  const [red, green, blue] = resample(raster, wholeOf(raster), [1, 1], [0.5, 0, 0], [0.5, 1, 2]);
  expect(red).toBeCloseTo((75 / 255 - 0.5) / 0.5, 5);
  expect(green).toBe(0);
  expect(blue).toBeCloseTo(25 / 255 / 2, 5);
});
