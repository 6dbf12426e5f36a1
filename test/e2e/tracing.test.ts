import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startTagstream, tagstream } from '../support/agent-process.js';
import { demoPhotos, startImageServer } from '../support/image-server.js';
import { describeWithKafka } from '../support/kafka.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { produce } from '../support/transport.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function receiver(status?: number): Promise<OtlpReceiver> {
  const started = await startOtlpReceiver(status);
  ends.push(started.stop);
  return started;
}

const text = 'Wildflowers in the rain, and a secret nobody else may read';
const isPost = ({ name }: ReceivedSpan): boolean => name.startsWith('process ');

describeWithKafka('tracing', (broker) => {
  it('goes on with the trace of a record’s headers, tells each stage, and hands it on with the result', async () => {
    const collector = await receiver();
    const images = await startImageServer();
    ends.push(images.stop);
    // A photo that belongs to the text.
    const photo = [...demoPhotos().keys()].find((name) => name.startsWith('flower')) ?? '';
    const inputTopic = await broker.createTopic('posts');
    const outputTopic = await broker.createTopic('keyphrases');
    const deadLetterTopic = await broker.createTopic('dead');
    const agent = startTagstream(['run', '--port', '0', '--brokers', broker.brokers.join(',')], {
      TAGSTREAM_KAFKA_INPUT_TOPIC: inputTopic,
      TAGSTREAM_KAFKA_OUTPUT_TOPIC: outputTopic,
      TAGSTREAM_KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic,
      TAGSTREAM_KAFKA_GROUP_ID: inputTopic,
      TAGSTREAM_IMAGES_ALLOW: images.allow,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    ends.push(() => {
      agent.process.kill('SIGTERM');
      return agent.exited;
    });
    const given = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
    await produce(broker, inputTopic, [
      {
        key: 'a',
        value: JSON.stringify({ id: 'a', text, images: [`${images.url}/photos/${photo}`] }),
        headers: { traceparent: `00-${given.trace}-${given.span}-01`, tracestate: 'shop=7' },
      },
      { key: 'b', value: JSON.stringify({ id: 'b', text: `${text}, twice` }) },
      { key: 'c', value: `no JSON: ${text}` },
      { key: 'd', value: null },
    ]);
    while (collector.spans.filter(isPost).length < 4) {
      if (agent.process.exitCode !== null) throw new Error(agent.stderr());
      await sleep(100);
    }

    const spanAt = (offset: number) =>
      collector.spans.find((span) => isPost(span) && span.attributes['messaging.kafka.offset'] === offset)!;
    const partsOf = ({ spanId }: ReceivedSpan) =>
      collector.spans.filter(({ parentId }) => parentId === spanId).map(({ name }) => name);

    expect(spanAt(0)).toMatchObject({
      traceId: given.trace,
      parentId: given.span,
      attributes: { 'tagstream.outcome': 'tagged', 'tagstream.image': 'used' },
      failed: false,
    });
    expect(partsOf(spanAt(0))).toEqual([
      ...['fetch_image', 'decode_image', 'look_at_image', 'predict_keyphrases', 'write'],
    ]);
    expect(partsOf(spanAt(1))).toEqual(['look_at_image', 'predict_keyphrases', 'write']);
    expect(spanAt(1).parentId).toBe('');
    expect(spanAt(1).traceId).not.toBe(given.trace);
    expect(spanAt(2)).toMatchObject({ attributes: { 'tagstream.outcome': 'dead-letter' }, failed: true });
    expect(spanAt(3).attributes['tagstream.outcome']).toBe('tombstone');
    for (const span of collector.spans.filter(isPost)) {
      expect(span.attributes).toMatchObject({
        'messaging.destination.name': inputTopic,
        'messaging.destination.partition.id': '0',
      });
      expect(span.seconds).toBeGreaterThan(0);
    }
    expect(collector.resources[0]).toMatchObject({
      'service.name': 'tagstream',
      'deployment.environment.name': 'test',
    });

    const results = await broker.consoleConsumer(outputTopic);
    const handedOn = results.map(({ headers }) => String(headers['traceparent']));
    expect(handedOn).toEqual(
      [spanAt(0), spanAt(1), spanAt(3)].map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
    );
    expect(String(results[0]?.headers['tracestate'])).toBe('shop=7');
    const [letter] = await broker.consoleConsumer(deadLetterTopic);
    expect(letter?.headers).not.toHaveProperty('traceparent');

    // Neither spans nor the log tell anything of the posts' text.
    expect(JSON.stringify(collector.spans)).not.toMatch(/wildflower|secret/i);
    expect(agent.stderr()).not.toMatch(/wildflower|secret/i);
    const address = /"address":"([^"]+)"/.exec(agent.stderr())?.[1] ?? '';
    const metrics = await fetch(`${address}/metrics`, {
      headers: { accept: 'application/openmetrics-text' },
    });
    const [, exemplar] =
      /# \{partition="0",offset="\d",trace_id="([0-9a-f]{32})"\}/.exec(await metrics.text()) ?? [];
    expect(collector.spans.filter(isPost).map(({ traceId }) => traceId)).toContain(exemplar);
  });
});

describe('tracing', () => {
  const post = ['tag', '--text', text, '--log-level', 'warn'];

  it('sends what is left before the process ends', async () => {
    const collector = await receiver();
    const { code } = await tagstream(post, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect(code).toBe(0);
    expect(collector.spans.filter(isPost)).toHaveLength(1);
  });

  it.each([
    ['nothing asks for it', () => ({})],
    [
      'OTEL_SDK_DISABLED is true',
      (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' }),
    ],
    [
      'OTEL_TRACES_EXPORTER is none',
      (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none' }),
    ],
    [
      'OTEL_TRACES_SAMPLER is always_off',
      (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: 'always_off' }),
    ],
  ] as const)('is off where %s', async (_when, environment) => {
    const collector = await receiver();
    const { code } = await tagstream(post, environment(collector.url));
    expect(code).toBe(0);
    expect(collector.requests()).toBe(0);
  });

  it('keeps no post and no process where the collector refuses or is gone, and says so', async () => {
    const collector = await receiver(400);
    const refused = await tagstream(post, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect(refused.code).toBe(0);
    expect(collector.requests()).toBeGreaterThan(0);
    expect(refused.stdout).toContain('"keyphrases"');
    expect(refused.stderr).toContain('spans cannot be delivered');
    const gone = await tagstream(post, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect(gone.code).toBe(0);
    expect(gone.stdout).toBe(refused.stdout);
  });
});
