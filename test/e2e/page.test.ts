import { describe, expect, it } from 'vitest';
import { startTagstream } from '../support/agent-process.js';
import { dropFile } from '../support/drop-file.js';
import { demoPhotos } from '../support/image-server.js';
import { pagesInABrowser } from '../web/pages-in-a-browser.js';

/** Generous: a busy machine takes its time to load the model. */
const timeout = 120_000;

describe('The live page of a running demo', () => {
  const { open } = pagesInABrowser();

  it(
    'streams tagged posts, and tags at once what someone types with a photo dropped on it',
    { timeout: 2 * timeout },
    async () => {
      // A time-out of a photo would be told as a photo that was not used.
      const agent = startTagstream(['demo', '--port', '0'], { TAGSTREAM_IMAGES_TIMEOUT_MS: '60000' });
      try {
        await expect.poll(agent.stdout, { timeout }).toMatch(/http:\S+/);
        const [address = ''] = /http:\/\/[^ ]+/.exec(agent.stdout()) ?? [];
        const { context, page, asked, troubles } = await open();
        await page.goto(address);
        const streamed = page.locator('#posts article.tagged', { has: page.locator('canvas.weights') });
        await streamed.first().waitFor({ timeout });
        await streamed.locator('.keyphrase').first().waitFor();

        await page
          .locator('#composer-text')
          .fill('This little one sleeps on my keyboard again #CatsOfTwitter');
        await dropFile(page, 'cat.jpg', 'image/jpeg', demoPhotos().get('cat.jpg') ?? expect.fail());
        await page.locator('#composer-photo-name', { hasText: 'cat.jpg' }).waitFor();
        await page.locator('#composer-send').click();
        const result = page.locator('#composer-result article.tagged');
        await result.waitFor({ timeout });
        expect(await result.locator('.keyphrase .phrase').allTextContents()).toContain('cats of twitter');
        expect(await result.locator('.entities').textContent()).toMatch(/cat/);
        expect(await result.locator('mark').allTextContents()).toContain('CatsOfTwitter');
        // The photo is drawn on the page, with the weights over it: the agent has not kept it.
        expect(await result.locator('canvas').count()).toBe(2);
        expect(await result.locator('img').count()).toBe(0);
        const kept = (await (await fetch(`${address}/api/posts`)).json()) as readonly {
          readonly id?: string;
        }[];
        expect(kept.filter(({ id }) => id?.startsWith('typed'))).toEqual([]);

        await page.locator('#composer-clear').click();
        expect(await result.count()).toBe(0);
        expect(await page.locator('#composer-text').inputValue()).toBe('');

        expect(asked.filter((url) => !url.startsWith(address))).toEqual([]);
        expect(troubles).toEqual([]);
        await context.close();
      } finally {
        agent.process.kill('SIGTERM');
        await agent.exited;
      }
    },
  );
});
