import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Raster } from '../../../src/domain/image.js';
import { cutAtWord, decodeSteps, openOcr, type Ocr } from '../../../src/model/ocr/ocr.js';
import { createImageDecoder } from '../../../src/images/decode-image.js';
import { demoPhotos } from '../../support/image-server.js';

const { decode } = createImageDecoder({ resize: 256, size: 224, maxPixels: 1e8, readText: true });
const poster = readFileSync(fileURLToPath(new URL('../../fixtures/poster.png', import.meta.url)));

async function pageOf(bytes: Uint8Array): Promise<Raster> {
  const image = await decode(bytes);
  if (image.kind === 'absent' || image.page === undefined) throw new Error('there is no page');
  return image.page;
}

describe('the text reader', () => {
  let reader: Ocr;
  beforeAll(async () => (reader = await openOcr('cpu', 1)));
  afterAll(() => reader.close());

  it('reads the lines of an image in the order in which people do', async () => {
    expect(await reader.read(await pageOf(poster))).toBe(
      'Wildflower Hour every Sunday at 8 pm left side right side',
    );
  });

  it.each([...demoPhotos()])('reads nothing in %s, which shows no text', async (_, bytes) => {
    expect(await reader.read(await pageOf(bytes))).toBe('');
  });

  it('reads of a page full of text only the beginning', async () => {
    const page = await pageOf(poster);
    const rows = 8;
    const pixels = new Uint8Array(page.pixels.length * rows);
    for (let row = 0; row < rows; row++) pixels.set(page.pixels, row * page.pixels.length);
    const text = await reader.read({ pixels, width: page.width, height: page.height * rows });
    const times = text.match(/Wildflower Hour/g)?.length ?? 0;
    expect(times).toBeGreaterThan(1);
    expect(times).toBeLessThan(rows);
  });

  it.each([
    [1, 1],
    [1, 960],
    [960, 1],
    [33, 31],
  ])('takes an image of %i by %i pixels', async (width, height) => {
    const page = { pixels: new Uint8Array(3 * width * height).fill(200), width, height };
    expect(await reader.read(page)).toBe('');
  });
});

it('steps spell each character once while it lasts, and again after nothing', () => {
  const characters = ['', 'a', 'b', ' '];
  const steps = [1, 1, 0, 1, 3, 2, 2, 0];
  const rows = Float32Array.from(
    steps.flatMap((best) => characters.map((_, at) => (at === best ? 0.7 : 0.1))),
  );
  const { text, sure } = decodeSteps(rows, characters);
  expect(text).toBe('aa b');
  expect(sure).toBeCloseTo(0.7);
  expect(decodeSteps(new Float32Array(4), characters)).toEqual({ text: '', sure: 0 });
});

describe('cutAtWord', () => {
  it.each([
    ['within', 'sunday at 8', 11, 'sunday at 8'],
    ['at the end of a word', 'sunday at 8', 9, 'sunday at'],
    ['within a word', 'sunday at 8', 8, 'sunday'],
    ['within the only word', 'sunday', 3, 'sun'],
    ['through a surrogate pair', 'ab😹', 3, 'ab'],
  ])('keeps whole words: %s', (_, text, longest, kept) => {
    expect(cutAtWord(text, longest)).toBe(kept);
  });
});
