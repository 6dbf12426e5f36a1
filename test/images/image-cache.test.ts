import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../../src/domain/image.js';
import { createImageDecoder } from '../../src/images/decode-image.js';
import { createImageFetcher, type ImageFetcher } from '../../src/images/fetch-image.js';
import { createImageCache, type ImageCacheOptions } from '../../src/images/image-cache.js';
import { demoPhotos, startImageServer, type ImageServer } from '../support/image-server.js';

const photos = demoPhotos();
const names = [...photos.keys()];
const decoder = createImageDecoder({ resize: 256, size: 224, maxPixels: 50_000_000 });
/** What one decoded photo takes, at least. */
/** Pixels, and what the image encoder makes of them. */
const photoBytes = 224 * 224 * 3 + 7 * 7 * 1_280 * 4;

let server: ImageServer;
let fetcher: ImageFetcher;
beforeAll(async () => {
  server = await startImageServer();
  fetcher = createImageFetcher({
    allow: [server.allow],
    timeoutMs: 10_000,
    maxBytes: 1_000_000,
    userAgent: 'tagstream/test',
    hostConcurrency: 16,
    hostFailures: 1_000,
    hostPauseMs: 60_000,
  });
});
afterEach(() => server.requests.splice(0));
afterAll(async () => {
  await fetcher.close();
  await server.stop();
});

/** A cache with a real fetcher and a real decoder behind it, and what happened in it. */
function cacheWith(options: Partial<ImageCacheOptions> = {}) {
  const looks: string[] = [];
  let evictions = 0;
  let decodings = 0;
  const held = { url: 0, content: 0 };
  const load = createImageCache({
    cacheBytes: 10_000_000,
    features: 1_280,
    cacheMs: 60_000,
    fetchImage: (ref) => fetcher.fetch(ref),
    decodeImage: (bytes) => {
      decodings += 1;
      return decoder.decode(bytes);
    },
    observer: {
      looked: (cache, result) => looks.push(`${cache} ${result}`),
      evicted: () => (evictions += 1),
      resized: (cache, bytes) => (held[cache] = bytes),
    },
    ...options,
  });
  return { load, looks, held, evictions: () => evictions, decodings: () => decodings };
}

const urlOf = (name: string): string => `${server.url}/photos/${name}`;

describe('the cache of images', () => {
  it('fetches and decodes a URL once, be it wanted again later or at the same time', async () => {
    const { load, looks, decodings } = cacheWith();
    const together = await Promise.all([1, 2, 3].map(() => load(urlOf('cat.jpg'))));
    const later = await load(`  ${urlOf('cat.jpg')}#part `);
    expect(new Set([...together, later]).size).toBe(1);
    expect(later.kind).toBe('decoded');
    expect(server.requests).toHaveLength(1);
    expect(decodings()).toBe(1);
    expect(looks).toEqual(['url miss', 'url shared', 'url shared', 'content miss', 'url hit']);
  });

  it('decodes the same bytes once, whatever URL they come from', async () => {
    const { load, looks, decodings } = cacheWith();
    const data = `data:image/jpeg;base64,${photos.get('cat.jpg')?.toString('base64')}`;
    const images = await Promise.all([load(urlOf('cat.jpg')), load(`${urlOf('cat.jpg')}?again`), load(data)]);
    expect(await load(data)).toBe(images[0]);
    expect(new Set(images).size).toBe(1);
    expect(decodings()).toBe(1);
    // Whether the first was still under way is a matter of time.
    const others = looks.filter((look) => look === 'content hit' || look === 'content shared');
    expect(others).toHaveLength(3);
    expect(looks.filter((look) => look === 'content miss')).toHaveLength(1);
  });

  it('remembers that a file cannot be decoded, and tries again what could not be fetched', async () => {
    const { load, decodings } = cacheWith();
    for (let time = 0; time < 2; time += 1) {
      expect(await load(`${server.url}/truncated.jpg`)).toMatchObject({ reason: 'undecodable' });
      expect(await load(`${server.url}/status/503`)).toMatchObject({ reason: 'unreachable' });
    }
    expect(decodings()).toBe(1);
    expect(server.requests.map(({ path }) => path)).toEqual(['/truncated.jpg', '/status/503', '/status/503']);
  });

  it('never holds more bytes than it may, and counts what had to go', async () => {
    const cacheBytes = 2.5 * photoBytes;
    const { load, held, evictions } = cacheWith({ cacheBytes });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...names), { maxLength: 12 }), async (wanted) => {
        for (const name of wanted) {
          expect((await load(urlOf(name))).kind).toBe('decoded');
          expect(held.content).toBeLessThanOrEqual(cacheBytes);
          expect(held.url).toBeLessThanOrEqual(cacheBytes / 16);
        }
      }),
      { numRuns: 10 },
    );
    expect(held.content).toBeGreaterThan(photoBytes);
    expect(evictions()).toBeGreaterThan(0);
  });

  it('holds no more for long URLs', async () => {
    const { load, held } = cacheWith({ cacheBytes: 160_000 });
    for (let i = 0; i < 20; i += 1) await load(`${urlOf('cat.jpg')}?${String(i).repeat(1_000)}`);
    expect(held.url).toBeGreaterThan(0);
    expect(held.url).toBeLessThanOrEqual(10_000);
  });

  it('asks a URL anew when its time is over, and then decodes only other bytes', async () => {
    const { load, decodings } = cacheWith({ cacheMs: 1 });
    await load(urlOf('cat.jpg'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await load(urlOf('cat.jpg'));
    expect(server.requests).toHaveLength(2);
    expect(decodings()).toBe(1);
  });

  it('keeps nothing where it has no room, but still shares what is under way', async () => {
    const { load, decodings, held } = cacheWith({ cacheBytes: 0 });
    await Promise.all([load(urlOf('cat.jpg')), load(urlOf('cat.jpg'))]);
    await load(urlOf('cat.jpg'));
    expect(server.requests).toHaveLength(2);
    expect(decodings()).toBe(2);
    expect(held).toEqual({ url: 0, content: 0 });
  });

  it('remembers no decoding that ran out of time', async () => {
    const answers: Image[] = [
      { kind: 'absent', reason: 'timed_out' },
      await decoder.decode(photos.get('cat.jpg') ?? expect.fail()),
    ];
    const { load } = cacheWith({ decodeImage: () => Promise.resolve(answers.shift() ?? expect.fail()) });
    expect(await load(urlOf('cat.jpg'))).toMatchObject({ reason: 'timed_out' });
    expect(await load(urlOf('cat.jpg'))).toMatchObject({ kind: 'decoded' });
  });
});
