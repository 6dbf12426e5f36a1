import type { Readable, Writable } from 'node:stream';
import type { Config } from './config/load.js';
import type { Outcome } from './domain/outcome.js';
import type { ConsumedBatch } from './domain/record.js';
import type { Sink, Source } from './domain/transport.js';
import { createKafka } from './kafka/client.js';
import { describeTopics } from './kafka/topics.js';
import { packageVersion } from './config/package-version.js';
import { createLoneTagging, createPipeline, type AcquireSteps, type Steps } from './pipeline.js';
import { KafkaSink } from './sink/kafka.js';
import { NdjsonSink } from './sink/ndjson.js';
import { KafkaSource } from './source/kafka.js';
import { NdjsonSource } from './source/ndjson.js';
import { openTagger, type LoadedModel, type Tagger } from './tagger.js';
import type { Events } from './telemetry/events.js';
import { createLogger, type Logger } from './telemetry/logger.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { openEvents } from './telemetry/open-events.js';
import { encodeThumbnail } from './images/decode-image.js';
import { isLoopback } from './web/gate.js';
import { createRecentPosts, type RecentPosts } from './web/recent-posts.js';
import { createWebServer, type WebServer } from './web/server.js';

/** The longest line of NDJSON; Kafka's brokers have a limit of their own. */
const maxLineBytes = 64 * 2 ** 20;

/** Where posts come from and where their outcomes go. */
export type Transport =
  | { readonly kind: 'kafka' }
  | { readonly kind: 'ndjson'; readonly input: Named<Readable>; readonly output: Named<Writable> };

/** A stream with what people call it. */
export interface Named<S> {
  readonly name: string;
  readonly stream: S;
}

export interface AgentOptions {
  readonly transport: Transport;
  /** Whether the live page, the metrics and the health checks are served. */
  readonly web: boolean;
  /** Folder from which posts may name images by path; none may where it is not given. */
  readonly imageFolder?: string;
  /** What it tags with, in the place of the configured model; whoever opened it closes it. */
  readonly tagger?: Tagger;
  /** Is told of outcomes that are out, in their order. */
  readonly observe?: (outcomes: readonly Outcome[]) => void;
  /** Stops the agent when it is aborted, with why as its reason; during the start as soon as the step under way is done. */
  readonly stopping?: AbortSignal;
}

/** A running agent. */
export interface Agent {
  /**
   * Resolves when everything is drained and closed, with whether the input had ended or the agent was stopped before;
   * rejects when the agent had to give up.
   */
  readonly finished: Promise<'ended' | 'stopped'>;
  /** Where the live page is, if it is served. */
  readonly address: string | undefined;
  /** What it tags with; absent where it was stopped while it started. */
  readonly tagger: Tagger | undefined;
  /** Takes no new posts, finishes those under way, and settles with `finished`. */
  stop(why: string): Promise<void>;
}

/** What comes of a start that was stopped. */
const stoppedAgent: Agent = {
  finished: Promise.resolve('stopped'),
  address: undefined,
  tagger: undefined,
  stop: () => Promise.resolve(),
};

/**
 * Builds an agent from its configuration and starts it: here its parts are made, joined, and closed again.
 *
 * @throws ConfigurationError when the model, the execution provider or the web address can't be used
 * @throws InfrastructureError when the output can't be reached
 */
