import { expect, it } from 'vitest';
import type { DecodedImage } from '../../src/domain/image.js';
import { createImageLooker } from '../../src/transform/look-at-image.js';

const photo = (): DecodedImage => ({
  kind: 'decoded',
  pixels: new Uint8Array(12),
  width: 2,
  height: 2,
  view: [0.25, 0, 0.75, 1],
});
const post = { id: '1', text: 'a post', images: [] };

it('an image is looked at once, and again where the model failed', async () => {
  const asked: DecodedImage[] = [];
  const regions = new Float32Array(2);
  const answers = [
    Promise.reject(new Error('no model')),
    ...['cat', 'dog'].map((label) => Promise.resolve({ entities: [{ label }], regions })),
  ];
  const look = createImageLooker((image) => {
    asked.push(image);
    return answers.shift() ?? expect.fail();
  });
  const [cat, dog] = [photo(), photo()];
  await expect(look(post, cat)).rejects.toThrow('no model');
  const both = await Promise.all([look(post, cat), look(post, cat)]);
  const seen = { image: cat, entities: [{ label: 'cat' }], regions };
  expect(both).toEqual([seen, seen]);
  expect(await look(post, dog)).toMatchObject({ image: dog, entities: [{ label: 'dog' }] });
  expect(await look(post, cat)).toEqual(seen);
  expect(asked).toEqual([cat, cat, dog]);
});

it('entities that came with a post stand, and without an image there are none', async () => {
  const look = createImageLooker(() => expect.fail());
  const given = { ...post, enrichment: { entities: ['beagle'] } };
  const image = { kind: 'absent', reason: 'none' } as const;
  expect(await look(given, image)).toEqual({ image, entities: [{ label: 'beagle' }] });
  expect(await look(post, image)).toEqual({ image, entities: [] });
});

it('boxes are told as fractions of the photo, of which the encoder saw a part', async () => {
  const look = createImageLooker(() =>
    Promise.resolve({ entities: [{ label: 'cat', box: [0, 0.5, 0.5, 1] }], regions: new Float32Array(2) }),
  );
  expect(await look(post, photo())).toMatchObject({
    entities: [{ label: 'cat', box: [0.25, 0.5, 0.5, 1] }],
    regions: new Float32Array(2),
  });
});
