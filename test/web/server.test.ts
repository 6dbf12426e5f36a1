import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/domain/errors.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { createRecentPosts } from '../../src/web/recent-posts.js';
import { createWebServer, type WebServer, type WebServerOptions } from '../../src/web/server.js';
import { deadLetter, photo, tagged } from './finished-posts.js';

const about = {
  version: '1.2.3',
  model: { name: 'm', version: '0' },
  provider: 'cpu',
  input: 'posts',
  output: 'keyphrases',
};

const started: WebServer[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function start(options: Partial<WebServerOptions> = {}) {
  const recentPosts = createRecentPosts(10);
  const metrics = createMetrics();
  const server = createWebServer({
    host: '127.0.0.1',
    hosts: [],
    port: 0,
    metrics,
    health: { unhealthyBecause: () => [], unreadyBecause: () => [] },
    recentPosts,
    encodeThumbnail: async ({ width, height }) => Buffer.from(`jpeg of ${width} x ${height}`),
    about,
    tagAlone: ({ position }) => Promise.resolve({ ...tagged('typed', { text: 'typed' }), position }),
    lastTrouble: () => undefined,
    ...options,
  });
  started.push(server);
  const address = await server.listen();
  return { server, address, recentPosts, metrics };
}

/** Reads a response's body until it has `wanted` in it; the whole of it where it ends before. */
async function readUntil(response: Response, wanted: string): Promise<string> {
  let text = '';
  for await (const chunk of (response.body ?? expect.fail()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes(wanted)) break;
  }
  return text;
}

describe('the web server', () => {
  it('serves the live page and its files, which may load nothing from elsewhere', async () => {
    const { address } = await start();
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/page.css', 'text/css'],
      ['/page.js', 'text/javascript'],
      ['/icon.svg', 'image/svg+xml'],
    ]) {
      const response = await fetch(`${address}${path}`);
      expect(response.status, path).toBe(200);
      expect(response.headers.get('content-type'), path).toContain(type);
      expect(response.headers.get('content-security-policy'), path).toContain("default-src 'none'");
      expect(response.headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(response.headers.get('access-control-allow-origin'), path).toBeNull();
    }
  });

  it('serves the metrics in Prometheus’ format', async () => {
    const { address, metrics } = await start();
    metrics.postsTagged.inc(3);
    const response = await fetch(`${address}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toContain('\ntagstream_posts_tagged_total 3\n');
  });

  it('serves the metrics as OpenMetrics to those who ask for it, with whether the agent is ready and healthy', async () => {
    const health = { unhealthyBecause: (): string[] => [], unreadyBecause: () => ['the model is loading'] };
    const { address } = await start({ health });
    const response = await fetch(`${address}/metrics`, {
      headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    });
    expect(response.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    expect(response.headers.get('vary')).toBe('accept');
    const text = await response.text();
    expect(text).toContain('\ntagstream_ready 0\n');
    expect(text).toContain('\ntagstream_healthy 1\n');
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });

  it('says that it is alive and ready, or why not', async () => {
    const health = { unhealthyBecause: (): string[] => [], unreadyBecause: () => ['the model is loading'] };
    const { address } = await start({ health });
    const alive = await fetch(`${address}/healthz`);
    expect([alive.status, await alive.json()]).toEqual([200, { ok: true, reasons: [] }]);
    const ready = await fetch(`${address}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { ok: false, reasons: ['the model is loading'] },
    ]);
  });

  it('gives the recent posts, newest first, and the counters', async () => {
    const { address, recentPosts } = await start();
    recentPosts.add({ outcome: tagged('a', { text: 'cats' }), timestamp: Date.now() });
    recentPosts.add({ outcome: deadLetter('not_json', Buffer.from('{')), timestamp: Date.now() });
    expect(await (await fetch(`${address}/api/posts`)).json()).toMatchObject([
      { key: 2, kind: 'dead-letter', excerpt: '{' },
      { key: 1, kind: 'tagged', text: 'cats' },
    ]);
    expect(await (await fetch(`${address}/api/stats`)).json()).toMatchObject({
      about,
      tagged: 1,
      deadLettered: { not_json: 1 },
    });
  });

  it('gives a photo’s thumbnail while its post is remembered, and 404 for any other key', async () => {
    const { address, recentPosts } = await start();
    recentPosts.add({ outcome: tagged('a', { photo }), timestamp: 0 });
    const found = await fetch(`${address}/api/photos/1`);
    expect(found.headers.get('content-type')).toBe('image/jpeg');
    expect(await found.text()).toBe('jpeg of 2 x 2');
    for (const key of ['2', 'x', '-1', '1.5', '__proto__', '..%2f1']) {
      expect((await fetch(`${address}/api/photos/${key}`)).status, key).toBe(404);
    }
  });

  it('streams the posts it remembers and then each new one', async () => {
    const { address, recentPosts } = await start();
    recentPosts.add({ outcome: tagged('before'), timestamp: 0 });
    const response = await fetch(`${address}/api/stream`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    recentPosts.add({ outcome: tagged('after'), timestamp: 0 });
    const text = await readUntil(response, 'event: post');
    expect(text).toMatch(
      /^id: .*-1\nevent: opened\ndata: {"stats":{.*"id":"before".*}\n\nid: .*-2\nevent: post\ndata: {.*"id":"after"/ms,
    );
  });

  it('goes on where a stream broke off, with what came meanwhile, and begins anew for ids it does not know', async () => {
    const { address, recentPosts } = await start();
    const streamFrom = async (id: string) =>
      readUntil(await fetch(`${address}/api/stream`, { headers: { 'last-event-id': id } }), '"id":"third"');
    recentPosts.add({ outcome: tagged('first'), timestamp: 0 });
    const [, id = ''] =
      /^id: (.+)$/m.exec(await readUntil(await fetch(`${address}/api/stream`), 'opened')) ?? [];
    recentPosts.add({ outcome: tagged('second'), timestamp: 0 });
    recentPosts.add({ outcome: tagged('third'), timestamp: 0 });
    const resumed = await streamFrom(id);
    expect(resumed).toMatch(/event: resumed\n.*event: post\n.*"id":"second".*event: post\n.*"id":"third"/s);
    expect(resumed).not.toContain('"id":"first"');
    expect(await streamFrom('0123456789ab-1')).toMatch(/event: opened\n.*"id":"first"/s);
  });

  it('tells of partitions with their lag, of trends, and of what went wrong last with its remedy', async () => {
    const trouble = { at: '2026-01-01T00:00:00.000Z', what: 'w', detail: 'd', remedy: 'r' };
    const { address, metrics } = await start({ lastTrouble: () => trouble });
    metrics.consumerLagRecords.set({ topic: 'posts', partition: 0 }, 3);
    metrics.consumerLagSeconds.set({ topic: 'posts', partition: 0 }, 1.5);
    metrics.consumerLagRecords.set({ topic: 'posts', partition: 1 }, 7);
    metrics.consumerLagSeconds.set({ topic: 'posts', partition: 1 }, 2.5);
    expect(await (await fetch(`${address}/api/stats`)).json()).toMatchObject({
      agent: {
        partitions: [
          { topic: 'posts', partition: 1, lagRecords: 7, lagSeconds: 2.5 },
          { topic: 'posts', partition: 0, lagRecords: 3, lagSeconds: 1.5 },
        ],
        trouble,
      },
      sample: { lagSeconds: 2.5, p50: null },
    });
    expect(await (await fetch(`${address}/api/trends`)).json()).toHaveLength(3);
  });

  it('cuts off the stream that has been open longest where there is no room for another', async () => {
    const { address } = await start({ bounds: { maxClients: 1, maxBufferedBytes: 1_000 } });
    const oldest = await fetch(`${address}/api/stream`);
    const other = await fetch(`${address}/api/stream`);
    await readUntil(other, 'event: opened');
    // A connection that breaks off, as to a browser that comes back after it.
    await expect(oldest.text()).rejects.toThrow('terminated');
  });

  it('ends open streams when it closes', async () => {
    const { server, address } = await start();
    const response = await fetch(`${address}/api/stream`);
    await server.close();
    await response.text().catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
    await expect(fetch(`${address}/healthz`)).rejects.toThrow();
  });

  it('closes though a browser holds a connection open that it never used', async () => {
    const { server, address } = await start();
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    await once(socket, 'connect');
    await server.close();
    await once(socket.resume(), 'close');
  });

  it('names web.port when the port is in use', async () => {
    const { address } = await start();
    const second = start({ port: Number(new URL(address).port) });
    await expect(second).rejects.toThrow(ConfigurationError);
    await expect(second).rejects.toThrow(/web\.port: \d+ is in use on 127\.0\.0\.1/);
  });

  it('names web.host when it is no address of this machine', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toThrow(/web\.host: 192\.0\.2\.1 is no address/);
  });

  /** What the server answers to bytes that no client would send. */
  async function raw(address: string, request: string): Promise<string> {
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    socket.end(request);
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }
  const get = (path: string, more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`;

  it.each([
    '/../../../etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/page.js/../../../package.json',
    '/..\\..\\package.json',
    '/page.css%00.html',
    '//etc/passwd',
    '/assets/page/index.html',
    '/api/photos/../../package.json',
    'file:///etc/passwd',
    '/.git/config',
    '/package.json',
  ])('gives no file for %s', async (path) => {
    const { address } = await start();
    const answer = await raw(address, get(path));
    expect(answer).toMatch(/^HTTP\/1\.1 (400|404) /);
    expect(answer).not.toMatch(/root:|"dependencies"|<html/);
  });

  it('tells the browser to be strict on every answer, be it a refusal', async () => {
    const { address } = await start({ token: 'a token of 23 letters' });
    const paths = ['/', '/nothing-here', '/healthz', '/api/photos/%ff', '/api/posts'];
    for (const path of paths) {
      const { headers } = await fetch(address + path);
      expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('x-frame-options'), path).toBe('DENY');
    }
  });

  it('is called by its own names alone, but for health and metrics', async () => {
    const { address } = await start({ hosts: ['posts.example'] });
    const { port } = new URL(address);
    const statusOf = async (host: string, path: string) =>
      (await raw(address, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).slice(9, 12);
    for (const host of [
      `localhost:${port}`,
      '127.0.0.1',
      '[::1]:8080',
      '10.1.2.3',
      'posts.example',
      'Posts.Example.:80',
    ])
      expect(await statusOf(host, '/api/posts'), host).toBe('200');
    for (const host of [
      'evil.test',
      `localhost.evil.test:${port}`,
      'localhost@evil.test',
      'evil.test#localhost',
      '',
    ])
      expect(await statusOf(host, '/api/posts'), host).toBe('403');
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect(await statusOf('evil.test', path)).toBe('200');
  });

  it('lets no page of another site use what the browser knows of it', async () => {
    const { address } = await start();
    const statusOf = async (site: string, mode: string) =>
      (
        await raw(address, get('/api/stream', `Sec-Fetch-Site: ${site}\r\nSec-Fetch-Mode: ${mode}\r\n`))
      ).slice(9, 12);
    expect(await statusOf('cross-site', 'cors')).toBe('403');
    expect(await statusOf('same-site', 'no-cors')).toBe('403');
    const fromAbroad = get('/', 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n');
    expect((await raw(address, fromAbroad)).slice(9, 12)).toBe('200');
  });

  it('wants its token for all but health and metrics, as bearer token or as password', async () => {
    const token = 'correct horse: battery';
    const { address } = await start({ token });
    const statusOf = async (path: string, authorization?: string) =>
      (await fetch(address + path, authorization === undefined ? {} : { headers: { authorization } })).status;
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    for (const path of [
      '/',
      '/page.js',
      '/api/posts',
      '/api/stats',
      '/api/stream',
      '/api/photos/1',
      '/none',
    ]) {
      expect(await statusOf(path), path).toBe(401);
      expect(await statusOf(path, 'Bearer correct horse'), path).toBe(401);
    }
    for (const wrong of [
      '',
      'Bearer',
      'Bearer ',
      'Basic',
      'Basic !!!',
      basic(token),
      basic('user:'),
      `Digest ${token}`,
    ])
      expect(await statusOf('/api/posts', wrong), wrong).toBe(401);
    expect(await statusOf('/api/posts', `Bearer ${token}`)).toBe(200);
    expect(await statusOf('/api/posts', basic(`anyone:${token}`))).toBe(200);
    expect((await fetch(address)).headers.get('www-authenticate')).toMatch(/^Basic /);
    for (const path of ['/healthz', '/readyz', '/metrics']) expect(await statusOf(path), path).toBe(200);
  });

  it('answers GET and HEAD and nothing else', async () => {
    const { address } = await start();
    expect((await fetch(`${address}/`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${address}/api/posts`, { method: 'POST', body: '{}' })).status).toBe(404);
  });

  describe('asked to tag a post that someone types', () => {
    const json = { 'content-type': 'application/json' };
    const post = (address: string, body: string, headers: Record<string, string> = json) =>
      fetch(`${address}/api/trials`, { method: 'POST', headers, body });
    const pixel = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';

    it('hands it over in tagstream’s own format, gives back what became of it, and keeps nothing of it', async () => {
      const given: unknown[] = [];
      const { address, recentPosts } = await start({
        tagAlone({ position, value }) {
          given.push(JSON.parse(String(value)));
          return Promise.resolve({ ...tagged('typed-1', { text: 'hi', photo }), position });
        },
      });
      const answer = await post(address, JSON.stringify({ text: 'hi', image: pixel }));
      expect([answer.status, await answer.json()]).toMatchObject([
        200,
        { kind: 'tagged', text: 'hi', key: 0, typed: true },
      ]);
      expect(given).toEqual([{ id: 'typed-1', text: 'hi', images: [pixel] }]);
      expect(recentPosts.newestFirst()).toEqual([]);
      expect(recentPosts.stats().tagged).toBe(0);
    });

    it.each([
      ['no JSON', '{', 400],
      ['no text', '{}', 400],
      ['a number for a text', '{"text":12345}', 400],
      ['a list for a text', '{"text":["a"]}', 400],
      ['nothing for a text', '{"text":null}', 400],
      ['a photo by its address', '{"text":"a","image":"http://169.254.169.254/"}', 400],
      ['a photo by its path', '{"text":"a","image":"/etc/passwd"}', 400],
      ['another kind of data', '{"text":"a","image":"data:text/html;base64,AAAA"}', 400],
      ['too much', `{"text":"${'x'.repeat(8_600_000)}"}`, 413],
    ])('refuses %s', async (_what, body, status) => {
      const { address } = await start({ tagAlone: () => expect.fail() });
      const answer = await post(address, body);
      expect(answer.status).toBe(status);
      expect(await answer.json()).toEqual({ error: expect.any(String) });
    });

    it('refuses what a form of another page can send', async () => {
      const { address } = await start({ tagAlone: () => expect.fail() });
      const body = '{"text":"a"}';
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
      ])
        expect((await post(address, body, { 'content-type': type })).status, type).toBe(415);
      const abroad = [
        { origin: 'http://evil.test' },
        { origin: 'null' },
        { origin: 'http://127.0.0.1:1' },
        { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
        { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
      ];
      for (const headers of abroad) {
        const request = `POST /api/trials HTTP/1.1\r\nHost: ${new URL(address).host}\r\nConnection: close\r\n`;
        const lines = Object.entries({ ...json, 'content-length': String(body.length), ...headers });
        const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
        const answer = await raw(address, `${request}${head}\r\n${body}`);
        expect(answer.slice(9, 12), JSON.stringify(headers)).toBe('403');
      }
    });

    it('wants the token, and takes its own origin', async () => {
      const { address } = await start({ token: 'a token of 23 letters' });
      expect((await post(address, '{"text":"a"}')).status).toBe(401);
      const own = { ...json, authorization: 'Bearer a token of 23 letters', origin: address };
      expect((await post(address, '{"text":"a"}', own)).status).toBe(200);
    });

    it('says that it is busy where many come at once, and answers again a little later', async () => {
      const { address } = await start();
      // What is refused for its type or its size takes nobody's turn.
      for (let i = 0; i < 20; i += 1) {
        const asText = await post(address, '{"text":"a"}', { 'content-type': 'text/plain' });
        expect(asText.status).toBe(415);
      }
      const statuses: number[] = [];
      for (let i = 0; i < 20; i += 1) statuses.push((await post(address, '{"text":"a"}')).status);
      expect(statuses).toContain(429);
      expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(6);
      await expect
        .poll(async () => (await post(address, '{"text":"a"}')).status, { timeout: 10_000 })
        .toBe(200);
    });

    it('says that the agent could not answer, and no more, where the model fails', async () => {
      const { address } = await start({ tagAlone: () => Promise.reject(new Error('/secret/path')) });
      const answer = await post(address, '{"text":"a"}');
      expect([answer.status, await answer.json()]).toEqual([500, { error: 'the agent could not answer' }]);
    });
  });
});
