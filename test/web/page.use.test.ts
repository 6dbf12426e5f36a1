import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Keyphrase, Origin } from '../../src/domain/keyphrase.js';
import type { Outcome } from '../../src/domain/outcome.js';
import { accessibilityFaults } from '../support/axe.js';
import { dropFile } from '../support/drop-file.js';
import { startWire } from '../support/wire.js';
import { deadLetter, photo, tagged, type TaggedOptions } from './finished-posts.js';
import { pagesInABrowser } from './pages-in-a-browser.js';

const regions = {
  rows: 7,
  columns: 7,
  weights: Array.from({ length: 49 }, () => 1 / 49),
  box: [0, 0, 1, 1],
} as const;

function keyphrase(phrase: string, origin: readonly Origin[], start?: number): Keyphrase {
  if (start === undefined) return { phrase, score: 0.5, present: false, origin };
  const span = { of: 'text', start, end: start + phrase.length } as const;
  return { phrase, score: 0.5, present: true, origin, span };
}

const rich: TaggedOptions = {
  text: 'a cat on the moon',
  photo,
  use: { used: true, match: 0.9, text: 'Caturday Club', regions },
  entities: [{ label: 'tabby', score: 0.7, box: [0.1, 0.1, 0.5, 0.5] }],
  keyphrases: [keyphrase('cat', ['copied', 'classified'], 2), keyphrase('space', ['generated'])],
};

const trouble = { at: '2026-01-01T00:00:00.000Z', what: 'it broke', detail: 'd', remedy: 'mend it' };

const ids = (page: Page) => page.locator('#posts article .id').allTextContents();

