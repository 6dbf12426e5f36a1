import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import kafkajs from 'kafkajs';

/** How record batches are compressed. */
export interface Codec {
  compress(data: Uint8Array): Promise<Buffer>;
  /** @throws Error where the data are damaged, or larger than `limit` bytes once decompressed. */
  decompress(data: Buffer, limit: number): Promise<Buffer>;
}

/** The most that one record batch may hold, in bytes: far above what brokers take, far below what ends a process. */
export const decompressedLimit = 128 * 2 ** 20;

/**
 * Loads a codec's package when it is first needed: its native binding can be missing, as zstd-napi's is where there is
 * neither a prebuilt one nor a compiler, and that is no matter to those who use another codec.
 *
 * @throws Error which names the codec and what to do
 */
async function load<T>(codec: string, packageName: string, imported: Promise<T>): Promise<T> {
  return imported.catch((cause: unknown) => {
    throw new Error(
      `the ${codec} codec cannot be loaded (npm rebuild ${packageName} where there is a C++ compiler, or compress ` +
        `otherwise): ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  });
}
const loadSnappy = () => load('snappy', 'snappy', import('snappy'));
const loadLz4 = () => load('lz4', 'lz4-napi', import('lz4-napi'));
const loadZstd = () => load('zstd', 'zstd-napi', import('zstd-napi'));
const loadZstdBinding = () => load('zstd', 'zstd-napi', import('zstd-napi/binding.js'));

const gzipCodec: Codec = {
  compress: promisify<Uint8Array, Buffer>(gzip),
  decompress: async (data, limit) => {
    const options = { maxOutputLength: limit, finishFlush: constants.Z_FINISH };
    return promisify<Buffer, typeof options, Buffer>(gunzip)(data, options).catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(limit) : error;
    });
  },
};

/**
 * Kafka's snappy is that of the Xerial library: a header of 16 bytes, then blocks, each after its length.
 * Data without the header are one bare block, as some clients write them.
 */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeader = Buffer.concat([xerialMagic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);

const snappyCodec: Codec = {
  compress: async (data) => {
    const { compress } = await loadSnappy();
    const block = await compress(data);
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    return Buffer.concat([xerialHeader, length, block]);
  },
  decompress: async (data, limit) => {
    const blocks = [...snappyBlocks(data)];
    if (sum(blocks.map(snappyLength)) > limit) throw tooLarge(limit);
    const { uncompress } = await loadSnappy();
    const parts = await Promise.all(blocks.map((block) => uncompress(block, { asBuffer: true })));
    return Buffer.concat(parts as Buffer[]);
  },
};

function* snappyBlocks(data: Buffer): Generator<Buffer> {
  if (!data.subarray(0, xerialMagic.length).equals(xerialMagic)) {
    yield data;
    return;
  }
  for (let at = xerialHeader.length; at < data.length;) {
    const start = at + 4;
    at = start + data.readInt32BE(at);
    yield data.subarray(start, at);
  }
}

/** A snappy block begins with its decompressed length as a varint. */
function snappyLength(block: Buffer): number {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = block.readUInt8(at);
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  throw new Error('a snappy block has no length');
}

const lz4Codec: Codec = {
  compress: async (data) => (await loadLz4()).compressFrame(data),
  decompress: async (data, limit) => {
    if (lz4LengthBound(data) > limit) throw tooLarge(limit);
    return (await loadLz4()).decompressFrame(data);
  },
};

/**
 * The most that an LZ4 frame can decompress to: the format lets a block state its compressed length only, and
 * one byte stand for at most 255.
 */
function lz4LengthBound(frame: Buffer): number {
  const flags = frame.readUInt8(4);
  const blockMax = 2 ** (8 + 2 * ((frame.readUInt8(5) >> 4) & 7));
  const [hasBlockChecksum, hasContentSize, hasDictionary] = [flags & 0x10, flags & 0x08, flags & 0x01];
  let bound = 0;
  let at = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  while (at + 4 <= frame.length) {
    const length = frame.readUInt32LE(at) & 0x7fffffff;
    if (length === 0) break;
    bound += Math.min(blockMax, length * 255);
    at += 4 + length + (hasBlockChecksum ? 4 : 0);
  }
  return bound;
}

const zstdCodec: Codec = {
  compress: async (data) => (await loadZstd()).compress(data),
  // The package's own streams expand a whole chunk before anyone can stop them.
  decompress: async (data, limit) => {
    const { default: zstd } = await loadZstdBinding();
    const context = new zstd.DCtx();
    const parts: Buffer[] = [];
    let total = 0;
    for (let at = 0, remaining = 1; at < data.length || remaining > 0;) {
      const part = Buffer.allocUnsafe(zstd.dStreamOutSize());
      const [left, produced, consumed] = context.decompressStream(part, data.subarray(at));
      if (produced === 0 && consumed === 0) throw new Error('the zstd frame is cut short');
      parts.push(part.subarray(0, produced));
      total += produced;
      if (total > limit) throw tooLarge(limit);
      at += consumed;
      remaining = left;
    }
    return Buffer.concat(parts, total);
  },
};

const { CompressionTypes, CompressionCodecs, KafkaJSNonRetriableError } = kafkajs;

/** The codecs by the names that Kafka's settings have for them. */
export const codecs = { gzip: gzipCodec, snappy: snappyCodec, lz4: lz4Codec, zstd: zstdCodec } as const;

/** Makes kafkajs, which brings gzip alone and without a limit, use these codecs. It keeps them for the whole process. */
export function registerCodecs(): void {
  const types = {
    gzip: CompressionTypes.GZIP,
    snappy: CompressionTypes.Snappy,
    lz4: CompressionTypes.LZ4,
    zstd: CompressionTypes.ZSTD,
  } as const;
  for (const [name, { compress, decompress }] of Object.entries(codecs)) {
    const codec = {
      compress: ({ buffer }: { readonly buffer: Buffer }) => compress(buffer),
      decompress: (data: Buffer) =>
        decompress(data, decompressedLimit).catch((error: unknown) => {
          throw new KafkaJSNonRetriableError(
            `A ${name} record batch cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`,
          );
        }),
    };
    CompressionCodecs[types[name as keyof typeof types]] = () => codec;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const tooLarge = (limit: number): Error => new Error(`it holds more than ${limit} bytes`);
