import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createImageFetcher,
  type ImageFetcher,
  type ImageFetcherOptions,
} from '../../src/images/fetch-image.js';
import { demoPhotos, rawAnswers, startImageServer, type ImageServer } from '../support/image-server.js';

const photos = demoPhotos();
const cat = photos.get('cat.jpg') ?? Buffer.alloc(0);
/** The photo that the server gives for a path that names none. */
const [anyPhoto = Buffer.alloc(0)] = photos.values();

let server: ImageServer;
const fetchers: ImageFetcher[] = [];

beforeAll(async () => {
  server = await startImageServer();
});
afterEach(async () => {
  await Promise.all(fetchers.splice(0).map((fetcher) => fetcher.close()));
});
afterAll(() => server.stop());

function fetcherWith(options: Partial<ImageFetcherOptions> = {}): ImageFetcher {
  const fetcher = createImageFetcher({
    allow: [server.allow],
    timeoutMs: 10_000,
    maxBytes: 1_000_000,
    userAgent: 'tagstream/test',
    hostConcurrency: 16,
    hostFailures: 1_000,
    hostPauseMs: 60_000,
    ...options,
  });
  fetchers.push(fetcher);
  return fetcher;
}

const absent = (reason: string, detail: string) => ({
  kind: 'absent',
  reason,
  detail: expect.stringContaining(detail) as string,
});

describe('an image fetcher, with a server', () => {
  it('fetches photos byte by byte', async () => {
    const { fetch } = fetcherWith();
    for (const [name, bytes] of photos) {
      const fetched = await fetch(`${server.url}/photos/${name}`);
      if (fetched.kind !== 'fetched') throw new Error(fetched.detail);
      expect(bytes.equals(fetched.bytes), name).toBe(true);
    }
  });

  it('says who it is and asks for contents as they are', async () => {
    await fetcherWith().fetch(`${server.url}/photos/cat.jpg?headers`);
    const { headers } = server.requests.find(({ path }) => path.endsWith('?headers')) ?? {};
    expect(headers).toMatchObject({ 'user-agent': 'tagstream/test', 'accept-encoding': 'identity' });
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('referer');
  });

  it('goes by the first bytes and not by what the server calls the content', async () => {
    const { fetch } = fetcherWith();
    expect(await fetch(`${server.url}/wrong-type`)).toMatchObject({ kind: 'fetched' });
    expect(await fetch(`${server.url}/page.jpg`)).toEqual(
      absent('not_an_image', 'no JPEG, PNG, WebP or GIF'),
    );
    expect(await fetch(`${server.url}/page.html`)).toEqual(
      absent('not_an_image', 'no JPEG, PNG, WebP or GIF'),
    );
  });

  it('does not unpack compressed contents', async () => {
    const fetched = await fetcherWith().fetch(`${server.url}/gzip`);
    expect(fetched).toEqual(absent('not_an_image', 'no JPEG, PNG, WebP or GIF'));
  });

  it('leaves it to the decoder to find that a photo is truncated', async () => {
    expect(await fetcherWith().fetch(`${server.url}/truncated.jpg`)).toMatchObject({ kind: 'fetched' });
  });

  it.each([404, 410, 500, 503, 304])('takes status %i for unreachable', async (status) => {
    const fetched = await fetcherWith().fetch(`${server.url}/status/${status}`);
    expect(fetched).toEqual(absent('unreachable', `answered ${status}`));
  });

  it('takes a connection that breaks for unreachable', async () => {
    expect(await fetcherWith().fetch(`${server.url}/cut-off`)).toMatchObject({ reason: 'unreachable' });
  });

  it('takes a refused connection and an unknown host for unreachable', async () => {
    const gone = await startImageServer();
    await gone.stop();
    const { fetch } = fetcherWith({
      allow: [gone.allow],
      resolveHost: () => Promise.reject(new Error('getaddrinfo ENOTFOUND nowhere.test')),
    });
    expect(await fetch(`${gone.url}/photos/cat.jpg`)).toEqual(absent('unreachable', 'ECONNREFUSED'));
    expect(await fetch('http://nowhere.test/a.jpg')).toEqual(absent('unreachable', 'ENOTFOUND nowhere.test'));
  });

  it.each([
    '/slow-headers',
    '/slow-body',
    '/drip',
    '/drip-headers',
    '/redirect?to=/slow-headers',
    '/redirect?to=/drip',
  ])('gives up on %s in time', async (path) => {
    const { fetch } = fetcherWith({ timeoutMs: 200 });
    expect(await fetch(server.url + path)).toEqual(absent('timed_out', 'within 200 ms'));
  });

  it('reads headers up to a bound', async () => {
    const fetched = await fetcherWith().fetch(`${server.url}/endless-headers`);
    expect(fetched).toEqual(absent('unreachable', 'Headers Overflow'));
  });

  it.each(Object.keys(rawAnswers))('takes a server that answers with %s for unreachable', async (name) => {
    const { fetch } = fetcherWith({ timeoutMs: 2_000 });
    const fetched = await fetch(`${server.url}/raw/${encodeURIComponent(name)}`);
    expect(fetched).toMatchObject({ kind: 'absent', reason: 'unreachable' });
  });

  it('gives up on a name server that does not answer', async () => {
    const { fetch } = fetcherWith({ timeoutMs: 200, resolveHost: () => new Promise(() => undefined) });
    expect(await fetch('http://silent.test/a.jpg')).toEqual(absent('timed_out', 'within 200 ms'));
  });

  it('stops reading where the limit is passed, announced or not', async () => {
    const { fetch } = fetcherWith({ maxBytes: 100_000 });
    const endless = await fetch(`${server.url}/endless`);
    expect(endless).toEqual(absent('too_large', 'where 100000 are allowed'));
    const read = endless.kind === 'absent' ? Number.parseInt(endless.detail ?? '', 10) : NaN;
    expect(read).toBeLessThan(200_000);
    expect(await fetch(`${server.url}/announced/100001`)).toEqual(absent('too_large', '100001 bytes'));
  });

  it('takes a photo of exactly as many bytes as are allowed', async () => {
    const url = `${server.url}/photos/cat.jpg`;
    expect(await fetcherWith({ maxBytes: cat.length }).fetch(url)).toMatchObject({ kind: 'fetched' });
    expect(await fetcherWith({ maxBytes: cat.length - 1 }).fetch(url)).toMatchObject({ reason: 'too_large' });
  });

  it('never rejects for a reference that is none', async () => {
    const { fetch } = fetcherWith({
      allow: [],
      resolveHost: () => Promise.reject(new Error('no such host')),
    });
    const prefix = fc.constantFrom(
      '',
      'http:',
      'https://',
      'http://[',
      'data:',
      'data:image/png;base64,',
      'x-y:',
    );
    await fc.assert(
      fc.asyncProperty(prefix, fc.string(), async (start, rest) => {
        const fetched = await fetch(start + rest);
        expect(fetched.kind).toBe('absent');
        if (fetched.kind === 'absent') expect(fetched.detail).not.toBe('');
      }),
    );
  });
});

