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
  const answers = [
    Promise.reject(new Error('no model')),
    ...['cat', 'dog'].map((label) => Promise.resolve({ entities: [{ label }] })),
  ];
  const look = createImageLooker((image) => {
    asked.push(image);
    return answers.shift() ?? expect.fail();
  });
  const [cat, dog] = [photo(), photo()];
  await expect(look(post, cat)).rejects.toThrow('no model');
  const both = await Promise.all([look(post, cat), look(post, cat)]);
  expect(both).toEqual([{ entities: [{ label: 'cat' }] }, { entities: [{ label: 'cat' }] }]);
  expect(await look(post, dog)).toEqual({ entities: [{ label: 'dog' }] });
  expect(await look(post, cat)).toEqual({ entities: [{ label: 'cat' }] });
  expect(asked).toEqual([cat, cat, dog]);
});

it('entities that came with a post stand, and without an image there are none', async () => {
  const look = createImageLooker(() => expect.fail());
  const given = { ...post, enrichment: { entities: ['beagle'] } };
  expect(await look(given, photo())).toEqual({ entities: [{ label: 'beagle' }] });
  expect(await look(post, { kind: 'absent', reason: 'none' })).toEqual({ entities: [] });
});

it('boxes are told as fractions of the photo, of which the encoder saw a part', async () => {
  const look = createImageLooker(() =>
    Promise.resolve({ entities: [{ label: 'cat', box: [0, 0.5, 0.5, 1] }], regions: new Float32Array(2) }),
  );
  expect(await look(post, photo())).toEqual({
    entities: [{ label: 'cat', box: [0.25, 0.5, 0.5, 1] }],
    regions: new Float32Array(2),
  });
});