export async function startAgent(config: Config, options: AgentOptions): Promise<Agent> {
  const logger = createLogger(config.log.level);
  const metrics = createMetrics();
  const { events, tracing } = await openEvents(logger, metrics, process.env, packageVersion);
  metrics.buildInfo.set({ version: packageVersion, node: process.version }, 1);

  const { stopping } = options;
  const opened: { close(): Promise<void> }[] = [tracing];
  const closeAll = async (): Promise<void> => {
    for (const part of opened.reverse()) await part.close();
  };
  try {
    const tagger = options.tagger ?? (await openTagger(config, events, options.imageFolder));
    if (options.tagger === undefined) opened.push(tagger);
    stopping?.throwIfAborted();
    const { source, sink, ready } = createTransport(config, options.transport, logger, events);
    await sink.open();
    opened.push(sink);
    stopping?.throwIfAborted();
    const recentPosts = createRecentPosts(config.web.recentPosts);
    let address: string | undefined;
    if (options.web) {
      const web = createWeb(config, options.transport, metrics, events, recentPosts, tagger, ready);
      address = await web.listen();
      opened.push(web);
      stopping?.throwIfAborted();
      events.webListening(address, isLoopback(config.web.host) || config.web.token !== undefined);
    }
    const handle = createPipeline(
      () => lend(tagger.slot, ({ steps }) => steps),
      { images: config.images.concurrency, inference: config.inference.concurrency },
      sink,
      events,
      (batch, outcomes) => {
        publish(batch, outcomes, events, recentPosts);
        options.observe?.(outcomes);
      },
    );
    events.started({ version: packageVersion, config });
    let stopped = false;
    const untilFinished = async (): Promise<'ended' | 'stopped'> => {
      try {
        await Promise.race([source.run(handle), tagger.slot.died]);
        return stopped ? 'stopped' : 'ended';
      } finally {
        await source.stop();
        await closeAll();
        events.stopped();
      }
    };
    const finished = untilFinished();
    const stop = async (why: string): Promise<void> => {
      stopped = true;
      events.stopping(why);
      await source.stop();
      await finished;
    };
    stopping?.addEventListener('abort', () => {
      // What the drain ends with is what `finished` ends with, and that is awaited by whoever started the agent.
      stop(String(stopping.reason)).catch(() => undefined);
    });
    return { finished, address, tagger, stop };
  } catch (error) {
    await closeAll();
    // Whatever went wrong after that, it kept nothing from being done.
    if (stopping?.aborted !== true) throw error;
    events.stopped();
    return stoppedAgent;
  }
}

interface OpenTransport {
  readonly source: Source;
  readonly sink: Sink;
  /** Whether the source can hand out posts now. */
  ready(): boolean;
}

function createTransport(
  { kafka, delivery }: Config,
  transport: Transport,
  logger: Logger,
  events: Events,
): OpenTransport {
  if (transport.kind === 'ndjson') {
    const { input, output } = transport;
    const { chunkSize, concurrentChunks } = kafka;
    const options = { name: input.name, chunkSize, concurrentChunks, maxLineBytes };
    const source = new NdjsonSource(input.stream, options, events);
    return { source, sink: new NdjsonSink(output.stream), ready: () => true };
  }
  const source = new KafkaSource(createKafka(kafka, logger), { ...kafka, delivery }, events);
  // The input topic is asked for with the sink's own, so that all that are missing are named at once.
  const describeAll: typeof describeTopics = (client, names) =>
    describeTopics(client, [...names, kafka.inputTopic]);
  const sink = new KafkaSink(createKafka(kafka, logger), describeAll, { ...kafka, delivery });
  return { source, sink, ready: () => source.ready };
}

function createWeb(
  { web, kafka, inference }: Config,
  transport: Transport,
  metrics: Metrics,
  events: Events,
  recentPosts: RecentPosts,
  { slot }: Tagger,
  ready: () => boolean,
): WebServer {
  const [input, output] =
    transport.kind === 'kafka'
      ? [kafka.inputTopic, kafka.outputTopic]
      : [transport.input.name, transport.output.name];
  return createWebServer({
    ...web,
    token: web.token?.reveal(),
    metrics,
    recentPosts,
    encodeThumbnail,
    tagAlone: createLoneTagging(() => lend(slot, ({ loneSteps }) => loneSteps), events),
    lastTrouble: events.lastTrouble,
    health: {
      unhealthyBecause: () =>
        slot.live.waitingMs() > inference.timeoutMs ? ['an inference worker does not answer'] : [],
      unreadyBecause: () =>
        ready() ? [] : ['the consumer group has not been joined, or results cannot be written'],
    },
    about: {
      ...{ version: packageVersion, input, output },
      get model() {
        const { name, version } = slot.live.model;
        return { name, version };
      },
      get provider() {
        return slot.live.model.provider;
      },
    },
  });
}

/** The steps of the live model, with the right to use them. */
function lend(slot: Tagger['slot'], stepsOf: (model: LoadedModel) => Steps): ReturnType<AcquireSteps> {
  const { value, release } = slot.acquire();
  return { steps: stepsOf(value), release };
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
