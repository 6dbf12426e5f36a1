import sharp from 'sharp';
import { expect, it } from 'vitest';
import { createImageDecoder } from '../../src/images/decode-image.js';
import { encodeThumbnail } from '../../src/images/decode-image.js';
import { demoPhotos } from '../support/image-server.js';

it('gives a small JPEG that shows the image', async () => {
  const [photo = Buffer.alloc(0)] = demoPhotos().values();
  const image = await createImageDecoder({ resize: 256, size: 224, maxPixels: 50_000_000 }).decode(photo);
  if (image.kind !== 'decoded') throw new Error(image.detail);
  const thumbnail = await encodeThumbnail(image);
  expect(thumbnail.length).toBeLessThan(30_000);
  expect(await sharp(thumbnail).metadata()).toMatchObject({ format: 'jpeg', width: 224, height: 224 });
  const again = await sharp(thumbnail).raw().toBuffer();
  const difference = again.reduce(
    (sum, value, index) => sum + Math.abs(value - (image.pixels[index] ?? 0)),
    0,
  );
  expect(difference / again.length).toBeLessThan(6);
});
