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
