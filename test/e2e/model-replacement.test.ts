import { PassThrough, Writable } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startAgent, type Agent } from '../../src/agent.js';
import { loadConfig } from '../../src/config/load.js';
import { ConfigurationError } from '../../src/domain/errors.js';
import type { Outcome, TaggedPost } from '../../src/domain/outcome.js';
import { copyBundle, shippedBundle, type BundleCopy } from '../support/bundle-copy.js';
import { demoPhotos } from '../support/image-server.js';

const count = 200;
const [photo = Buffer.alloc(0)] = demoPhotos().values();
const image = `data:image/jpeg;base64,${photo.toString('base64')}`;

/** Every tenth post has a photo. */
const post = (index: number) => ({
  id: `post-${index}`,
  text: `a storm over the city, take ${index} of a long day`,
  images: index % 10 === 0 ? [image] : [],
});
const linesOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `${JSON.stringify(post(from + index))}\n`).join('');

/** An agent over pipes, with what comes out of it. */
async function startOverPipes() {
  const input = new PassThrough();
  const results: TaggedPost[] = [];
  const chunks: (readonly Outcome[])[] = [];
  let text = '';
  const output = new Writable({
    write(piece: Buffer, _encoding, done) {
      text += piece.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      results.push(...lines.map((line) => JSON.parse(line) as TaggedPost));
      done();
    },
  });
  const config = loadConfig({
    flags: {
      model: { path: shippedBundle },
      inference: { workers: 1 },
      kafka: { chunkSize: 8, concurrentChunks: 4 },
      log: { level: 'silent' },
    },
  });
  const transport = {
    kind: 'ndjson',
    input: { name: '-', stream: input },
    output: { name: '-', stream: output },
  } as const;
  const agent = await startAgent(config, {
    transport,
    web: false,
    observe: (outcomes) => chunks.push(outcomes),
  });
  return { agent, input, results, chunks };
}

const taggerOf = ({ tagger }: Agent) => tagger ?? expect.fail('the agent was stopped while it started');

describe('a model that is loaded beside the live one and takes its place', () => {
  let copy: BundleCopy;
  beforeAll(() => (copy = copyBundle('the next one')));
  afterAll(() => copy.remove());

  it('tags all posts from one batch on, loses none, and the one before is closed', async () => {
    const threads: Worker[] = [];
    const note = (thread: Worker): void => void threads.push(thread);
    process.on('worker', note);
    onTestFinished(() => void process.off('worker', note));
    const { agent, input, results, chunks } = await startOverPipes();
    const tagger = taggerOf(agent);
    const before = tagger.slot.live;

    input.write(linesOf(0, 50));
    const next = await tagger.load(copy.path);
    expect(tagger.slot.live).toBe(before);
    expect([before.model.version, next.model.version]).toEqual([expect.any(String), 'the next one']);
    await expect.poll(() => results.length).toBe(50);

    // Replaced in mid-stream: some chunks are under way, others are not begun.
    input.write(linesOf(50, 150));
    await expect.poll(() => results.length).toBeGreaterThan(60);
    const replaced = tagger.replace(next);
    input.end(linesOf(150, count));
    await replaced;
    expect(threads).toHaveLength(2);
    expect(threads.map(({ threadId }) => threadId !== -1)).toEqual([false, true]);
    expect(await agent.finished).toBe('ended');

    expect(results.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, index) => `post-${index}`));
    expect(results.every(({ keyphrases }) => keyphrases.length > 0)).toBe(true);
    const versions = chunks.map(
      (outcomes) =>
        new Set(
          outcomes.map((outcome) =>
            outcome.kind === 'tagged' ? outcome.result.model.version : outcome.kind,
          ),
        ),
    );
    // Each chunk is of one model, and none of the one before comes behind one of the next.
    expect(versions.every(({ size }) => size === 1)).toBe(true);
    const order = versions.flatMap((of) => [...of]);
    const switched = order.indexOf('the next one');
    expect(switched).toBeGreaterThan(0);
    expect(order).toEqual(
      order.map((_, index) => (index < switched ? before.model.version : 'the next one')),
    );
    expect(threads.map(({ threadId }) => threadId !== -1)).toEqual([false, false]);
  });

  it('refuses photos that another analyzed, and reads its own', async () => {
    const { agent, input } = await startOverPipes();
    const tagger = taggerOf(agent);
    const before = tagger.slot.live;
    const next = await tagger.load(copy.path);
    const withPhoto = post(0);
    const [decoded = expect.fail('no image')] = await before.steps.loadImages(withPhoto);
    const analyzed = await before.steps.analyzeImage(withPhoto, decoded);
    expect(analyzed.model).toEqual({ name: 'tagstream', version: before.model.version });
    const enriched = { post: withPhoto, cleanText: 'a storm over the city', analyzedImages: [analyzed] };

    await expect(next.steps.predictKeyphrases(enriched)).rejects.toThrow(
      `a photo was analyzed by tagstream ${before.model.version}, and is to be read by tagstream the next one`,
    );
    const { result } = await before.steps.predictKeyphrases(enriched);
    expect(result.model.version).toBe(before.model.version);
    const analyzedAnew = await next.steps.analyzeImage(withPhoto, decoded);
    const own = await next.steps.predictKeyphrases({ ...enriched, analyzedImages: [analyzedAnew] });
    expect(own.result).toEqual({ ...result, model: { name: 'tagstream', version: 'the next one' } });

    await tagger.replace(next);
    await expect(before.steps.predictKeyphrases(enriched)).rejects.toThrow(/the inference worker was closed/);
    input.end();
    expect(await agent.finished).toBe('ended');
  });

  it('leaves the live one in its place where its bundle cannot be loaded', async () => {
    const { agent, input, results } = await startOverPipes();
    const tagger = taggerOf(agent);
    await expect(tagger.load('/no/such/bundle')).rejects.toThrow(ConfigurationError);
    input.end(linesOf(0, 9));
    expect(await agent.finished).toBe('ended');
    expect(results.map(({ model: { version } }) => version)).toEqual(
      Array(9).fill(tagger.slot.live.model.version),
    );
  });
});
