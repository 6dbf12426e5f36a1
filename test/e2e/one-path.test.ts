import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ImageUse, TaggedPost } from '../../src/domain/outcome.js';
import { startTagstream, tagstream } from '../support/agent-process.js';
import { demoPhotos, startImageServer, type ImageServer } from '../support/image-server.js';
import { describeWithKafka } from '../support/kafka.js';
import { produce } from '../support/transport.js';

const count = 200;

describeWithKafka('tag, eval and run', (broker) => {
  let folder: string;
  let photos: ImageServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tagstream-one-path-'));
    photos = await startImageServer();
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await photos.stop();
  });

  /** Every fifth post has a photo, every fifth brings enrichment, every tenth has a photo that cannot be had. */
  const post = (index: number) => {
    const names = [...demoPhotos().keys()];
    const subject = ['cats', 'football', 'coffee', 'a storm', 'new music'][index % 5] ?? '';
    const extras = [
      { images: [`${photos.url}/photos/${names[index % names.length]}`] },
      {
        enrichment: { entities: ['beagle'], attributes: ['dog', 'grass'], imageText: 'adopt me', match: 0.8 },
      },
      index % 10 === 2 ? { images: [`${photos.url}/status/404`] } : {},
    ];
    return {
      id: `post-${index}`,
      text: `${subject}, take ${index} of a long day! #MondayMotivation`,
      keyphrases: ['monday motivation'],
      ...extras[index % 5],
    };
  };

  it('give the same 200 posts the same results', async () => {
    const lines = Array.from({ length: count }, (_, index) => JSON.stringify(post(index)));
    const file = join(folder, 'posts.jsonl');
    writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
    const environment = { TAGSTREAM_IMAGES_ALLOW: photos.allow };

    const tagged = await tagstream(['tag', file], environment);
    const results = join(folder, 'results.ndjson');
    const evaluated = await tagstream(['eval', file, '--results', results], environment);
    expect([tagged.code, evaluated.code]).toEqual([0, 0]);

    const inputTopic = await broker.createTopic('posts');
    const outputTopic = await broker.createTopic('keyphrases');
    const deadLetterTopic = await broker.createTopic('dead');
    await produce(
      broker,
      inputTopic,
      lines.map((value) => ({ value })),
    );
    const run = startTagstream(['run', '--port', '0', '--brokers', broker.brokers.join(',')], {
      ...environment,
      TAGSTREAM_KAFKA_INPUT_TOPIC: inputTopic,
      TAGSTREAM_KAFKA_OUTPUT_TOPIC: outputTopic,
      TAGSTREAM_KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic,
      TAGSTREAM_KAFKA_GROUP_ID: inputTopic,
    });
    const records = await broker.consoleConsumer(outputTopic, { maxMessages: count, idleMs: 60_000 });
    run.process.kill('SIGTERM');
    expect(await run.exited).toBe(0);

    const byTag = resultsIn(tagged.stdout);
    const byEval = resultsIn(readFileSync(results, 'utf8'));
    const byRun = records.map(({ value }) => JSON.parse(String(value)) as TaggedPost);
    expect(byTag.map(({ id }) => id)).toEqual(lines.map((_, index) => `post-${index}`));
    expect(byTag.filter(({ image }) => image.regions !== undefined)).toHaveLength(count / 5);
    expect(byTag.filter(({ image }) => image.reason === 'unreachable')).toHaveLength(count / 10);
    expect(byTag.filter(({ entities }) => entities[0]?.label === 'beagle')).toHaveLength(count / 5);
    expect(byEval).toEqual(byTag.map(closeTo));
    expect(byRun).toEqual(byTag.map(closeTo));
  }, 240_000);
});

const resultsIn = (text: string): TaggedPost[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TaggedPost);

/** Matches a result with the same phrases and entities and close scores: a post's batch-mates move them a little. */
const closeTo = (result: TaggedPost) => ({
  ...result,
  image: closeToUse(result.image),
  keyphrases: result.keyphrases.map((keyphrase) => ({ ...keyphrase, score: about(keyphrase.score) })),
  entities: result.entities.map((entity) =>
    entity.score === undefined ? entity : { ...entity, score: about(entity.score) },
  ),
});

const closeToUse = ({ regions, match, ...use }: ImageUse) => ({
  ...use,
  ...(match === undefined ? {} : { match: about(match) }),
  ...(regions === undefined ? {} : { regions: { ...regions, weights: regions.weights.map(about) } }),
});

const about = (score: number): unknown => expect.closeTo(score, 2);
