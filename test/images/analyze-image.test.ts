import { expect, it } from 'vitest';
import type { DecodedImage, Raster } from '../../src/domain/image.js';
import { createImageAnalyzer, type ImageQueries } from '../../src/images/analyze-image.js';

const photo = (): DecodedImage => ({
  kind: 'decoded',
  pixels: new Uint8Array(12),
  width: 2,
  height: 2,
  view: [0.25, 0, 0.75, 1],
});
const post = { id: '1', text: 'a post', images: [] };
const model = { name: 'm', version: '1' };

/** Looks at images, of which no text is read. */
const looker = (encodeImage: ImageQueries['analyzeImage']) =>
  createImageAnalyzer({ analyzeImage: encodeImage, readText: () => expect.fail() });

it('an image is looked at once, and again where the model failed', async () => {
  const asked: DecodedImage[] = [];
  const regions = new Float32Array(2);
  const answers = [
    Promise.reject(new Error('no model')),
    ...['cat', 'dog'].map((label) => Promise.resolve({ entities: [{ label }], regions, model })),
  ];
  const look = looker((image) => {
    asked.push(image);
    return answers.shift() ?? expect.fail();
  });
  const [cat, dog] = [photo(), photo()];
  await expect(look(post, cat)).rejects.toThrow('no model');
  const both = await Promise.all([look(post, cat), look(post, cat)]);
  const seen = { image: cat, entities: [{ label: 'cat' }], regions, model };
  expect(both).toEqual([seen, seen]);
  expect(await look(post, dog)).toMatchObject({ image: dog, entities: [{ label: 'dog' }] });
  expect(await look(post, cat)).toEqual(seen);
  expect(asked).toEqual([cat, cat, dog]);
});

it('entities that came with a post stand, and without an image there are none', async () => {
  const look = looker(() => expect.fail());
  const given = { ...post, enrichment: { entities: ['beagle'] } };
  const image = { kind: 'absent', reason: 'none' } as const;
  expect(await look(given, image)).toEqual({ image, entities: [{ label: 'beagle' }] });
  expect(await look(post, image)).toEqual({ image, entities: [] });
});

it('boxes are told as fractions of the photo, of which the encoder saw a part', async () => {
  const look = looker(() =>
    Promise.resolve({
      entities: [{ label: 'cat', box: [0, 0.5, 0.5, 1] }],
      regions: new Float32Array(2),
      model,
    }),
  );
  expect(await look(post, photo())).toMatchObject({
    entities: [{ label: 'cat', box: [0.25, 0.5, 0.5, 1] }],
    regions: new Float32Array(2),
    model,
  });
});

it('the text of a photo that comes with its page is read once, unless the post gives it', async () => {
  const asked: Raster[] = [];
  const look = createImageAnalyzer({
    analyzeImage: () => Promise.resolve({ entities: [], regions: new Float32Array(2), model }),
    readText(page) {
      asked.push(page);
      return Promise.resolve(page.width === 2 ? 'Caturday' : '');
    },
  });
  const page = { pixels: new Uint8Array(12), width: 2, height: 2 };
  const blank = { pixels: new Uint8Array(3), width: 1, height: 1 };
  const cat = { ...photo(), page };
  const given = { ...post, enrichment: { imageText: 'given' } };
  expect(await look(given, cat)).not.toHaveProperty('imageText');
  expect(await look(post, photo())).not.toHaveProperty('imageText');
  expect(asked).toEqual([]);
  expect(await look(post, cat)).toMatchObject({ imageText: 'Caturday' });
  expect(await look(post, cat)).toMatchObject({ imageText: 'Caturday' });
  expect(await look(post, { ...photo(), page: blank })).not.toHaveProperty('imageText');
  expect(asked).toEqual([page, blank]);
});
