import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { InfrastructureError } from '../../src/domain/errors.js';
import type { Outcome, ResultBatch } from '../../src/domain/outcome.js';
import { NdjsonSink } from '../../src/sink/ndjson.js';
import { decide, resultOf } from '../support/transport.js';

const position = (line: number) => ({ topic: '-', partition: 0, offset: BigInt(line) });
const tagged = (id: string, line: number): Outcome =>
  decide({ position: position(line), key: null, value: Buffer.from(id), headers: {}, timestamp: 0 });
const batchOf = (...outcomes: Outcome[]): ResultBatch => ({
  topic: '-',
  partition: 0,
  generation: 0,
  outcomes,
  firstOffset: 0n,
  nextOffset: BigInt(outcomes.length),
});

test('Every record has one line in its place, and the lines with an error are counted', async () => {
  const output = new PassThrough();
  const sink = new NdjsonSink(output);

  await sink.write(
    batchOf(
      tagged('ünï\ncode 🌼', 0),
      tagged('!bad', 1),
      { kind: 'tombstone', position: position(2), id: 'gone' },
      { kind: 'skipped', position: position(3), reason: 'duplicate' },
    ),
  );

  const text = String(output.read());
  expect(text.endsWith('\n')).toBe(true);
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    resultOf('ünï\ncode 🌼'),
    { error: { code: 'not_json', detail: '!bad is no post' }, line: 2 },
    { id: 'gone', deleted: true },
    { skipped: 'duplicate', line: 4 },
  ]);
  expect(sink.errors).toBe(1);
});

test('It waits until the stream has taken a batch', async () => {
  const taken: (() => void)[] = [];
  const sink = new NdjsonSink(
    new Writable({
      write: (_piece, _encoding, done) => {
        taken.push(done);
      },
    }),
  );
  let written = false;
  const write = sink.write(batchOf(tagged('a', 0))).then(() => {
    written = true;
  });

  await new Promise(setImmediate);
  expect(written).toBe(false);
  taken[0]?.();
  await write;
});

test('A reader that went away is an infrastructure error, at each write', async () => {
  const reader = spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
  const sink = new NdjsonSink(reader.stdin);
  await once(reader, 'exit');

  await expect(sink.write(batchOf(tagged('a', 0)))).rejects.toThrow(InfrastructureError);
  await expect(sink.write(batchOf(tagged('b', 1)))).rejects.toThrow(/results cannot be written/);
});
