import type { Readable, Writable } from 'node:stream';
import type { Config } from './config.js';
import { InfrastructureError } from './domain/errors.js';
import type { Outcome } from './domain/outcome.js';
import type { ConsumedBatch } from './domain/record.js';
import type { Sink, Source } from './domain/transport.js';
import { createKafka } from './kafka/client.js';
import { describeTopics, type TopicPartitions } from './kafka/topics.js';
import { packageVersion } from './package-version.js';
import { createPipeline } from './pipeline.js';
import { KafkaSink } from './sink/kafka.js';
import { NdjsonSink } from './sink/ndjson.js';
import { KafkaSource } from './source/kafka.js';
import { NdjsonSource } from './source/ndjson.js';
import { openTagger, type Tagger } from './tagger.js';
import { createEvents, type Events } from './telemetry/events.js';
import { createLogger, type Logger } from './telemetry/logger.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { encodeThumbnail } from './transform/decode-image.js';
import { createRecentPosts, type RecentPosts } from './web/recent-posts.js';
import { createWebServer, type WebServer } from './web/server.js';

/** The longest line of NDJSON; Kafka's brokers have a limit of their own. */
const maxLineBytes = 64 * 2 ** 20;

/** Where posts come from and where their outcomes go. */
export type Transport =
  | { readonly kind: 'kafka' }
  | { readonly kind: 'ndjson'; readonly input: Readable; readonly name: string; readonly output: Writable };

export interface AgentOptions {
  readonly transport: Transport;
  /** Whether the live page, the metrics and the health checks are served. */
  readonly web: boolean;
  /** Folder from which posts may name images by path; none may where it is not given. */
  readonly imageFolder?: string;
  /** Is told of outcomes that are out, in their order. */
  readonly observe?: (outcomes: readonly Outcome[]) => void;
}

/** A running agent. */
export interface Agent {
  /**
   * Resolves when the input has ended or the agent was stopped, and everything is drained and closed; rejects when
   * the agent had to give up.
   */
  readonly finished: Promise<void>;
  /** Where the live page is, if it is served. */
  readonly address: string | undefined;
  /** Takes no new posts, finishes those under way, and settles with `finished`. */
  stop(why: string): Promise<void>;
}

/**
 * Builds an agent from its configuration and starts it: here its parts are made, joined, and closed again.
 *
 * @throws ConfigurationError when the model, the execution provider or the web address can't be used
 * @throws InfrastructureError when the output can't be reached
 */
export async function startAgent(config: Config, options: AgentOptions): Promise<Agent> {
  const logger = createLogger(config.log.level);
  const metrics = createMetrics();
  const events = createEvents(logger, metrics);
  metrics.buildInfo.set({ version: packageVersion, node: process.version }, 1);

  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    for (const part of opened.reverse()) await part.close();
  };
  try {
    const tagger = await openTagger(config, events, options.imageFolder);
    opened.push(tagger);
    const { source, sink, joined } = createEnds(config, options.transport, logger, events);
    await sink.open();
    opened.push(sink);
    const recentPosts = createRecentPosts(config.web.recentPosts);
    let address: string | undefined;
    if (options.web) {
      const web = createWeb(config, metrics, recentPosts, tagger, joined);
      address = await web.listen();
      opened.push(web);
      events.webListening(address);
    }
    const handle = createPipeline(
      tagger.steps,
      { images: config.images.concurrency, inference: config.inference.concurrency },
      sink,
      events,
      (batch, outcomes) => {
        publish(batch, outcomes, events, recentPosts);
        options.observe?.(outcomes);
      },
    );
    events.started({ version: packageVersion, config });
    const finished = untilFinished(source, source.run(handle), tagger.died, async () => {
      await closeAll();
      events.stopped();
    });
    return {
      finished,
      address,
      async stop(why) {
        events.stopping(why);
        await source.stop();
        await finished;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function untilFinished(
  source: Source,
  running: Promise<void>,
  died: Promise<never>,
  close: () => Promise<void>,
): Promise<void> {
  try {
    await Promise.race([running, died]);
  } finally {
    await source.stop();
    await close();
  }
}

interface Ends {
  readonly source: Source;
  readonly sink: Sink;
  /** Whether the source can hand out posts now. */
  joined(): boolean;
}

function createEnds({ kafka }: Config, transport: Transport, logger: Logger, events: Events): Ends {
  if (transport.kind === 'ndjson') {
    const { input, name, output } = transport;
    const source = new NdjsonSource(input, { name, chunkSize: kafka.chunkSize, maxLineBytes }, events);
    return { source, sink: new NdjsonSink(output), joined: () => true };
  }
  const source = new KafkaSource(createKafka(kafka, logger), kafka, events);
  const sink = new KafkaSink(createKafka(kafka, logger), kafka);
  return { source, sink, joined: () => source.joined };
}

function createWeb(
  { web, kafka, inference }: Config,
  metrics: Metrics,
  recentPosts: RecentPosts,
  { model, provider, waitingMs }: Tagger,
  joined: () => boolean,
): WebServer {
  return createWebServer({
    ...web,
    metrics,
    recentPosts,
    encodeThumbnail,
    health: {
      unhealthyBecause: () =>
        waitingMs() > inference.timeoutMs ? ['the inference worker does not answer'] : [],
      unreadyBecause: () => (joined() ? [] : ['the consumer group has not been joined']),
    },
    about: { version: packageVersion, model, provider, input: kafka.inputTopic, output: kafka.outputTopic },
  });
}

/** Tells telemetry and the live page of outcomes that are safely out. */
function publish(
  batch: ConsumedBatch,
  outcomes: readonly Outcome[],
  events: Events,
  recentPosts: RecentPosts,
): void {
  const timestamps = new Map(batch.records.map(({ position, timestamp }) => [position.offset, timestamp]));
  for (const outcome of outcomes) {
    const timestamp = timestamps.get(outcome.position.offset) ?? Date.now();
    events.outcomeOut(outcome, timestamp);
    recentPosts.add({ outcome, timestamp });
  }
}

/**
 * Asks the brokers for the three topics.
 *
 * @throws InfrastructureError naming the topics that don't exist
 * @throws KafkaJSError when no broker answers
 */
export async function checkTopics({ kafka }: Config): Promise<readonly TopicPartitions[]> {
  const names = [kafka.inputTopic, kafka.outputTopic, kafka.deadLetterTopic];
  const topics = await describeTopics(createKafka(kafka, createLogger('silent')), names);
  const missing = topics.filter(({ partitions }) => partitions === 0).map(({ topic }) => topic);
  if (missing.length === 0) return topics;
  throw new InfrastructureError(
    `on ${kafka.brokers.join(', ')} there is no topic ${missing.join(', ')}: create it`,
  );
}

/**
 * Loads the model as an agent would, and lets go of it again.
 *
 * @throws ConfigurationError when the bundle or the execution provider can't be used
 */
export async function checkModel(config: Config): Promise<Pick<Tagger, 'model' | 'provider' | 'note'>> {
  const tagger = await openTagger(config, createEvents(createLogger('silent'), createMetrics()));
  await tagger.close();
  return tagger;
}
