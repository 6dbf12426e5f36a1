// What slow photos cost a stream: posts a second over Kafka with an image server that answers at once, and with one that
// takes 300 ms (gamma distributed, shape 4) and for one photo in 64 takes 4.5 s. Rounds in turn; prints JSON.
//
//   npm run build && node test/slow-photos.mjs BROKERS [MODEL] [ROUNDS] [POSTS]
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startAgent } from '../dist/agent.js';
import { loadConfig } from '../dist/config/load.js';
import { createKafka } from '../dist/kafka/client.js';
import { mulberry32 } from '../dist/domain/random.js';
import { createLogger } from '../dist/telemetry/logger.js';

const [
  brokers = '',
  model = fileURLToPath(new URL('../models/bundle', import.meta.url)),
  rounds = '3',
  count = '960',
] = process.argv.slice(2);
const partitions = 3;
const posts = Number(count);
const photo = readFileSync(new URL('../assets/demo/photos/cat.jpg', import.meta.url));

const next = mulberry32(1);
/** Milliseconds with a mean of 300: the sum of four exponential ones. */
const gamma = () => 75 * [1, 2, 3, 4].reduce((sum) => sum - Math.log(1 - next()), 0);

let slow = false;
let served = 0;
const server = createServer(({ url }, response) => {
  served += 1;
  // What stands behind a JPEG's end is not looked at: each photo is one of its own.
  const body = Buffer.concat([photo, Buffer.from(String(url))]);
  const answer = () => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(body);
  if (slow) setTimeout(answer, served % 64 === 0 ? 4_500 : gamma());
  else answer();
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const { port } = server.address();

async function run(isSlow, round) {
  slow = isSlow;
  const name = `slow-photos-${process.pid}-${round}-${isSlow}`;
  const topics = { inputTopic: `${name}-in`, outputTopic: `${name}-out`, deadLetterTopic: `${name}-dead` };
  const config = loadConfig({
    flags: {
      kafka: { brokers: brokers.split(','), groupId: name, ...topics },
      images: {
        allow: [`127.0.0.1:${port}`],
        concurrency: 64,
        hostConcurrency: 1_024,
        hostFailures: 1_000_000,
      },
      noise: { duplicateWindow: 0 },
      model: { path: model },
      log: { level: 'error' },
    },
  });
  const kafka = createKafka(config.kafka, createLogger('silent'));
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: Object.values(topics).map((topic) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: 1,
    })),
  });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({
    topic: topics.inputTopic,
    messages: Array.from({ length: posts }, (_, index) => {
      const id = `${name}-${index}`;
      const image = `http://127.0.0.1:${port}/${id}.jpg`;
      return {
        key: id,
        partition: index % partitions,
        value: JSON.stringify({ id, text: `my cat, day ${index}`, images: [image] }),
      };
    }),
  });
  await producer.disconnect();

  let done = 0;
  let began = 0;
  let most = 0;
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const agent = await startAgent(config, {
    transport: { kind: 'kafka' },
    web: false,
    observe(outcomes) {
      began ||= performance.now();
      done += outcomes.length;
      most = Math.max(most, process.memoryUsage().rss);
      if (done >= posts) finish();
    },
  });
  const joined = performance.now();
  await finished;
  const seconds = (performance.now() - joined) / 1_000;
  await agent.stop('measured');
  return { postsPerSecond: posts / seconds, rssMiB: most / 2 ** 20 };
}

const ratios = [];
const figures = [];
for (let round = 0; round < Number(rounds); round++) {
  const atOnce = await run(false, round);
  const slowly = await run(true, round);
  ratios.push(slowly.postsPerSecond / atOnce.postsPerSecond);
  figures.push({ atOnce, slowly });
}
server.close();
const sorted = ratios.toSorted((a, b) => a - b);
const round2 = (value) => Number(value.toFixed(2));
process.stdout.write(
  `${JSON.stringify({ slowOverAtOnce: { median: round2(sorted[sorted.length >> 1]), min: round2(sorted[0]), max: round2(sorted.at(-1)) }, figures }, undefined, 2)}\n`,
);
process.exit(0);