describe('an image fetcher, redirected', () => {
  it.each([301, 302, 303, 307, 308])('follows status %i', async (status) => {
    const fetched = await fetcherWith().fetch(`${server.url}/redirect?status=${status}&to=/photos/cat.jpg`);
    expect(fetched.kind === 'fetched' && cat.equals(fetched.bytes)).toBe(true);
  });

  it('follows three redirects and no more', async () => {
    const { fetch } = fetcherWith();
    expect(await fetch(`${server.url}/redirects/3`)).toEqual({ kind: 'fetched', bytes: anyPhoto });
    expect(await fetch(`${server.url}/redirects/4`)).toEqual(absent('unreachable', 'more than 3 redirects'));
    expect(await fetch(`${server.url}/redirect-loop`)).toEqual(
      absent('unreachable', 'more than 3 redirects'),
    );
    expect(server.requests.filter(({ path }) => path === '/redirect-loop')).toHaveLength(4);
  });

  it.each([
    'http://10.0.0.1/a.jpg',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://0x7f000001/',
    '//192.168.0.1/a.jpg',
    'http://user:password@example.com/',
    'http://example.com:8080/',
    'file:///etc/passwd',
    'data:image/gif;base64,R0lGODlh',
  ])('refuses to follow to %s', async (to) => {
    const fetched = await fetcherWith().fetch(`${server.url}/redirect?to=${encodeURIComponent(to)}`);
    expect(fetched).toMatchObject({ kind: 'absent', reason: 'blocked_address' });
  });

  it('refuses to follow to a host whose address is private', async () => {
    const { fetch } = fetcherWith({
      resolveHost: () => Promise.resolve([{ address: '10.0.0.1', family: 4 }]),
    });
    const fetched = await fetch(`${server.url}/redirect?to=${encodeURIComponent('http://inside.test/')}`);
    expect(fetched).toEqual(absent('blocked_address', 'inside.test: 10.0.0.1'));
  });

  it('takes a malformed place to go for unreachable', async () => {
    const fetched = await fetcherWith().fetch(`${server.url}/redirect?to=${encodeURIComponent('http://[')}`);
    expect(fetched).toEqual(absent('unreachable', 'malformed'));
  });
});

