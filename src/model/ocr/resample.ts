import type { Raster } from '../../domain/image.js';

/** A part of a raster in its pixels; right and bottom are exclusive. */
export interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * A part of a raster, resized bilinearly, channel by channel: float32 `[3, height, width]` of (value / 255 - mean) / std.
 * A target pixel's centre lies over the same share of the part as in the target, which is how OpenCV's INTER_LINEAR and
 * so PaddleOCR does it.
 *
 * @param mean of each channel, red first; likewise `std`
 */
export function resample(
  { pixels, width: columns, height: rows }: Raster,
  { left, top, right, bottom }: PixelBox,
  [width, height]: readonly [width: number, height: number],
  mean: readonly number[],
  std: readonly number[],
): Float32Array {
  const across = Array.from({ length: width }, (_, x) =>
    between(left + ((x + 0.5) * (right - left)) / width - 0.5, columns),
  );
  const data = new Float32Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const [above, below, down] = between(top + ((y + 0.5) * (bottom - top)) / height - 0.5, rows);
    for (let x = 0; x < width; x++) {
      const [before, after, along] = across[x] ?? [0, 0, 0];
      for (let channel = 0; channel < 3; channel++) {
        const at = (row: number, column: number) => pixels[(row * columns + column) * 3 + channel] ?? 0;
        const upper = at(above, before) * (1 - along) + at(above, after) * along;
        const lower = at(below, before) * (1 - along) + at(below, after) * along;
        const value = upper * (1 - down) + lower * down;
        data[(channel * height + y) * width + x] = (value / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1);
      }
    }
  }
  return data;
}

/** The two pixels of so many that a place lies between, and how far it is towards the second. */
function between(place: number, count: number): readonly [first: number, second: number, share: number] {
  const kept = Math.min(count - 1, Math.max(0, place));
  const first = Math.floor(kept);
  return [first, Math.min(count - 1, first + 1), kept - first];
}
