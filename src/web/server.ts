import fastify, { type FastifyError, type FastifyReply } from 'fastify';
import { ConfigurationError } from '../domain/errors.js';
import type { ModelVersion } from '../domain/outcome.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Trouble } from '../telemetry/troubles.js';
import { partitionsOf, type AgentState } from './agent-state.js';
import { createEventStream, type EventStreamBounds } from './event-stream.js';
import { createGate, type GateOptions } from './gate.js';
import { createHistory, sampleOf, type Sample } from './history.js';
import { listenFault } from './listen-fault.js';
import { loadPage, securityHeaders } from './page.js';
import type { RecentPosts } from './recent-posts.js';
import type { Stats } from './tally.js';
import { createThumbnails, type EncodeThumbnail } from './thumbnails.js';
import { createTrials, maxTrialBytes, trialSchema, type TagAlone, type Trial } from './trial.js';

/** Room for a hundred pages and more, and no way to fill the memory: what waits for several of them is kept once. */
const defaultBounds: EventStreamBounds = { maxClients: 128, maxBufferedBytes: 256_000 };

/** Posts a page is given when it opens: as many as it shows. */
const postsOnOpening = 50;

/** What health checks and Prometheus ask, by whatever name and without a token. */
const openToAll: ReadonlySet<string | undefined> = new Set(['/metrics', '/healthz', '/readyz']);

/** How often a page hears the counters; they also keep a quiet connection alive. */
const statsEveryMs = 1_000;

/** Every so many times it hears the trends as well: counting them over an hour takes some milliseconds. */
const statsPerTrends = 2;

/** What health checks ask. An empty list is the good answer. */
export interface Health {
  /** Why the process should be restarted. */
  unhealthyBecause(): readonly string[];
  /** Why it cannot take work now. */
  unreadyBecause(): readonly string[];
}

/** What the page's header says of the agent. */
export interface About {
  readonly version: string;
  readonly model: ModelVersion;
  /** The execution provider in use. */
  readonly provider: string;
  /** Where posts come from and where results go, for people ("posts on 127.0.0.1:9092"). */
  readonly input: string;
  readonly output: string;
}

export interface WebServerOptions extends GateOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly recentPosts: RecentPosts;
  readonly encodeThumbnail: EncodeThumbnail;
  readonly about: About;
  readonly tagAlone: TagAlone;
  /** What went wrong last beside the data. */
  lastTrouble(): Trouble | undefined;
  readonly bounds?: EventStreamBounds;
}

export interface WebServer {
  /**
   * Starts to serve.
   *
   * @returns the address, as a URL.
   * @throws ConfigurationError where host and port cannot be listened on.
   */
  listen(): Promise<string>;
  /** Ends every open stream and stops serving. */
  close(): Promise<void>;
}

/** What the page is told each second. */
interface Status extends Stats {
  readonly about: About;
  readonly agent: AgentState;
  readonly sample: Sample;
}

/**
 * The live page, its data, the metrics and the health checks. There is nothing here to change the agent with: a post
 * that a visitor types is tagged and given back.
 */
