import sharp, { type Sharp } from 'sharp';
import {
  absent,
  type AbsentImage,
  type Box,
  type DecodedImage,
  type Image,
  type Raster,
} from '../domain/image.js';
import { countJpegScans, detectImageFormat } from './image-format.js';
import { createPixelBudget } from './pixel-budget.js';

// libvips's own settings, one set for the process. Images come from strangers: only the loaders of the four
// formats may run (an SVG could read files and fonts). No two images share anything worth a cache, and the
// caller's concurrency is the parallelism.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
});
sharp.cache(false);
sharp.concurrency(1);

/** Seconds of work on one image; a photo within the pixel limit takes well under one. */
const timeoutSeconds = 10;

/** mozjpeg writes up to 16. At 50 megapixels each costs some 15 ms, which no time-out interrupts. */
const mostScans = 50;

const white = '#ffffff';

/** The longer side, in pixels, at which text is read: PaddleOCR's `det_limit_side_len`. */
const pageSide = 960;

export interface ImageDecoderOptions {
  /** The shorter side after resizing, in pixels, at least `size`. */
  readonly resize: number;
  /** Width and height of the centre that is cut out, in pixels. */
  readonly size: number;
  /**
   * The largest image taken, width times height, and all that is decoded at the same time: libvips takes up to 9 bytes a
   * pixel (measured: an interlaced PNG of 16 bits a channel).
   */
  readonly maxPixels: number;
  /** Whether the whole photo is kept as well, for its text to be read. */
  readonly readText?: boolean;
}

export interface ImageDecoder {
  /**
   * Decodes a JPEG, PNG, WebP or GIF file (of the latter two the first frame) as the image encoder was
   * trained to see photos: upright by its EXIF orientation, in sRGB, transparent parts on white, the shorter
   * side resized with a bicubic filter, the centre cut out.
   *
   * @returns `size` × `size` pixels in a buffer of their own; or absent, as `not_an_image`, `undecodable`, `too_large` or `timed_out`. It never rejects.
   */
  decode(bytes: Uint8Array): Promise<Image>;
}

export function createImageDecoder({
  resize,
  size,
  maxPixels,
  readText = false,
}: ImageDecoderOptions): ImageDecoder {
  const budget = createPixelBudget(maxPixels);
  const margin = Math.floor((resize - size) / 2);

  return {
    async decode(bytes) {
      if (detectImageFormat(bytes) === undefined) {
        return absent('not_an_image', 'the file is no JPEG, PNG, WebP or GIF');
      }
      try {
        const input = { limitInputPixels: maxPixels, failOn: 'error' } as const;
        // Of the header alone.
        const {
          format,
          width,
          height,
          isProgressive,
          autoOrient: shape,
        } = await sharp(bytes, input).metadata();
        if (format === 'jpeg' && isProgressive && countJpegScans(bytes) > mostScans) {
          return absent('undecodable', `a JPEG of more than ${mostScans} scans`);
        }
        return await budget.run(width * height, async () => {
          // "error" takes photos whose metadata only gives cause for warnings, and refuses truncated ones.
          const upright = () =>
            sharp(bytes, input)
              .timeout({ seconds: timeoutSeconds })
              .autoOrient()
              .flatten({ background: white });
          const { data } = await upright()
            .resize(resize, resize, { fit: 'cover', kernel: 'cubic', fastShrinkOnLoad: false })
            .extract({ left: margin, top: margin, width: size, height: size })
            .raw({ depth: 'uchar' })
            .toBuffer({ resolveWithObject: true });
          // sharp's own buffer may be a view of a larger one, which a cache would keep and a message to a worker clone.
          const pixels = new Uint8Array(data);
          const view = viewOf(shape, size / resize);
          const image = { kind: 'decoded', pixels, width: size, height: size, view } as const;
          return readText ? { ...image, page: await pageOf(upright()) } : image;
        });
      } catch (error) {
        return explain(error);
      }
    },
  };
}

/** The whole photo, shrunken where it is larger than text needs. */
async function pageOf(photo: Sharp): Promise<Raster> {
  const { data, info } = await photo
    .resize(pageSide, pageSide, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { pixels: new Uint8Array(data), width: info.width, height: info.height };
}

/** The centre of a photo that is `share` of its shorter side wide and high. */
function viewOf({ width, height }: { readonly width: number; readonly height: number }, share: number): Box {
  const shorter = Math.min(width, height);
  const [across, down] = [(share * shorter) / width, (share * shorter) / height];
  return [(1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2];
}

/** libvips has no error codes: two kinds of errors are recognised by their messages, which a test checks. */
function explain(error: unknown): AbsentImage {
  const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  if (detail.includes('exceeds pixel limit')) return absent('too_large', detail);
  if (detail.startsWith('timeout')) return absent('timed_out', detail);
  return absent('undecodable', detail);
}

/** A decoded image as a small JPEG file, for the live page. */
export function encodeThumbnail({ pixels, width, height }: DecodedImage): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 75 })
    .toBuffer();
}