describe('the live page in use', { timeout: 240_000 }, () => {
  const { serve, open } = pagesInABrowser();
  let offset = 0n;
  /** A post at a place of its own, which permalinks need. */
  const at = (outcome: Outcome) => {
    offset += 1n;
    return { outcome: { ...outcome, position: { ...outcome.position, offset } }, timestamp: Date.now() };
  };

  it('shows a post with its photo, weights, boxes, keyphrases, and where they came from and stand', async () => {
    const { recentPosts, metrics, address } = await serve({ lastTrouble: () => trouble });
    metrics.consumerLagRecords.set({ topic: 'posts', partition: 4 }, 12);
    metrics.consumerLagSeconds.set({ topic: 'posts', partition: 4 }, 3);
    recentPosts.add(at(tagged('rich', rich)));
    recentPosts.add(at(tagged('poor', { use: { used: false, reason: 'not_matching', match: 0.1 }, photo })));
    const { context, page, asked, troubles } = await open();
    await page.goto(address);
    const card = page.locator('#posts article', { hasText: 'cat on the moon' });
    await card.waitFor();
    expect(await card.locator('canvas.weights').count()).toBe(1);
    expect(await card.locator('.box').textContent()).toBe('tabby');
    expect(await card.locator('figcaption').textContent()).toBe('90% match');
    expect(await card.textContent()).toContain('readsCaturday Club');
    expect(await card.locator('.keyphrase').allTextContents()).toEqual([
      'cat50%copied, classified',
      'space50%generated',
    ]);
    const mark = card.locator('mark');
    expect(await mark.textContent()).toBe('cat');
    await card.locator('.keyphrase', { hasText: 'cat' }).hover();
    expect(await mark.getAttribute('class')).toBe('lit');
    await page.mouse.move(0, 0);
    expect(await mark.getAttribute('class')).toBe('');
    expect(await page.locator('figcaption', { hasText: 'not used' }).textContent()).toBe(
      'Photo not used: does not match the text, 10% match',
    );
    expect(await page.locator('#trends li').allTextContents()).toEqual(['cat1', 'space1']);
    expect(await page.locator('#partition-rows').textContent()).toContain('posts/412 behind, 3 s');
    expect(await page.locator('#trouble').textContent()).toContain('mend it');
    await expect.poll(() => page.locator('#chart-lag canvas').isVisible()).toBe(true);
    expect(await page.locator('.chart canvas').count()).toBe(3);
    expect(asked.filter((url) => !url.startsWith(address))).toEqual([]);
    expect(troubles).toEqual([]);
    await context.close();
  });

  it('misses nothing that is still held when the connection breaks off, and shows nothing twice', async () => {
    const { recentPosts, port } = await serve();
    const wire = await startWire(port);
    recentPosts.add(at(tagged('1')));
    const { context, page } = await open();
    await page.goto(wire.address);
    const state = () => page.locator('#connection').getAttribute('data-state');
    await expect.poll(() => ids(page)).toEqual(['1']);
    for (const [before, after] of [
      ['2', '3'],
      ['4', '5'],
    ] as const) {
      recentPosts.add(at(tagged(before)));
      wire.cut();
      await expect.poll(state).toBe('lost');
      recentPosts.add(at(tagged(after)));
      wire.mend();
      await expect.poll(state).toBe('live');
    }
    await expect.poll(() => ids(page)).toEqual(['5', '4', '3', '2', '1']);
    await context.close();
  });

  it('replaces what it shows where the agent was started anew', async () => {
    const first = await serve();
    first.recentPosts.add(at(tagged('old')));
    const { context, page } = await open();
    await page.goto(first.address);
    await expect.poll(() => ids(page)).toEqual(['old']);
    await first.server.close();
    const second = await serve({ port: first.port });
    second.recentPosts.add(at(tagged('new')));
    await expect.poll(() => ids(page)).toEqual(['new']);
    await context.close();
  });

  it('lets new posts wait under a pointer, for who has scrolled, and while it is paused', async () => {
    const { recentPosts, address } = await serve();
    for (let i = 1; i <= 10; i += 1) recentPosts.add(at(tagged(`${i}`, rich)));
    const { context, page } = await open({ reducedMotion: 'reduce' });
    await page.goto(address);
    const tenth = page.locator('#posts article', { hasText: '10' }).first();
    await tenth.hover();
    const place = await tenth.boundingBox();
    recentPosts.add(at(tagged('11')));
    const newer = page.locator('#newer');
    await newer.waitFor();
    expect(await newer.textContent()).toBe('1 new post');
    expect(await tenth.boundingBox()).toEqual(place);
    expect((await ids(page))[0]).toBe('10');
    await page.mouse.move(0, 0);
    const newest = async () => (await ids(page))[0];
    await expect.poll(newest).toBe('11');
    await page.evaluate('scrollTo(0, 900)');
    recentPosts.add(at(tagged('12')));
    await newer.click();
    expect(await newest()).toBe('12');
    await expect.poll(() => page.evaluate('scrollY')).toBe(0);
    await page.mouse.move(0, 0);
    await page.locator('#pause').click();
    recentPosts.add(at(tagged('13')));
    await expect.poll(() => page.locator('#pause').textContent()).toBe('Resume (1)');
    expect(await newest()).toBe('12');
    await page.locator('#pause').click();
    await expect.poll(newest).toBe('13');
    await context.close();
  });

  it('shows only posts of a keyphrase or an origin, those that come as well', async () => {
    const { recentPosts, address } = await serve();
    const cats = { keyphrases: [keyphrase('cats', ['copied'])] };
    const dogs = { keyphrases: [keyphrase('dogs', ['classified'])] };
    recentPosts.add(at(tagged('cats-1', cats)));
    recentPosts.add(at(tagged('dogs-1', dogs)));
    recentPosts.add(at(deadLetter('not_json', null)));
    const { context, page } = await open();
    await page.goto(address);
    await page.locator('#trends .phrase', { hasText: 'cats' }).click();
    expect(await ids(page)).toEqual(['cats-1']);
    expect(await page.locator('#posts article').count()).toBe(1);
    recentPosts.add(at(tagged('dogs-2', dogs)));
    recentPosts.add(at(tagged('cats-2', cats)));
    await expect.poll(() => ids(page)).toEqual(['cats-2', 'cats-1']);
    await page.locator('#filter-clear').click();
    await expect.poll(() => ids(page)).toEqual(['cats-2', 'dogs-2', 'dogs-1', 'cats-1']);
    await page.locator('#filter-origin').selectOption('classified');
    expect(await ids(page)).toEqual(['dogs-2', 'dogs-1']);
    await page.locator('#filter-keyphrase').fill('CAT');
    expect(await page.locator('#empty').isVisible()).toBe(true);
    await context.close();
  });

  it('has a link to one post, and copies its result as it went out', async () => {
    const { recentPosts, address } = await serve();
    const post = tagged('rich', rich);
    recentPosts.add(at(post));
    recentPosts.add(at(tagged('other')));
    const { context, page, troubles } = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.goto(address);
    const card = page.locator('#posts article', { hasText: 'cat on the moon' });
    await card.locator('.quiet-button').click();
    await expect.poll(() => card.locator('.quiet-button').textContent()).toBe('Copied');
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(JSON.parse(copied)).toEqual(post.result);
    await card.locator('a.place').click();
    const single = page.locator('#single');
    await single.locator('article', { hasText: 'cat on the moon' }).waitFor();
    expect(await page.locator('#stream').isVisible()).toBe(false);
    await page.reload();
    await single.locator('article', { hasText: 'cat on the moon' }).waitFor();
    await page.locator('#back').click();
    await page.locator('#posts article').nth(1).waitFor();
    for (const gone of ['posts%2F0%2F7', '%E0%A4%A', '']) {
      await page.goto(`${address}/#post=${gone}`);
      await single.getByText('no longer keeps').waitFor();
    }
    expect(troubles).toEqual([]);
    await context.close();
  });

  it('says why a typed post or a dropped file is not taken', async () => {
    const { address } = await serve({ tagAlone: () => Promise.reject(new Error('no model')) });
    const { context, page } = await open();
    await page.goto(address);
    const status = () => page.locator('#composer-status').textContent();
    await page.locator('#composer-text').fill('hello');
    await page.locator('#composer-send').click();
    await expect.poll(status).toBe('Not tagged: the agent could not answer.');
    await dropFile(page, 'notes.txt', 'text/plain', Buffer.from('no image'));
    await expect.poll(status).toBe('That file is no image.');
    await dropFile(page, 'huge.png', 'image/png', Buffer.alloc(6_000_001));
    await expect.poll(status).toBe('That photo is larger than 6 MB.');
    await context.close();
  });

  it.each([
    ['light', 1600],
    ['dark', 1600],
    ['dark', 800],
    ['light', 360],
    ['dark', 360],
  ] as const)('has no fault that axe finds, in %s and %d pixels wide', async (colorScheme, width) => {
    const { recentPosts, address } = await serve({
      lastTrouble: () => trouble,
      health: { unhealthyBecause: () => [], unreadyBecause: () => ['not joined'] },
    });
    recentPosts.add(at(tagged('rich', rich)));
    recentPosts.add(at(tagged('unused', { use: { used: false, reason: 'not_matching' }, photo })));
    recentPosts.add(at(tagged('away', { use: { used: false, reason: 'timed_out' } })));
    recentPosts.add(at(deadLetter('not_json', Buffer.from('{'))));
    recentPosts.add(at({ kind: 'tombstone', position: tagged('x').position, id: 'gone' }));
    // What fades in has no contrast yet.
    const reducedMotion = 'reduce';
    const { context, page } = await open({ colorScheme, reducedMotion, viewport: { width, height: 900 } });
    const overflow = () =>
      page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    await page.goto(address);
    await page.locator('#posts article').nth(4).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await overflow()).toBe(0);
    const closed = page.locator('details.panel:not([open]) summary');
    while ((await closed.count()) > 0) await closed.first().click();
    await page.locator('#composer-text').fill('hello');
    await page.locator('#composer-send').click();
    await page.locator('#composer-result article').waitFor();
    await page.locator('#filter-keyphrase').fill('cat');
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await overflow()).toBe(0);
    await page.goto(`${address}/#post=nowhere`);
    await page.locator('#single .empty').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    // It would find one.
    await page.evaluate(`document.body.append(document.createElement('img'))`);
    expect((await accessibilityFaults(page)).join()).toMatch(/^image-alt: body > img/);
    await context.close();
  });

  it('can be used by keyboard alone, and moves nothing for who wants no motion', async () => {
    const { recentPosts, address } = await serve();
    recentPosts.add(at(tagged('1', rich)));
    recentPosts.add(at(tagged('2', rich)));
    const { context, page } = await open({ reducedMotion: 'reduce' });
    await page.goto(address);
    await page.locator('#posts article').nth(1).waitFor();
    const animation = `getComputedStyle(document.querySelector('article')).animationName`;
    expect(await page.evaluate(animation)).toBe('none');
    const focused = () => page.evaluate(`document.activeElement.className`);
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('skip');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('card tagged');
    await page.keyboard.press('PageDown');
    expect(await page.evaluate(`document.activeElement.querySelector('.id').textContent`)).toBe('1');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('phrase');
    await page.keyboard.press('Enter');
    expect(await page.locator('#filter-keyphrase').inputValue()).toBe('cat');
    await context.close();
  });
});
