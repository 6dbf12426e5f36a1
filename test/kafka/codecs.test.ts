import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, test, vi } from 'vitest';
import { codecs } from '../../src/kafka/codecs.js';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 5_000 }),
  fc
    .tuple(fc.integer({ min: 0, max: 300_000 }), fc.nat(255))
    .map(([length, byte]) => Buffer.alloc(length, byte)),
);

describe.each(Object.entries(codecs))('The %s codec', (_name, codec) => {
  test('gives back what it compressed', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (data) => {
        const compressed = await codec.compress(data);
        expect(Buffer.compare(await codec.decompress(compressed, 1_000_000), data)).toBe(0);
      }),
    );
  });

  test('refuses data that would become larger than the limit', async () => {
    const bomb = await codec.compress(Buffer.alloc(10_000_000));

    await expect(codec.decompress(bomb, 1_000_000)).rejects.toThrow('it holds more than 1000000 bytes');
  });

  test('refuses data that are cut short', async () => {
    const compressed = await codec.compress(
      Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251)),
    );

    await expect(codec.decompress(compressed.subarray(0, -20), 1_000_000)).rejects.toThrow();
  });
});

test('Snappy data without the Xerial header, as some clients write them, are read as one block', async () => {
  const bare = compressSync('some text, some text, some text');

  expect(String(await codecs.snappy.decompress(bare, 1_000))).toBe('some text, some text, some text');
});

test('A codec whose package cannot be loaded says so when it is used, and no other codec minds', async () => {
  vi.doMock('zstd-napi', () => {
    throw new Error('Cannot find module ./binding.node');
  });
  vi.resetModules();
  const fresh = await import('../../src/kafka/codecs.js');

  await expect(fresh.codecs.zstd.compress(Buffer.from('x'))).rejects.toThrow(
    /the zstd codec cannot be loaded \(npm rebuild zstd-napi .*\): /,
  );
  const compressed = await fresh.codecs.lz4.compress(Buffer.from('x'));
  expect(String(await fresh.codecs.lz4.decompress(compressed, 1_000))).toBe('x');
  vi.doUnmock('zstd-napi');
});
