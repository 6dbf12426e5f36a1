/** An image on its way to the model, or the reason there is none. */

/** Why a post's image was not used: the closed list of the results' `image.reason`. */
export const imageAbsences = [
  'none',
  'given',
  'not_matching',
  'unreachable',
  'timed_out',
  'too_large',
  'not_an_image',
  'undecodable',
  'blocked_address',
  'circuit_open',
] as const;
export type ImageAbsence = (typeof imageAbsences)[number];

/** A part of a photo: left, top, right, bottom as fractions of its width and height, from its upper left corner. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** The part within `outer` that is `inner` of it: both as fractions of what holds them. */
export function boxWithin(outer: Box, inner: Box): Box {
  const [left, top, right, bottom] = outer;
  const [x, y] = [
    (part: number) => left + part * (right - left),
    (part: number) => top + part * (bottom - top),
  ];
  return [x(inner[0]), y(inner[1]), x(inner[2]), y(inner[3])];
}

/** Rows and columns of the grid of regions that a photo is looked at in. */
export const gridSide = 7;

/** How the model used the photo, of several, that belongs to the text best. */
export interface PhotoUse {
  /** Its place among the photos. */
  readonly number: number;
  /** Whether it belongs to the text enough to be used. */
  readonly used: boolean;
  /** The matching score, in [0, 1]; absent where nothing is known of such photos. */
  readonly match?: number;
  /** How much each region counts, rows first; they sum to 1. */
  readonly weights: readonly number[];
}

/** Pixels: 8-bit RGB, rows first, `height * width * 3` bytes. */
export interface Raster {
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** A photo's pixels as the image encoder takes them. */
export interface DecodedImage extends Raster {
  readonly kind: 'decoded';
  /** The part of the photo that they show. */
  readonly view: Box;
  /** The whole photo, where its text is to be read. */
  readonly page?: Raster;
}

/** No image, why, and what exactly happened (for people; not part of a result). */
export interface AbsentImage {
  readonly kind: 'absent';
  readonly reason: ImageAbsence;
  readonly detail?: string;
}

export type Image = DecodedImage | AbsentImage;

/** No image, for this reason. */
export function absent(reason: ImageAbsence, detail: string): AbsentImage {
  return { kind: 'absent', reason, detail };
}
