import type { PixelBox } from './resample.js';

/** PaddleOCR's own settings of its detector (`det_db_thresh`, `det_db_box_thresh`, `det_db_unclip_ratio`). */
const leastPixel = 0.3;
const leastRegion = 0.6;
const unclip = 1.5;
/** Regions with a shorter side, in pixels, are noise: PaddleOCR's `min_size`. */
const leastSide = 3;
/** So many regions are read at most, the surest first. */
const mostRegions = 48;

/**
 * Finds the lines of text in a detector's map: the connected regions of pixels that are probably text, each in an upright
 * box that is widened, since the detector is trained to find the text's shrunken core (differentiable binarization: Liao
 * et al., AAAI 2020, arXiv 1911.08947, section 3.4).
 *
 * @param map the probability that a pixel is text, `[height, width]`
 * @returns the boxes in the order of reading
 */
export function detectText(map: Float32Array, width: number, height: number): readonly PixelBox[] {
  const seen = new Uint8Array(map.length);
  const found: { readonly box: PixelBox; readonly sure: number }[] = [];
  for (let start = 0; start < map.length; start++) {
    if (seen[start] === 1 || !isText(start)) continue;
    const { box, mean } = regionFrom(start);
    const shorter = Math.min(box.right - box.left, box.bottom - box.top);
    if (shorter >= leastSide && mean >= leastRegion) found.push({ box: widened(box), sure: mean });
  }
  found.sort((one, other) => other.sure - one.sure);
  return inReadingOrder(found.slice(0, mostRegions).map(({ box }) => box));

  function isText(at: number): boolean {
    return (map[at] ?? 0) >= leastPixel;
  }

  /** The pixels of text that hang together with the first, each marked as seen. */
  function regionFrom(first: number): { readonly box: PixelBox; readonly mean: number } {
    let [left, top, right, bottom] = [width, height, 0, 0];
    let sum = 0;
    const region = [first];
    seen[first] = 1;
    // It grows while it is gone through.
    for (const at of region) {
      const [x, y] = [at % width, Math.floor(at / width)];
      sum += map[at] ?? 0;
      [left, right, top, bottom] = [
        Math.min(left, x),
        Math.max(right, x + 1),
        Math.min(top, y),
        Math.max(bottom, y + 1),
      ];
      if (x > 0) visit(at - 1);
      if (x < width - 1) visit(at + 1);
      if (y > 0) visit(at - width);
      if (y < height - 1) visit(at + width);
    }
    return { box: { left, top, right, bottom }, mean: sum / region.length };

    function visit(at: number): void {
      if (seen[at] === 1 || !isText(at)) return;
      seen[at] = 1;
      region.push(at);
    }
  }

  function widened({ left, top, right, bottom }: PixelBox): PixelBox {
    const [across, down] = [right - left, bottom - top];
    const by = (across * down * unclip) / (2 * (across + down));
    return {
      left: Math.max(0, Math.floor(left - by)),
      top: Math.max(0, Math.floor(top - by)),
      right: Math.min(width, Math.ceil(right + by)),
      bottom: Math.min(height, Math.ceil(bottom + by)),
    };
  }
}

/** From the top down, and from left to right among those whose middles lie within the first one's height. */
function inReadingOrder(boxes: readonly PixelBox[]): readonly PixelBox[] {
  const middle = ({ top, bottom }: PixelBox) => (top + bottom) / 2;
  const remaining = [...boxes].sort((one, other) => middle(one) - middle(other));
  const ordered: PixelBox[] = [];
  while (remaining[0] !== undefined) {
    const first = remaining[0];
    const end = remaining.findIndex((box) => middle(box) > first.bottom);
    const line = remaining.splice(0, end < 0 ? remaining.length : end);
    ordered.push(...line.sort((one, other) => one.left - other.left));
  }
  return ordered;
}
