import { describe, expect, it } from 'vitest';
import { deadLetter, photo, tagged } from './finished-posts.js';
import { pagesInABrowser } from './pages-in-a-browser.js';

const token = 'a token of 23 letters';

/** What would run, load or leave the page if it were markup; `pwned` and `evil.test` are what the test looks for. */
const markup = [
  '<script>pwned = 1</script>',
  '<img src=x onerror="pwned = 1">',
  '<img src="http://evil.test/a.gif">',
  '<svg onload="pwned = 1"><animate onbegin="pwned = 1"/></svg>',
  '<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>',
  '"><style>@import "http://evil.test/a.css";</style>',
  '<a href="javascript:pwned = 1" autofocus onfocus="pwned = 1">here</a>',
  '<meta http-equiv="refresh" content="0;url=http://evil.test/">',
  '</p></article><base href="http://evil.test/">',
  '{{constructor.constructor("pwned = 1")()}}${pwned = 1}',
  '\u202e\u2066<b>\u0000\u2028',
  'javascript:pwned=1//--></title></textarea></noscript><script>pwned=1</script>',
].map((text, index) => ({ text, name: `hostile text ${index}` }));

describe('the live page in a browser', () => {
  const { serve, open } = pagesInABrowser(['evil.test', 'posts.example']);

  it(`shows markup of strangers as text, in every place it can stand`, async () => {
    const { recentPosts, address } = await serve({
      about: {
        version: '<b>1</b>',
        model: { name: '<b>m</b>', version: '<i>1</i>' },
        provider: '<u>cpu</u>',
        input: '<img src=x onerror="pwned = 1">',
        output: '<script>pwned = 1</script>',
      },
    });
    for (const { text, name } of markup) {
      const post = tagged(name, {
        text,
        photo,
        use: { used: true },
        keyphrases: [
          {
            phrase: text,
            score: 0.5,
            present: true,
            origin: ['copied'],
            span: { of: 'text', start: 0, end: 3 },
          },
        ],
      });
      const position = { topic: text, partition: 0, offset: 1n };
      const result = { ...post.result, id: text, entities: [{ label: text, score: 0.5 }] };
      recentPosts.add({ outcome: { ...post, position, result }, timestamp: 0 });
      const letter = { ...deadLetter('not_json', Buffer.from(text)), detail: text };
      recentPosts.add({ outcome: letter, timestamp: 0 });
      recentPosts.add({ outcome: { kind: 'tombstone', position, id: text }, timestamp: 0 });
    }
    const { context, page, asked, troubles } = await open();
    await page.goto(address);
    await page
      .locator('article')
      .nth(3 * markup.length - 1)
      .waitFor();
    // Posts that come while the page is open are drawn by another way than those that were there.
    const [first] = markup;
    recentPosts.add({ outcome: tagged('late', { text: first?.text ?? '' }), timestamp: 0 });
    await page.locator('article .id', { hasText: 'late' }).waitFor();

    const shown = await page.locator('article.tagged .text').allTextContents();
    for (const { text } of markup) expect(shown).toContain(text);
    for (const place of ['.phrase', '.entity', '.id', '.place', '.excerpt']) {
      expect((await page.locator(`article ${place}`).allTextContents()).join('\n'), place).toContain(
        '<script>pwned = 1',
      );
    }
    expect(await page.locator('#input').textContent()).toBe('<img src=x onerror="pwned = 1">');
    // Nothing of a kind that the page itself does not make, and no attribute that runs.
    expect(
      await page
        .locator('article')
        .locator('script, iframe, svg, style, a:not([href^="#post="]), meta, base, b, i, u')
        .count(),
    ).toBe(0);
    expect(await page.locator('article img:not([src^="/api/photos/"])').count()).toBe(0);
    expect(await page.evaluate('globalThis.pwned')).toBeUndefined();
    expect(asked.filter((url) => !url.startsWith(address))).toEqual([]);
    expect(troubles).toEqual([]);
    await context.close();
  });

  it('has a policy that the browser keeps, even where the page were to make a mistake', async () => {
    const { address } = await serve();
    const { context, page } = await open();
    // What the policy stops never gets an answer.
    const evil: string[] = [];
    page.on('response', (response) => {
      if (response.url().includes('evil.test')) evil.push(response.url());
    });
    await page.goto(address);
    const evaluated = (expression: string): Promise<unknown> =>
      page.evaluate(`new Promise((done) => done(${expression})).catch(({ name }) => name)`);
    for (const { text } of markup) {
      const html = JSON.stringify(text);
      expect(await evaluated(`document.body.insertAdjacentHTML('beforeend', ${html})`)).toBe('TypeError');
      expect(await evaluated(`document.body.setAttribute('onclick', ${html})`)).toBe('TypeError');
      const script = `Object.assign(document.createElement('script'), { text: ${html} })`;
      expect(await evaluated(script)).toBe('TypeError');
    }
    const image = `Object.assign(new Image(), { src: 'http://evil.test/a.gif' }).decode()`;
    expect(await evaluated(image)).toBe('EncodingError');
    expect(await evaluated(`fetch('http://evil.test/')`)).toBe('TypeError');
    expect(await page.evaluate('globalThis.pwned')).toBeUndefined();
    expect(evil).toEqual([]);
    await context.close();
  });

  it('asks for the token, and works with it', async () => {
    const { recentPosts, address } = await serve({ token });
    recentPosts.add({
      outcome: tagged('secret', { text: 'for few', photo, use: { used: true } }),
      timestamp: 0,
    });
    const stranger = await open();
    await expect(stranger.page.goto(address)).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS');
    await stranger.context.close();
    const { context, page, troubles } = await open({ httpCredentials: { username: 'me', password: token } });
    await page.goto(address);
    await page.locator('article .text', { hasText: 'for few' }).waitFor();
    await page.locator('#connection[data-state="live"]').waitFor();
    const width = () => page.evaluate(`document.querySelector('article img').naturalWidth`);
    await expect.poll(width).toBeGreaterThan(0);
    expect(troubles.filter((trouble) => !trouble.includes('401'))).toEqual([]);
    await context.close();
  });

  it('cannot be reached by a name that another site lets resolve to this machine', async () => {
    const { address, port } = await serve({ hosts: ['posts.example'] });
    const { context, page } = await open();
    expect((await page.goto(`http://evil.test:${port}/`))?.status()).toBe(403);
    expect((await page.goto(`http://evil.test:${port}/api/posts`))?.status()).toBe(403);
    expect((await page.goto(`http://posts.example:${port}/`))?.status()).toBe(200);
    // From another page the data cannot be read either.
    await page.goto(`http://evil.test:${port}/healthz`);
    const read = await page.evaluate(
      (url) =>
        fetch(`${url}/api/posts`, { mode: 'no-cors' }).then(
          () => 'answered',
          () => 'refused',
        ),
      address,
    );
    expect(read).toBe('refused');
    await context.close();
  });
});
