import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { DeadLetter } from '../../src/domain/outcome.js';
import { createEvents } from '../../src/telemetry/events.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

/** Events whose lines, from `info` on, are kept. */
function heardEvents() {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: 'info' },
    { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const metrics = createMetrics();
  return { lines, metrics, events: createEvents(logger, metrics) };
}

function deadLetter(offset: bigint): DeadLetter {
  const position = { topic: 'posts', partition: 2, offset };
  const value = Buffer.from('{"text": "a secret"}');
  const raw = { position, key: null, value, headers: {}, timestamp: 0 };
  return { kind: 'dead-letter', position, reason: 'invalid_post', detail: 'id: expected a string', raw };
}

it('writes a few of many lines alike, with the records’ places and nothing of their text, and counts them all', async () => {
  const { lines, metrics, events } = heardEvents();
  for (let offset = 0n; offset < 100n; offset += 1n) events.outcomeOut(deadLetter(offset), Date.now());
  expect(lines.map(({ topic, partition, offset }) => [topic, partition, offset])).toEqual(
    ['0', '1', '2', '3', '4'].map((offset) => ['posts', 2, offset]),
  );
  expect(JSON.stringify(lines)).not.toContain('secret');
  const { text } = await metrics.expose();
  expect(text).toContain('\ntagstream_posts_dead_lettered_total{reason="invalid_post"} 100\n');
});

it('remembers what went wrong last beside the data, with what to do about it', () => {
  const { events } = heardEvents();
  expect(events.lastTrouble()).toBeUndefined();
  events.outcomeOut(deadLetter(1n), Date.now());
  expect(events.lastTrouble()).toBeUndefined();
  events.brokerTrouble('the consumer lost its brokers', new Error('connect ECONNREFUSED 127.0.0.1:9092'));
  expect(events.lastTrouble()).toMatchObject({
    what: 'the consumer lost its brokers',
    detail: 'connect ECONNREFUSED 127.0.0.1:9092',
    remedy: expect.stringContaining('kafka.brokers'),
  });
});

it('names the model beside the logger’s own name, not over it', () => {
  const lines: string[] = [];
  const logger = pino({ name: 'tagstream' }, { write: (line) => lines.push(line) });
  createEvents(logger, createMetrics()).modelLoaded(
    { name: 'big', version: '0.4.0', provider: 'cpu', note: 'CUDA cannot be loaded' },
    { workers: 2, processors: 2.5, memoryBytes: 2 ** 30 },
  );
  const [line = ''] = lines;
  expect(JSON.parse(line)).toMatchObject({
    name: 'tagstream',
    model: { name: 'big', version: '0.4.0' },
    provider: 'cpu',
    note: 'CUDA cannot be loaded',
    ...{ workers: 2, processors: 2.5, memoryBytes: 2 ** 30 },
  });
  expect(line.match(/"name":"tagstream"/g)).toHaveLength(1);
});

it('counts a batch that failed, and names the records it holds', async () => {
  const { lines, metrics, events } = heardEvents();
  const { raw } = deadLetter(7n);
  events.batchFailed(
    { topic: 'posts', partition: 2, generation: 1, firstOffset: 0n, records: [raw], lastOffset: 9n },
    new Error('the broker is away'),
  );
  expect(lines).toMatchObject([{ topic: 'posts', partition: 2, firstOffset: '7', lastOffset: '9' }]);
  expect((await metrics.expose()).text).toContain('\ntagstream_batch_failures_total 1\n');
});

it('shows the live model alone in its metrics, once another has been loaded', async () => {
  const { metrics, events } = heardEvents();
  const found = { workers: 3, processors: 4, memoryBytes: 2 ** 33 };
  events.modelLoaded({ name: 'big', version: '1', provider: 'cuda' }, { ...found, workers: 8 });
  events.modelLoaded({ name: 'big', version: '2', provider: 'cpu' }, found);
  const { text } = await metrics.expose();
  expect(
    text.match(/^tagstream_(model_info|execution_provider_info|inference_workers)\b.*$/gm)?.sort(),
  ).toEqual([
    'tagstream_execution_provider_info{provider="cpu"} 1',
    'tagstream_inference_workers 3',
    'tagstream_model_info{name="big",version="2"} 1',
  ]);
});
