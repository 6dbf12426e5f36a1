/** The image formats that are taken, told by their first bytes: what a server says of its content is not trusted. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif';

/** As many bytes as the longest signature needs. */
export const signatureBytes = 12;

/** Signatures as the WHATWG MIME Sniffing Standard has them (section 6.1), in latin1; "?" stands for any byte. */
const signatures: readonly (readonly [ImageFormat, string])[] = [
  ['jpeg', '\xFF\xD8\xFF'],
  ['png', '\x89PNG\r\n\x1A\n'],
  ['webp', 'RIFF????WEBP'],
  ['gif', 'GIF87a'],
  ['gif', 'GIF89a'],
];

/** The format of an image file that begins with these bytes; `undefined` where it is none of the four. */
export function detectImageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const start = Buffer.from(bytes.subarray(0, signatureBytes)).toString('latin1');
  return signatures.find(([, signature]) =>
    [...signature].every((byte, index) => byte === '?' || byte === start[index]),
  )?.[0];
}

const marker = {
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  startOfScan: 0xda,
  firstRestart: 0xd0,
  temporary: 0x01,
};

/**
 * How many times over a JPEG file's picture is drawn. Lawful scans can be had in thousands for a few bytes each, every
 * one passing over all of the picture, and nothing stops libjpeg on its way through them.
 */
export function countJpegScans(file: Uint8Array): number {
  let scans = 0;
  for (let at = file.indexOf(0xff); at !== -1 && at + 1 < file.length; at = file.indexOf(0xff, at)) {
    const code = file[at + 1] ?? 0;
    at += 1;
    // Fill, a byte of the picture itself, and marks that stand alone.
    if (code === 0xff) continue;
    if (code === 0 || code === marker.temporary) continue;
    if (code >= marker.firstRestart && code <= marker.startOfImage) continue;
    if (code === marker.endOfImage) break;
    if (code === marker.startOfScan) scans += 1;
    at += 1 + ((file[at + 1] ?? 0) << 8) + (file[at + 2] ?? 0);
  }
  return scans;
}