describe('an image fetcher, with a host that fails', () => {
  /** Two hosts, since each has a port of its own. */
  async function withBadHost(options: Partial<ImageFetcherOptions>) {
    const bad = await startImageServer();
    const paused: string[] = [];
    const fetcher = fetcherWith({
      allow: [server.allow, bad.allow],
      onHostPaused: (host) => paused.push(host),
      ...options,
    });
    return { bad, paused, fetch: fetcher.fetch };
  }
  const reasonOf = async (fetched: ReturnType<ImageFetcher['fetch']>) => {
    const image = await fetched;
    return image.kind === 'absent' ? image.reason : image.kind;
  };

  it('asks it only so often at once, and leaves the others their room', async () => {
    const { bad, fetch } = await withBadHost({ timeoutMs: 1_000, hostConcurrency: 3 });
    const stuck = Array.from({ length: 20 }, () => fetch(`${bad.url}/slow-headers`));
    for (const [name] of photos) {
      expect(await reasonOf(fetch(`${server.url}/photos/${name}`)), name).toBe('fetched');
    }
    expect(bad.requests.length).toBeLessThanOrEqual(3);
    expect(new Set(await Promise.all(stuck.map(reasonOf)))).toEqual(new Set(['timed_out']));
    await bad.stop();
  });

  it.each([
    ['/slow-headers', 'timed_out'],
    ['/drip', 'timed_out'],
    ['/cut-off', 'unreachable'],
    ['/status/503', 'unreachable'],
    ['/status/429', 'unreachable'],
  ])('opens the circuit after five of %s in a row, and none of them waits any more', async (path, reason) => {
    const { bad, paused, fetch } = await withBadHost({ timeoutMs: 200, hostConcurrency: 5, hostFailures: 5 });
    const all = await Promise.all(Array.from({ length: 30 }, () => reasonOf(fetch(bad.url + path))));
    expect(all.filter((found) => found === reason).length).toBeGreaterThanOrEqual(5);
    expect(all.filter((found) => found === 'circuit_open').length).toBeGreaterThanOrEqual(20);
    expect(bad.requests.length).toBeLessThanOrEqual(10);
    expect(paused).toEqual([new URL(bad.url).host]);
    const before = performance.now();
    expect(await fetch(`${bad.url}/photos/cat.jpg`)).toEqual(absent('circuit_open', new URL(bad.url).host));
    expect(performance.now() - before).toBeLessThan(100);
    expect(await reasonOf(fetch(`${server.url}/photos/cat.jpg`))).toBe('fetched');
    await bad.stop();
  });

  it('closes the circuit again when the host is well again', async () => {
    const { bad, fetch } = await withBadHost({ hostFailures: 2, hostPauseMs: 100 });
    for (const expected of ['unreachable', 'unreachable', 'circuit_open']) {
      expect(await reasonOf(fetch(`${bad.url}/status/500`))).toBe(expected);
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (let time = 0; time < 3; time += 1) {
      expect(await reasonOf(fetch(`${bad.url}/photos/cat.jpg`))).toBe('fetched');
    }
    await bad.stop();
  });

  it('does not hold files against it that are missing or no images, nor addresses that are blocked', async () => {
    const { bad, fetch } = await withBadHost({ hostFailures: 2 });
    for (const path of ['/status/404', '/page.html', '/announced/9999999', '/redirect?to=http://10.0.0.1/']) {
      for (let time = 0; time < 3; time += 1)
        expect(await reasonOf(fetch(bad.url + path))).not.toBe('circuit_open');
    }
    expect(await reasonOf(fetch(`${bad.url}/photos/cat.jpg`))).toBe('fetched');
    await bad.stop();
  });

  it('blames no host for the time that another has taken before it', async () => {
    const { bad, fetch } = await withBadHost({ timeoutMs: 300, hostFailures: 1 });
    // The redirect itself takes most of the time, so that the host behind it comes too late.
    const to = encodeURIComponent(`${server.url}/slow-headers`);
    expect(await reasonOf(fetch(`${bad.url}/late-redirect/250?to=${to}`))).toBe('timed_out');
    expect(await reasonOf(fetch(`${server.url}/photos/cat.jpg`))).toBe('fetched');
    expect(await reasonOf(fetch(`${bad.url}/photos/cat.jpg`))).toBe('circuit_open');
    await bad.stop();
  });
});

describe('an image fetcher, given host names', () => {
  const loopback = { address: '127.0.0.1', family: 4 };

  it('refuses a host as soon as one of its addresses is not allowed', async () => {
    const before = server.requests.length;
    const { fetch } = fetcherWith({
      resolveHost: () => Promise.resolve([loopback, { address: '127.0.0.2', family: 4 }]),
    });
    const fetched = await fetch(`http://mixed.test:${server.port}/photos/cat.jpg`);
    expect(fetched).toEqual(absent('blocked_address', 'mixed.test: 127.0.0.2'));
    expect(server.requests).toHaveLength(before);
  });

  it('connects to the very address it has judged, so that no second answer of a name server matters', async () => {
    const answers = [loopback, { address: '127.0.0.2', family: 4 }];
    const asked: string[] = [];
    const { fetch } = fetcherWith({
      resolveHost: (hostname) => {
        asked.push(hostname);
        return Promise.resolve(answers.splice(0, 1));
      },
    });
    expect(await fetch(`http://rebound.test:${server.port}/cut-off`)).toMatchObject({
      reason: 'unreachable',
    });
    expect(asked).toEqual(['rebound.test']);
    // The connection is gone: for a new one the name is judged anew.
    const fetched = await fetch(`http://rebound.test:${server.port}/photos/cat.jpg`);
    expect(fetched).toEqual(absent('blocked_address', 'rebound.test: 127.0.0.2'));
  });

  it('judges the addresses that the operating system gives', async () => {
    const fetched = await fetcherWith({ allow: [] }).fetch('http://localhost/a.jpg');
    expect(fetched).toEqual(absent('blocked_address', 'localhost: '));
  });

  it('allows an address at its own port only', async () => {
    const { fetch } = fetcherWith({ resolveHost: () => Promise.resolve([loopback]) });
    expect(await fetch('http://inside.test/a.jpg')).toEqual(
      absent('blocked_address', 'inside.test: 127.0.0.1'),
    );
    expect(await fetch(`http://inside.test:${server.port}/photos/cat.jpg`)).toMatchObject({
      kind: 'fetched',
    });
  });

  it('ignores the proxies that the environment names', async () => {
    process.env['http_proxy'] = 'http://127.0.0.1:1';
    try {
      expect(await fetcherWith().fetch(`${server.url}/photos/cat.jpg`)).toMatchObject({ kind: 'fetched' });
    } finally {
      delete process.env['http_proxy'];
    }
  });

  it('refuses a malformed exception when it is created', () => {
    expect(() => fetcherWith({ allow: ['localhost:80'] })).toThrow('"localhost:80" is no address');
  });
});

describe('an image fetcher, given data URIs', () => {
  const percentEncoded = [...cat].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

  it.each([
    ['base64', `data:image/jpeg;base64,${cat.toString('base64')}`],
    ['base64 in capitals', `DATA:image/jpeg;BASE64,${cat.toString('base64')}`],
    ['percent encoding', `data:image/jpeg,${percentEncoded}`],
    ['another type', `data:text/html;base64,${cat.toString('base64')}`],
    ['no type', `data:;base64,${cat.toString('base64')}`],
  ])('decodes %s', async (_, uri) => {
    const fetched = await fetcherWith().fetch(uri);
    expect(fetched.kind === 'fetched' && cat.equals(fetched.bytes)).toBe(true);
  });

  it('holds them to the size limit', async () => {
    const uri = `data:image/jpeg;base64,${cat.toString('base64')}`;
    expect(await fetcherWith({ maxBytes: cat.length }).fetch(uri)).toMatchObject({ kind: 'fetched' });
    for (const maxBytes of [cat.length - 1, cat.length / 4]) {
      expect(await fetcherWith({ maxBytes }).fetch(uri)).toMatchObject({ reason: 'too_large' });
    }
  });

  it.each(['data:image/jpeg;base64', 'data:', 'data:,', 'data:image/png;base64,!!!', 'data:text/html,<p>'])(
    'takes %s for no image',
    async (uri) => {
      expect(await fetcherWith().fetch(uri)).toMatchObject({ reason: 'not_an_image' });
    },
  );
});

describe('an image fetcher, given paths', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tagstream-'));
    await writeFile(join(folder, 'cat.jpg'), cat);
    await writeFile(join(folder, 'notes.txt'), 'no image');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reads files relative to the folder, where that is allowed', async () => {
    const { fetch } = fetcherWith({ localFiles: { baseDir: folder } });
    expect(await fetch('cat.jpg')).toEqual({ kind: 'fetched', bytes: cat });
    expect(await fetch(join(folder, 'cat.jpg'))).toEqual({ kind: 'fetched', bytes: cat });
    expect(await fetch('notes.txt')).toMatchObject({ reason: 'not_an_image' });
    expect(await fetch('.')).toEqual(absent('not_an_image', 'is not a file'));
    expect(await fetch('missing.jpg')).toEqual(absent('unreachable', 'missing.jpg'));
    expect(await fetch('nul\0.jpg')).toMatchObject({ reason: 'unreachable' });
  });

  it.each(['/dev/zero', '/etc/passwd', '../cat.jpg', 'photos/../../cat.jpg', '..'])(
    'refuses "%s", which leads out of the folder',
    async (path) => {
      const { fetch } = fetcherWith({ localFiles: { baseDir: folder } });
      expect(await fetch(path)).toEqual(absent('blocked_address', 'leads out'));
    },
  );

  it('refuses a link that leads out of the folder, and takes one that stays within', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'tagstream-outside-'));
    await writeFile(join(outside, 'secret.jpg'), cat);
    await symlink(join(outside, 'secret.jpg'), join(folder, 'out.jpg'));
    await symlink(outside, join(folder, 'out'));
    await symlink('cat.jpg', join(folder, 'in.jpg'));
    const { fetch } = fetcherWith({ localFiles: { baseDir: folder } });
    expect(await fetch('out.jpg')).toEqual(absent('blocked_address', 'leads out'));
    expect(await fetch('out/secret.jpg')).toEqual(absent('blocked_address', 'leads out'));
    expect(await fetch('in.jpg')).toEqual({ kind: 'fetched', bytes: cat });
    await rm(outside, { recursive: true });
  });

  it.skipIf(process.platform !== 'linux')(
    'reads no file of the kernel’s, which can block for ever',
    async () => {
      const { fetch } = fetcherWith({ localFiles: { baseDir: '/proc' } });
      expect(await fetch('kmsg')).toEqual(absent('not_an_image', 'is an empty file'));
    },
  );

  it('takes names that only begin like the way out', async () => {
    await writeFile(join(folder, '..cat.jpg'), cat);
    const { fetch } = fetcherWith({ localFiles: { baseDir: folder } });
    expect(await fetch('..cat.jpg')).toEqual({ kind: 'fetched', bytes: cat });
  });

  it('waits for no pipe that nobody writes into', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    const { fetch } = fetcherWith({ localFiles: { baseDir: folder } });
    expect(await fetch('pipe.jpg')).toEqual(absent('not_an_image', 'is not a file'));
  });

  it('holds files to the size limit, before it reads them', async () => {
    const { fetch } = fetcherWith({ localFiles: { baseDir: folder }, maxBytes: cat.length - 1 });
    expect(await fetch('cat.jpg')).toMatchObject({ reason: 'too_large' });
    // All hole and no data; more than Node can read at once.
    await writeFile(join(folder, 'huge.jpg'), '');
    await truncate(join(folder, 'huge.jpg'), 2 ** 32);
    expect(await fetch('huge.jpg')).toEqual(absent('too_large', `${2 ** 32} bytes`));
  });

  it.each(['cat.jpg', '/etc/passwd', '../cat.jpg', '//example.com/a.jpg', ''])(
    'refuses "%s" where it is not',
    async (path) => {
      expect(await fetcherWith().fetch(path)).toEqual(absent('blocked_address', 'http and https'));
    },
  );

  it.each(['file:///etc/passwd', 'ftp://example.com/a.jpg', 'javascript:alert(1)'])(
    'refuses %s even where paths are allowed',
    async (ref) => {
      const { fetch } = fetcherWith({ localFiles: { baseDir: folder } });
      expect(await fetch(ref)).toEqual(absent('blocked_address', 'scheme'));
    },
  );
});
