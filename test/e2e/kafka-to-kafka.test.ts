import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAgent } from '../../src/agent.js';
import { loadConfig } from '../../src/config/load.js';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { demoPhotos, startImageServer, type ImageServer } from '../support/image-server.js';
import { describeWithKafka } from '../support/kafka.js';

describeWithKafka('an agent between two topics', (broker) => {
  let photos: ImageServer;
  beforeAll(async () => (photos = await startImageServer()));
  afterAll(() => photos.stop());

  it('tags posts whose photos it fetches over HTTP', async () => {
    const inputTopic = await broker.createTopic('posts');
    const outputTopic = await broker.createTopic('keyphrases');
    const deadLetterTopic = await broker.createTopic('dead');
    const names = [...demoPhotos().keys()];
    const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({
      topic: inputTopic,
      messages: names.map((name) => ({
        value: JSON.stringify({
          id: name,
          text: `look at this #${name.split('.')[0]}!`,
          images: [`${photos.url}/photos/${name}`],
        }),
      })),
    });
    await producer.disconnect();

    const config = loadConfig({
      flags: {
        kafka: { brokers: broker.brokers, inputTopic, outputTopic, deadLetterTopic, groupId: inputTopic },
        images: { allow: [photos.allow] },
        web: { port: 0 },
        log: { level: 'silent' },
      },
    });
    const agent = await startAgent(config, { transport: { kind: 'kafka' }, web: true });
    try {
      const records = await broker.consoleConsumer(outputTopic, {
        maxMessages: names.length,
        idleMs: 30_000,
      });
      const results = records.map(({ value }) => JSON.parse(String(value)) as TaggedPost);
      expect(results.map(({ id }) => id)).toEqual(names);
      for (const { image, keyphrases } of results) {
        expect(image.regions?.weights).toHaveLength(49);
        expect(keyphrases).toHaveLength(5);
        expect(keyphrases.every(({ score }) => score > 0 && score < 1)).toBe(true);
      }
      const cat = results.find(({ id }) => id === 'cat.jpg');
      expect(cat?.entities.map(({ label }) => label).join()).toContain('cat');
      expect((await fetch(`${agent.address}/readyz`)).status).toBe(200);
    } finally {
      await agent.stop('the test is over');
    }
  });
});
