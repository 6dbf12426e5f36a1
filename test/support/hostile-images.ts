import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** What strangers send as images, by what it is, with what an image decoder has to make of it. */
export interface HostileImage {
  readonly name: string;
  readonly bytes: Buffer;
  /** The reasons it may be refused for; `decoded` where it is an image after all. */
  readonly ends: readonly string[];
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A PNG file of these chunks, with right checksums. */
function png(...chunks: readonly (readonly [type: string, data: Buffer])[]): Buffer {
  const parts = chunks.map(([type, data]) => {
    const content = Buffer.concat([Buffer.from(type), data]);
    return Buffer.concat([uint32(data.length), content, uint32(crc32(content))]);
  });
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1A\n', 'latin1'), ...parts]);
}

const end = ['IEND', Buffer.alloc(0)] as const;
const header = (width: number, height: number, depth: number, colour: number, interlaced = 0) =>
  [
    'IHDR',
    Buffer.concat([uint32(width), uint32(height), Buffer.from([depth, colour, 0, 0, interlaced])]),
  ] as const;

/** A black PNG of one bit a pixel, which is small however many pixels it has. */
export function blackPng(
  width: number,
  height: number,
  between: readonly (readonly [string, Buffer])[] = [],
): Buffer {
  const rows = deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))));
  return png(header(width, height, 1, 0), ...between, ['IDAT', rows], end);
}

/** A chunk of compressed text or of a compressed colour profile, of zeros that take a thousandth when packed. */
const packedZeros = (name: string, bytes: number): Buffer =>
  Buffer.concat([Buffer.from(`${name}\0\0`, 'latin1'), deflateSync(Buffer.alloc(bytes), { level: 9 })]);

/** A file with some of its bytes replaced. */
function patched(file: Buffer, at: number, bytes: Buffer): Buffer {
  const copy = Buffer.from(file);
  bytes.copy(copy, at);
  return copy;
}

const uint16 = (value: number, bigEndian: boolean): Buffer =>
  bigEndian ? Buffer.from([value >> 8, value & 255]) : Buffer.from([value & 255, value >> 8]);

/** A JPEG that says it has another size. */
function jpegSized(jpeg: Buffer, width: number, height: number): Buffer {
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return patched(jpeg, frame + 5, Buffer.concat([uint16(height, true), uint16(width, true)]));
}

/**
 * A progressive JPEG whose scans are all lawful and add nothing: each coefficient of the luminance comes bit by bit.
 * Each scan passes over all blocks.
 */
