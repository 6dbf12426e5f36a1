import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { OutputLostError } from '../../src/domain/errors.js';
import type { ConsumedBatch } from '../../src/domain/record.js';
import { NdjsonSource } from '../../src/source/ndjson.js';
import { events } from '../support/transport.js';

const sourceOf = (input: Readable, chunkSize = 10): NdjsonSource =>
  new NdjsonSource(input, { name: 'posts.jsonl', chunkSize, concurrentChunks: 1, maxLineBytes: 100 }, events);

test('A record’s offset is its line’s number from 0, and blank lines are passed over but counted', async () => {
  const batches: ConsumedBatch[] = [];

  await sourceOf(Readable.from([Buffer.from('\n{"a":1}\r\n  \t\n{"b":2}\n\n')])).run((batch) => {
    batches.push(batch);
    return Promise.resolve();
  });

  expect(batches).toMatchObject([{ topic: 'posts.jsonl', partition: 0, lastOffset: 3n }]);
  expect(batches[0]?.records).toMatchObject([
    { position: { topic: 'posts.jsonl', partition: 0, offset: 1n }, key: null, headers: {} },
    { position: { offset: 3n } },
  ]);
  expect(batches[0]?.records.map(({ value }) => String(value))).toEqual(['{"a":1}', '{"b":2}']);
});

test('A line in a pipe that stays open is given out before the next one comes', async () => {
  const pipe = new PassThrough();
  const source = sourceOf(pipe);
  const seen: string[] = [];
  pipe.write('first\n');

  await source.run((batch) => {
    seen.push(...batch.records.map(({ value }) => String(value)));
    if (seen.length === 1) pipe.write('second\n');
    else pipe.end();
    return Promise.resolve();
  });

  expect(seen).toEqual(['first', 'second']);
});

test('It can be stopped while it waits for a pipe', async () => {
  const source = sourceOf(new PassThrough());
  const run = source.run(() => Promise.resolve());

  await source.stop();

  await expect(run).resolves.toBeUndefined();
});

test('A batch that fails again and again ends the run with its error', async () => {
  let attempts = 0;

  const run = sourceOf(Readable.from([Buffer.from('a\n')])).run(() => {
    attempts += 1;
    return Promise.reject(new Error('the pipe is broken'));
  });

  await expect(run).rejects.toThrow('the pipe is broken');
  expect(attempts).toBe(3);
});

test('An output that is lost is not tried again, and nothing is said of reading again', async () => {
  let attempts = 0;
  const failed: unknown[] = [];
  const own = { ...events, batchFailed: (_batch: ConsumedBatch, error: unknown) => failed.push(error) };
  const source = new NdjsonSource(
    Readable.from(['a\nb\n']),
    { name: '-', chunkSize: 1, concurrentChunks: 1, maxLineBytes: 100 },
    own,
  );

  const run = source.run(() => {
    attempts += 1;
    return Promise.reject(new OutputLostError(new Error('no space left')));
  });

  await expect(run).rejects.toThrow('results cannot be written: no space left');
  expect(attempts).toBe(1);
  expect(failed).toEqual([]);
});

test('A failure is told as often as the batch is handed out again', async () => {
  const failed: unknown[] = [];
  const own = { ...events, batchFailed: (_batch: ConsumedBatch, error: unknown) => failed.push(error) };
  const source = new NdjsonSource(
    Readable.from(['a\n']),
    { name: '-', chunkSize: 1, concurrentChunks: 1, maxLineBytes: 100 },
    own,
  );

  await expect(source.run(() => Promise.reject(new Error('out of memory')))).rejects.toThrow('out of memory');
  expect(failed).toHaveLength(2);
});

test('A file that is not there is named in the message', async () => {
  const run = sourceOf(createReadStream('/no/such/file')).run(() => Promise.resolve());

  await expect(run).rejects.toThrow(/posts\.jsonl cannot be read: ENOENT/);
});

test('A line that is too long is a record in its place that says so', async () => {
  const batches: ConsumedBatch[] = [];

  await sourceOf(Readable.from([Buffer.from(`a\n${'x'.repeat(101)}\nb\n`)])).run((batch) => {
    batches.push(batch);
    return Promise.resolve();
  });

  const unread = { reason: 'invalid_post', detail: 'the line is longer than 100 bytes, so it was not read' };
  expect(batches.flatMap(({ records }) => records)).toMatchObject([
    { position: { offset: 0n } },
    { position: { offset: 1n }, value: Buffer.alloc(0), unread },
    { position: { offset: 2n } },
  ]);
});
