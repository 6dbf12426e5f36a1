import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { gridSide, type AbsentImage, type Image } from '../domain/image.js';
import type { ImageRef } from '../domain/post.js';
import type { FetchedImage } from './image-file.js';

/** The two caches: of what a URL gave, and of what the bytes of a file gave. */
export type CacheName = 'url' | 'content';

/** What a look into a cache came to; `shared`: the same is under way for another post. */
export type CacheResult = 'hit' | 'shared' | 'miss';

/** Is told what the caches do. */
export interface ImageCacheObserver {
  looked(cache: CacheName, result: CacheResult): void;
  /** An entry had to go so that others have room. */
  evicted(cache: CacheName): void;
  /** @param bytes what the cache holds now */
  resized(cache: CacheName, bytes: number): void;
}

export interface ImageCacheOptions {
  /** Bytes of decoded images that are kept; 0: none. */
  readonly cacheBytes: number;
  /** Numbers that describe a region of an image, once it is analyzed: float32, and they live as long as the image. */
  readonly features: number;
  /** How long a URL is taken to give the same file, in milliseconds. */
  readonly cacheMs: number;
  fetchImage(ref: ImageRef): Promise<FetchedImage | AbsentImage>;
  decodeImage(bytes: Uint8Array): Promise<Image>;
  readonly observer: ImageCacheObserver;
}

/** URLs are kept in this part of `cacheBytes`, on top of it: some seven thousand for a hundred and sixty images. */
const urlPart = 1 / 16;
/** An entry's own objects and its SHA-256, in bytes, as V8 has them; no less. */
const entryBytes = 500;
/**
 * Brings an image into memory, decoded. The same URL is fetched once and the same bytes are decoded once, be they
 * wanted again later or at the same time: a photo goes round with its reposts. An image that cannot be decoded is
 * remembered like any other; one that could not be fetched is tried again.
 *
 * The pixels are shared by all who ask for them: they may be neither changed nor transferred to another thread.
 */
export function createImageCache(options: ImageCacheOptions): (ref: ImageRef) => Promise<Image> {
  const { cacheBytes, features, cacheMs, fetchImage, decodeImage, observer } = options;
  const analysisBytes = gridSide * gridSide * features * Float32Array.BYTES_PER_ELEMENT;
  const contents = createCache<Image>(
    'content',
    cacheBytes,
    (image) => sizeOf(image, analysisBytes),
    observer,
  );
  const hashes = createCache<string>('url', cacheBytes * urlPart, urlBytes, observer, cacheMs);
  const loading = new Map<string, Promise<Image>>();
  const decoding = new Map<string, Promise<Image>>();

  return async (ref) => {
    const url = urlOf(ref);
    if (url === undefined) return load(ref);
    const known = hashes.get(url);
    const image = known === undefined ? undefined : contents.get(known);
    if (image !== undefined) {
      observer.looked('url', 'hit');
      return image;
    }
    return shared('url', loading, url, () => load(ref, url));
  };

  async function load(ref: ImageRef, url?: string): Promise<Image> {
    const fetched = await fetchImage(ref);
    if (fetched.kind === 'absent') return fetched;
    const hash = createHash('sha256').update(fetched.bytes).digest('base64');
    if (url !== undefined) hashes.set(url, hash);
    const known = contents.get(hash);
    if (known !== undefined) {
      observer.looked('content', 'hit');
      return known;
    }
    return shared('content', decoding, hash, async () => {
      const image = await decodeImage(fetched.bytes);
      // The one answer that another time may be another.
      if (image.kind === 'decoded' || image.reason !== 'timed_out') contents.set(hash, image);
      return image;
    });
  }

  function shared(
    cache: CacheName,
    underWay: Map<string, Promise<Image>>,
    key: string,
    work: () => Promise<Image>,
  ): Promise<Image> {
    const other = underWay.get(key);
    observer.looked(cache, other === undefined ? 'miss' : 'shared');
    if (other !== undefined) return other;
    const own = work().finally(() => underWay.delete(key));
    underWay.set(key, own);
    return own;
  }
}

interface Cache<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
}

function createCache<V extends string | Image>(
  name: CacheName,
  bytes: number,
  size: (value: V, key: string) => number,
  observer: ImageCacheObserver,
  ttl = 0,
): Cache<V> {
  if (bytes < 1) return { get: () => undefined, set: () => undefined };
  const cache = new LRUCache<string, V>({
    maxSize: Math.ceil(bytes),
    sizeCalculation: size,
    ttl,
    dispose(_value, _key, reason) {
      if (reason === 'evict') observer.evicted(name);
    },
  });
  return {
    get: (key) => cache.get(key),
    set(key, value) {
      cache.set(key, value);
      observer.resized(name, cache.calculatedSize);
    },
  };
}

/** An http(s) URL in its one spelling; `undefined` for every other reference. A fragment never goes to a server. */
function urlOf(ref: ImageRef): string | undefined {
  if (!/^\s*https?:/i.test(ref) || !URL.canParse(ref)) return undefined;
  const url = new URL(ref);
  url.hash = '';
  return url.href;
}

function sizeOf(image: Image, analysisBytes: number): number {
  if (image.kind === 'absent') return entryBytes + 2 * (image.detail ?? '').length;
  return entryBytes + image.pixels.byteLength + (image.page?.pixels.byteLength ?? 0) + analysisBytes;
}

function urlBytes(_hash: string, url: string): number {
  return entryBytes + 2 * url.length;
}