export async function jpegOfManyScans(side: number, scans: number): Promise<Buffer> {
  const jpeg = await sharp({ create: { width: side, height: side, channels: 3, background: '#888' } })
    .jpeg({ progressive: true, quality: 50 })
    .toBuffer();
  const parts: Buffer[] = [];
  for (let at = 2; jpeg[at + 1] !== 0xd9;) {
    let next = at + 2 + jpeg.readUInt16BE(at + 2);
    if (jpeg[at + 1] === 0xda) while (jpeg[next] !== 0xff || jpeg[next + 1] === 0) next += 1;
    parts.push(jpeg.subarray(at, next));
    at = next;
  }
  const isScan = (part: Buffer): boolean => part[1] === 0xda;
  const first = parts.findIndex(isScan);
  const template = parts.findIndex((part, index) => index > first && isScan(part) && part[5] === 1);
  const repeated: Buffer[] = [];
  for (let coefficient = 1; coefficient < 64; coefficient += 1) {
    for (let bit = 13; bit >= 0 && repeated.length < scans; bit -= 1) {
      const range = Buffer.from([coefficient, coefficient, ((bit === 13 ? 0 : bit + 1) << 4) | bit]);
      repeated.push(patched(parts[template] ?? jpeg, 7, range));
    }
  }
  const tables = parts[template - 1] ?? jpeg;
  return Buffer.concat([
    jpeg.subarray(0, 2),
    ...parts.slice(0, first + 1),
    tables,
    ...repeated,
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A GIF that says its screen and its one frame have these sizes. */
function gif(screen: readonly [number, number], frame: readonly [number, number], frames = 1): Buffer {
  const little = (value: number): Buffer => uint16(value, false);
  const picture = Buffer.concat([
    Buffer.from([0x2c, 0, 0, 0, 0]),
    ...frame.map(little),
    // No palette of its own, codes of 2 bits: clear, colour 0, end.
    Buffer.from([0, 2, 2, 0x44, 0x01, 0]),
  ]);
  return Buffer.concat([
    Buffer.from('GIF89a'),
    ...screen.map(little),
    Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255]),
    ...Array.from({ length: frames }, () => picture),
    Buffer.from([0x3b]),
  ]);
}

const svg = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY file SYSTEM "file:///etc/passwd">
<!ENTITY a "${'x'.repeat(100)}"><!ENTITY b "${'&a;'.repeat(100)}"><!ENTITY c "${'&b;'.repeat(100)}">]>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="65535" height="65535">
<image xlink:href="http://169.254.169.254/latest/meta-data/"/><image xlink:href="file:///etc/passwd"/>
<text>&file;&c;</text><script>alert(1)</script></svg>`;

/** Every file, small enough to be taken in under the default limits. */
export async function hostileImages(): Promise<readonly HostileImage[]> {
  const small = sharp({ create: { width: 64, height: 64, channels: 3, background: '#c33' } });
  const [jpeg, pngFile, webp, gifFile] = await Promise.all(
    (['jpeg', 'png', 'webp', 'gif'] as const).map((format) => small.clone().toFormat(format).toBuffer()),
  );
  if (!jpeg || !pngFile || !webp || !gifFile) throw new Error('not all formats could be written');
  const other = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#3c3' } })
    .png()
    .toBuffer();
  const animated = await sharp([pngFile, other], { join: { animated: true } })
    .webp()
    .toBuffer();
  const files: readonly (readonly [string, Buffer, ...string[]])[] = [
    ['a JPEG that says it is 65,535 x 65,535', jpegSized(jpeg, 65_535, 65_535), 'too_large', 'undecodable'],
    ['a JPEG that says it is 65,000 x 760', jpegSized(jpeg, 65_000, 760), 'undecodable', 'decoded'],
    ['a JPEG that says it has no height', jpegSized(jpeg, 64, 0), 'undecodable'],
    ['a JPEG of 800 scans', await jpegOfManyScans(7_000, 800), 'undecodable'],
    ['a PNG of 256 megapixels', blackPng(16_000, 16_000), 'too_large'],
    [
      'a PNG that says it is 2^31 - 1 wide',
      png(header(0x7fffffff, 1, 1, 0), end),
      'too_large',
      'undecodable',
    ],
    [
      'a PNG of 65,535 x 65,535',
      png(header(65_535, 65_535, 8, 6), ['IDAT', deflateSync(Buffer.alloc(9))], end),
      'too_large',
    ],
    ['a PNG of 65,535 x 760', blackPng(65_535, 760), 'decoded'],
    ['a PNG of 760 x 65,535', blackPng(760, 65_535), 'decoded'],
    [
      'an interlaced PNG of 7,000 x 7,000 with 64 bits a pixel',
      png(
        header(7_000, 7_000, 16, 6, 1),
        ['IDAT', deflateSync(Buffer.alloc(7_000 * 7_000 * 8 + 14_000 * 2))],
        end,
      ),
      'decoded',
      'undecodable',
      // On a busy machine its two seconds become ten.
      'timed_out',
    ],
    [
      'a PNG whose pixels are a gigabyte of zeros too many',
      png(header(8, 8, 8, 0), ['IDAT', deflateSync(Buffer.alloc(2 ** 28))], end),
      'decoded',
      'undecodable',
    ],
    [
      'a PNG with 256 MB of packed text',
      blackPng(64, 64, [['zTXt', packedZeros('Comment', 2 ** 28)]]),
      'decoded',
      'undecodable',
    ],
    [
      'a PNG with a packed colour profile of 256 MB',
      blackPng(64, 64, [['iCCP', packedZeros('icc', 2 ** 28)]]),
      'decoded',
      'undecodable',
    ],
    [
      'a PNG with 100,000 chunks',
      blackPng(
        64,
        64,
        Array.from({ length: 100_000 }, () => ['tEXt', Buffer.from('a\0b')] as const),
      ),
      'decoded',
      'undecodable',
    ],
    [
      'a WebP that says it is 16,383 x 16,383',
      patched(webp, webp.indexOf('VP8 ') + 14, Buffer.from([0xff, 0x3f, 0xff, 0x3f])),
      'too_large',
      'undecodable',
    ],
    [
      'an animated WebP that says it is 2^24 x 2^24',
      patched(animated, animated.indexOf('VP8X') + 12, Buffer.alloc(6, 0xff)),
      'too_large',
      'undecodable',
    ],
    [
      'a GIF whose screen is 65,535 x 65,535',
      gif([65_535, 65_535], [1, 1]),
      'too_large',
      'undecodable',
      'decoded',
    ],
    [
      'a GIF whose frame is 65,535 x 65,535',
      gif([1, 1], [65_535, 65_535]),
      'too_large',
      'undecodable',
      'decoded',
    ],
    ['a GIF of 400,000 frames', gif([8, 8], [8, 8], 400_000), 'decoded', 'undecodable'],
    ['an SVG that reads files and hosts', Buffer.from(svg), 'not_an_image'],
    [
      'an SVG behind the first bytes of a JPEG',
      Buffer.concat([jpeg.subarray(0, 4), Buffer.from(svg)]),
      'undecodable',
    ],
    ['an SVG behind the first bytes of a GIF', Buffer.from(`GIF89a${svg}`), 'undecodable'],
    [
      'an SVG behind the first bytes of a PNG',
      Buffer.concat([pngFile.subarray(0, 8), Buffer.from(svg)]),
      'undecodable',
    ],
    [
      'an SVG behind the first bytes of a WebP',
      Buffer.concat([webp.subarray(0, 12), Buffer.from(svg)]),
      'undecodable',
    ],
    ['a script that begins as a GIF', Buffer.from('GIF89a/*;*/=1;alert(1)//'), 'undecodable', 'too_large'],
    [
      'a photo with an archive behind it',
      Buffer.concat([jpeg, Buffer.from('PK\x03\x04'), Buffer.alloc(10_000)]),
      'decoded',
    ],
    [
      'a photo with a web page behind it',
      Buffer.concat([gifFile, Buffer.from('<script>alert(1)</script>')]),
      'decoded',
    ],
    ['a PDF that holds a photo', Buffer.concat([Buffer.from('%PDF-1.7\n'), jpeg]), 'not_an_image'],
    ['a TIFF', Buffer.from('II*\0\x08\0\0\0', 'latin1'), 'not_an_image'],
    ['an AVIF', Buffer.from('\0\0\0\x1cftypavif\0\0\0\0', 'latin1'), 'not_an_image'],
    ['a JPEG XL', Buffer.from('\xff\x0a', 'latin1'), 'not_an_image'],
    ['a bitmap', Buffer.from(`BM${'\0'.repeat(60)}`), 'not_an_image'],
    ['a packed SVG', deflateSync(Buffer.from(svg)), 'not_an_image'],
  ];
  return files.map(([name, bytes, ...ends]) => ({ name, bytes, ends }));
}
