import fastify, { type FastifyReply } from 'fastify';
import { ConfigurationError, type ConfigurationFault } from '../domain/errors.js';
import type { ModelVersion } from '../domain/outcome.js';
import type { Metrics } from '../telemetry/metrics.js';
import { createEventStream, type EventStreamBounds } from './event-stream.js';
import { createGate, type GateOptions } from './gate.js';
import { loadPage, securityHeaders } from './page.js';
import type { RecentPosts } from './recent-posts.js';
import { createThumbnails, type EncodeThumbnail } from './thumbnails.js';

/** Sixteen pages that lag by up to a megabyte each: room for a team, and no way to fill the memory. */
const defaultBounds: EventStreamBounds = { maxClients: 16, maxBufferedBytes: 1_000_000 };

/** Posts a page is given when it opens: as many as it shows. */
const postsOnOpening = 50;

/** What health checks and Prometheus ask, by whatever name and without a token. */
const openToAll: ReadonlySet<string | undefined> = new Set(['/metrics', '/healthz', '/readyz']);

/** How often a page hears the counters; they also keep a quiet connection alive. */
const statsEveryMs = 1_000;

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

/** The live page, its data, the metrics and the health checks. It only reads: there is nothing here to change the agent with. */
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
  const stream = createEventStream(options.bounds ?? defaultBounds);
  const gate = createGate(options);
  const stats = () => ({ about, ...recentPosts.stats() });
  const posts = () => recentPosts.newestFirst();

  server.addHook('onRequest', async ({ routeOptions, headers }, reply) => {
    reply.headers(securityHeaders);
    const refusal = openToAll.has(routeOptions.url) ? undefined : gate(headers);
    if (refusal === undefined) return undefined;
    if (refusal.code === 401) reply.header('www-authenticate', 'Basic realm="tagstream", charset="UTF-8"');
    return refuse(reply, refusal.code, refusal.error);
  });

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

  server.get('/api/posts', posts);
  server.get('/api/stats', stats);
  server.get('/api/stream', { exposeHeadRoute: false }, (_request, reply) => {
    const client = stream.open('opened', { stats: stats(), posts: posts().slice(0, postsOnOpening) });
    if (client === undefined) return refuse(reply.header('retry-after', '10'), 503, 'too many open pages');
    return reply.type('text/event-stream').send(client);
  });
  server.get<{ Params: { key: string } }>('/api/photos/:key', async ({ params }, reply) => {
    const thumbnail = await thumbnails.get(Number(params.key));
    if (thumbnail === undefined) return refuse(reply, 404, 'no photo is remembered under this key');
    return reply.type('image/jpeg').send(thumbnail);
  });

  const unsubscribe = recentPosts.subscribe((post) => {
    stream.send('post', post);
  });
  const ticking = setInterval(() => {
    stream.send('stats', stats());
  }, statsEveryMs).unref();

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

/** Which setting keeps the server from listening and what to do, for the faults a user can mend. */
function listenFault(error: unknown, host: string, port: number): ConfigurationFault | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return {
        key: 'web.port',
        problem: `${port} is in use on ${host}: stop what uses it or choose another (0: any)`,
      };
    case 'EACCES':
      return { key: 'web.port', problem: `${port} may not be used by this user: choose one above 1023` };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        key: 'web.host',
        problem: `${host} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all`,
      };
    default:
      return undefined;
  }
}
