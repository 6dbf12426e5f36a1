import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { createRecentPosts } from '../../src/web/recent-posts.js';
import { createWebServer, type WebServer, type WebServerOptions } from '../../src/web/server.js';
import { findBrowser, startBrowser } from '../support/browser.js';
import { demoPhotos } from '../support/image-server.js';
import { tagged } from './finished-posts.js';

const found = findBrowser();

/**
 * Live pages in a real browser, for the tests of the block that calls it; they are skipped where there is none.
 *
 * @param hostNames names that lead to this machine
 */
export function pagesInABrowser(hostNames: readonly string[] = []) {
  let browser: Browser | undefined;
  const servers: WebServer[] = [];

  beforeAll(async () => {
    if ('path' in found) browser = await startBrowser(found.path, hostNames);
  });
  afterAll(() => browser?.close());
  beforeEach(({ skip }) => {
    if ('reason' in found) skip(found.reason);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  return {
    /** A live page without an agent behind it. */
    async serve(options: Partial<WebServerOptions> = {}) {
      const recentPosts = createRecentPosts(100);
      const metrics = createMetrics();
      const [jpeg = Buffer.alloc(0)] = demoPhotos().values();
      const server = createWebServer({
        host: '127.0.0.1',
        hosts: [],
        port: 0,
        metrics,
        health: { unhealthyBecause: () => [], unreadyBecause: () => [] },
        recentPosts,
        encodeThumbnail: () => Promise.resolve(jpeg),
        about: {
          version: '1',
          model: { name: 'm', version: '1' },
          provider: 'cpu',
          input: 'in',
          output: 'out',
        },
        tagAlone: ({ position }) => Promise.resolve({ ...tagged('typed', { text: 'typed' }), position }),
        lastTrouble: () => undefined,
        ...options,
      });
      servers.push(server);
      const address = await server.listen();
      return { server, recentPosts, metrics, address, port: Number(new URL(address).port) };
    },

    /** A page with all that it asks for, logs and throws. */
    async open(options: BrowserContextOptions = {}) {
      const context = await (browser ?? expect.fail()).newContext(options);
      const page = await context.newPage();
      const asked: string[] = [];
      const troubles: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      page.on('console', (message) => {
        if (message.type() === 'error') troubles.push(message.text());
      });
      page.on('pageerror', (error) => troubles.push(error.message));
      page.on('dialog', (dialog) => {
        troubles.push('a dialog');
        void dialog.dismiss();
      });
      return { context, page, asked, troubles };
    },
  };
}
