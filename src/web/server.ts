import type { IncomingHttpHeaders } from 'node:http';
import fastify, { type FastifyError, type FastifyReply } from 'fastify';
import { ConfigurationError } from '../domain/errors.js';
import { createGate, type GateOptions } from './gate.js';
import { listenFault } from './listen-fault.js';
import { createLiveFeed, type LiveFeedOptions } from './live-feed.js';
import { loadPage, securityHeaders } from './page.js';
import { createThumbnails, type EncodeThumbnail } from './thumbnails.js';
import { createTrials, maxTrialBytes, trialSchema, type TagAlone, type Trial } from './trial.js';

/** What health checks and Prometheus ask, by whatever name and without a token. */
const openToAll: ReadonlySet<string | undefined> = new Set(['/metrics', '/healthz', '/readyz']);

export interface WebServerOptions extends GateOptions, LiveFeedOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly encodeThumbnail: EncodeThumbnail;
  readonly tagAlone: TagAlone;
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

/**
 * The live page, its data, the metrics and the health checks. There is nothing here to change the agent with: a post
 * that a visitor types is tagged and given back.
 */
export function createWebServer(options: WebServerOptions): WebServer {
  const { host, port, metrics, health, recentPosts } = options;
  // A browser opens connections it may never use, and Node does not count those as idle: closing forces them.
  const server = fastify({
    bodyLimit: 1_024,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    // A number is no text: what is not as the schema has it is refused, not made to fit.
    ajv: { customOptions: { coerceTypes: false } },
    // A path that cannot be read passes by all hooks.
    frameworkErrors(_error, _request, reply) {
      void refuse(reply.headers(securityHeaders), 400, 'the path is malformed');
    },
  });
  const thumbnails = createThumbnails(recentPosts, options.encodeThumbnail);
  const trials = createTrials(options.tagAlone);
  const gate = createGate(options);
  const feed = createLiveFeed(options);

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
  server.get('/api/stats', feed.status);
  server.get('/api/trends', () => recentPosts.trends());
  server.get('/api/stream', { exposeHeadRoute: false }, async ({ headers }, reply) => {
    const events = await feed.open(headers['last-event-id']);
    if (events === undefined) return refuse(reply.header('retry-after', '10'), 503, 'the agent is ending');
    return reply.type('text/event-stream').send(events);
  });
  server.get<{ Params: { key: string } }>('/api/photos/:key', async ({ params }, reply) => {
    const thumbnail = await thumbnails.get(Number(params.key));
    if (thumbnail === undefined) return refuse(reply, 404, 'no photo is remembered under this key');
    return reply.type('image/jpeg').send(thumbnail);
  });
  server.post<{ Body: Trial }>(
    '/api/trials',
    {
      bodyLimit: maxTrialBytes,
      schema: { body: trialSchema },
      async onRequest({ headers }, reply) {
        // What is refused for its type or size takes nobody's turn.
        if (!isJson(headers) || Number(headers['content-length'] ?? 0) > maxTrialBytes) return undefined;
        const seconds = trials.busyForSeconds();
        if (seconds === 0) return undefined;
        return refuse(reply.header('retry-after', seconds), 429, 'too many posts are typed at the moment');
      },
    },
    ({ body }) => trials.run(body),
  );

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
      feed.close();
      await server.close();
    },
  };
}

function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\b/i.test(headers['content-type'] ?? '');
}

function answer(reply: FastifyReply, reasons: readonly string[]): FastifyReply {
  const ok = reasons.length === 0;
  return reply.code(ok ? 200 : 503).send({ ok, reasons });
}

function refuse(reply: FastifyReply, code: number, error: string): FastifyReply {
  return reply.code(code).send({ error });
}
