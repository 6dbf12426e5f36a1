import { expect, it } from 'vitest';
import type { DecodedImage } from '../../src/domain/image.js';
import { createEntityFinder } from '../../src/transform/find-entities.js';

const photo = (): DecodedImage => ({ kind: 'decoded', pixels: new Uint8Array(12), width: 2, height: 2 });
const post = { id: '1', text: 'a post', images: [] };

it('entities of an image are looked for once, and again where the model failed', async () => {
  const asked: DecodedImage[] = [];
  const answers = [
    Promise.reject(new Error('no model')),
    ...['cat', 'dog'].map((label) => Promise.resolve({ entities: [{ label }] })),
  ];
  const find = createEntityFinder((image) => {
    asked.push(image);
    return answers.shift() ?? expect.fail();
  });
  const [cat, dog] = [photo(), photo()];
  await expect(find(post, cat)).rejects.toThrow('no model');
  const both = await Promise.all([find(post, cat), find(post, cat)]);
  expect(both).toEqual([[{ label: 'cat' }], [{ label: 'cat' }]]);
  expect(await find(post, dog)).toEqual([{ label: 'dog' }]);
  expect(await find(post, cat)).toEqual([{ label: 'cat' }]);
  expect(asked).toEqual([cat, cat, dog]);
});

it('entities that came with a post stand, and without an image there are none', async () => {
  const find = createEntityFinder(() => expect.fail());
  const given = { ...post, enrichment: { entities: ['beagle'] } };
  expect(await find(given, photo())).toEqual([{ label: 'beagle' }]);
  expect(await find(post, { kind: 'absent', reason: 'none' })).toEqual([]);
});