export function createWebServer(options: WebServerOptions): WebServer {
  const { host, port, metrics, health, recentPosts, about } = options;
  // A browser opens connections it may never use, and Node does not count those as idle: closing forces them.
  const server = fastify({
    bodyLimit: 1_024,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    // A path that cannot be read passes by all hooks.
    frameworkErrors(_error, _request, reply) {
      void refuse(reply.headers(securityHeaders), 400, 'the path is malformed');
    },
  });
  const thumbnails = createThumbnails(recentPosts, options.encodeThumbnail);
  const trials = createTrials(options.tagAlone);
  const history = createHistory();
  const gate = createGate(options);
  const stream = createEventStream({
    bounds: options.bounds ?? defaultBounds,
    event: 'post',
    heldAfter: recentPosts.heldAfter,
  });

  async function status(): Promise<Status> {
    const stats = recentPosts.stats();
    const partitions = await partitionsOf(metrics);
    const trouble = options.lastTrouble();
    return {
      about,
      ...stats,
      agent: {
        unready: health.unreadyBecause(),
        unhealthy: health.unhealthyBecause(),
        partitions,
        ...(trouble === undefined ? {} : { trouble }),
      },
      sample: sampleOf(stats, partitions, Date.now()),
    };
  }

  server.addHook('onRequest', async ({ routeOptions, headers, method }, reply) => {
    reply.headers(securityHeaders);
    const refusal = openToAll.has(routeOptions.url) ? undefined : gate(headers, method);
    if (refusal === undefined) return undefined;
    if (refusal.code === 401) reply.header('www-authenticate', 'Basic realm="tagstream", charset="UTF-8"');
    return refuse(reply, refusal.code, refusal.error);
  });
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const { statusCode = 500 } = error;
    return refuse(reply, statusCode, statusCode < 500 ? error.message : 'the agent could not answer');
  });
  // Bodies of any other type than JSON are refused: those alone a form of another page could send.
  server.removeContentTypeParser('text/plain');

  for (const { path, contentType, body } of loadPage()) {
    server.get(path, (_request, reply) => reply.type(contentType).send(body));
  }

  server.get('/metrics', async (request, reply) => {
    metrics.ready.set(health.unreadyBecause().length === 0 ? 1 : 0);
    metrics.healthy.set(health.unhealthyBecause().length === 0 ? 1 : 0);
    const { contentType, text } = await metrics.expose(request.headers.accept);
    return reply.header('vary', 'accept').type(contentType).send(text);
  });
  server.get('/healthz', (_request, reply) => answer(reply, health.unhealthyBecause()));
  server.get('/readyz', (_request, reply) => answer(reply, health.unreadyBecause()));

  server.get('/api/posts', () => recentPosts.newestFirst());
  server.get('/api/stats', status);
  server.get('/api/trends', () => recentPosts.trends());
  server.get('/api/stream', { exposeHeadRoute: false }, async ({ headers }, reply) => {
    const common = { stats: await status(), trends: recentPosts.trends(), history: history.samples() };
    const place = stream.placeOf(headers['last-event-id']);
    const client =
      place === undefined
        ? stream.open(
            'opened',
            { ...common, posts: recentPosts.newestFirst().slice(0, postsOnOpening) },
            recentPosts.latestKey(),
          )
        : stream.open('resumed', common, place);
    if (client === undefined) return refuse(reply.header('retry-after', '10'), 503, 'too many open pages');
    return reply.type('text/event-stream').send(client);
  });
  server.get<{ Params: { key: string } }>('/api/photos/:key', async ({ params }, reply) => {
    const thumbnail = await thumbnails.get(Number(params.key));
    if (thumbnail === undefined) return refuse(reply, 404, 'no photo is remembered under this key');
    return reply.type('image/jpeg').send(thumbnail);
  });
  server.post<{ Body: Trial }>(
    '/api/trials',
    { bodyLimit: maxTrialBytes, schema: { body: trialSchema } },
    async ({ body }, reply) => {
      const result = await trials.run(body);
      if (!('busyForSeconds' in result)) return result;
      const { busyForSeconds } = result;
      return refuse(
        reply.header('retry-after', busyForSeconds),
        429,
        'too many posts are typed at the moment',
      );
    },
  );

  const unsubscribe = recentPosts.subscribe(() => stream.flush());
  let ticks = 0;
  async function tick(): Promise<void> {
    const now = await status();
    history.add(now.sample);
    stream.flush();
    stream.send('stats', () => now);
    if (ticks % statsPerTrends === 0) stream.send('trends', () => recentPosts.trends());
    ticks += 1;
  }
  const ticking = setInterval(() => void tick(), statsEveryMs).unref();

  return {
    async listen() {
      try {
        return await server.listen({ host, port });
      } catch (error) {
        const fault = listenFault(error, host, port);
        throw fault === undefined ? error : new ConfigurationError([fault]);
      }
    },
    async close() {
      unsubscribe();
      clearInterval(ticking);
      stream.close();
      await server.close();
    },
  };
}

function answer(reply: FastifyReply, reasons: readonly string[]): FastifyReply {
  const ok = reasons.length === 0;
  return reply.code(ok ? 200 : 503).send({ ok, reasons });
}

function refuse(reply: FastifyReply, code: number, error: string): FastifyReply {
  return reply.code(code).send({ error });
}
