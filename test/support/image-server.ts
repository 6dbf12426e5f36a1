import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

export interface ServedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface ImageServer {
  /** "http://127.0.0.1:PORT", without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** The address as an entry of `images.allow`. */
  readonly allow: string;
  /** Every request so far, in order. */
  readonly requests: ServedRequest[];
  stop(): Promise<void>;
}

/** The seven photos of the demo, by file name. */
export function demoPhotos(): ReadonlyMap<string, Buffer> {
  const folder = fileURLToPath(new URL('../../assets/demo/photos/', import.meta.url));
  const names = readdirSync(folder).filter((name) => name.endsWith('.jpg'));
  return new Map(names.map((name) => [name, readFileSync(folder + name)]));
}

/**
 * An HTTP server on a free port of 127.0.0.1 that serves each photo at `/photos/NAME`, and misbehaves:
 *
 * | path | answer |
 * | --- | --- |
 * | `/slow-headers` | none, ever |
 * | `/slow-body` | a few bytes of a photo, then nothing |
 * | `/endless` | a JPEG's first bytes, then zeros without end |
 * | `/drip` | a JPEG's first bytes, then a zero every 20 ms without end |
 * | `/drip-headers` | a letter of a header every 20 ms without end |
 * | `/endless-headers` | headers without end |
 * | `/raw/NAME` | what is no HTTP, as `rawAnswers` has it |
 * | `/announced/BYTES` | that Content-Length, and nothing of it |
 * | `/cut-off` | half a photo, though its whole length was announced; then the connection breaks |
 * | `/truncated.jpg` | half a photo, as if that were all of it |
 * | `/wrong-type` | a photo called text/html |
 * | `/page.jpg` | a web page called image/jpeg |
 * | `/page.html` | a web page |
 * | `/gzip` | a photo under Content-Encoding: gzip |
 * | `/redirect?to=URL&status=302` | a redirect; `to` may be relative |
 * | `/late-redirect/MS?to=URL` | a redirect after so many milliseconds |
 * | `/redirects/N` | N redirects, then a photo |
 * | `/redirect-loop` | a redirect to itself |
 * | `/status/CODE` | that status and a short text |
 * | `/late/MS/NAME` | a photo that no other NAME has, after so many milliseconds |
 * | `/late-gone/MS/NAME` | that there is none, after so many milliseconds |
 */
export async function startImageServer(photos = demoPhotos()): Promise<ImageServer> {
  const requests: ServedRequest[] = [];
  const server = createServer(({ url = '/', headers }, response) => {
    requests.push({ path: url, headers });
    answer(new URL(url, 'http://server'), response, photos);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    allow: `127.0.0.1:${port}`,
    requests,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** What servers send instead of HTTP, and the reason that each has to end in. */
export const rawAnswers = {
  'another protocol': 'SSH-2.0-OpenSSH_9.2p1\r\n',
  nothing: '',
  'half a status line': 'HTTP/1.1 2',
  'a length below zero': 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxxxxx',
  'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nxxxxx',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nxxxxx',
  'fewer bytes than announced': 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nxxxxx',
  'chunks that are none': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxxxxx\r\n',
  'a chunk of 2^64 bytes':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nxxxxx\r\n',
  'an answer to another protocol':
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'a redirect to nowhere': 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n',
  'a redirect to two places':
    'HTTP/1.1 302 Found\r\nLocation: /photos/cat.jpg\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n',
} as const;

const page = '<!doctype html><title>Gone</title><p>This photo has moved.';

function answer(url: URL, response: ServerResponse, photos: ReadonlyMap<string, Buffer>): void {
  const [, section = '', name = '', own = ''] = url.pathname.split('/').map(decodeURIComponent);
  const [photo = Buffer.alloc(0)] = photos.values();
  const send = (status: number, type: string, body: Uint8Array | string) =>
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
  const redirect = (to: string, status = 302) => response.writeHead(status, { location: to }).end('moved');

  switch (section) {
    case 'photos': {
      const found = photos.get(name);
      if (found === undefined) send(404, 'text/plain', 'gone');
      else send(200, 'image/jpeg', found);
      return;
    }
    case 'late':
      // What stands behind a JPEG's end is not looked at.
      setTimeout(() => send(200, 'image/jpeg', Buffer.concat([photo, Buffer.from(own)])), Number(name));
      return;
    case 'late-gone':
      setTimeout(() => send(404, 'text/plain', 'gone'), Number(name));
      return;
    case 'slow-headers':
      return;
    case 'slow-body':
      return void response
        .writeHead(200, { 'content-type': 'image/jpeg', 'content-length': photo.length })
        .write(photo.subarray(0, 100));
    case 'endless':
      response.writeHead(200, { 'content-type': 'image/jpeg' }).write(photo.subarray(0, 100));
      return pourZeros(response);
    case 'drip':
      response.writeHead(200, { 'content-type': 'image/jpeg' }).write(photo.subarray(0, 100));
      return drip(response, () => response.write('\0'));
    case 'drip-headers': {
      const { socket } = response;
      socket?.write('HTTP/1.1 200 OK\r\nX-Drip: ');
      return drip(response, () => socket?.write('x'));
    }
    case 'endless-headers':
      response.socket?.write('HTTP/1.1 200 OK\r\n');
      return drip(response, () => response.socket?.write(`X-More: ${'x'.repeat(8_000)}\r\n`));
    case 'raw':
      return void response.socket?.end(rawAnswers[name as keyof typeof rawAnswers]);
    case 'announced':
      return response.writeHead(200, { 'content-length': name }).flushHeaders();
    case 'cut-off':
      response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': photo.length });
      return void response.write(photo.subarray(0, photo.length / 2), () => response.destroy());
    case 'truncated.jpg':
      return void send(200, 'image/jpeg', photo.subarray(0, photo.length / 2));
    case 'wrong-type':
      return void send(200, 'text/html', photo);
    case 'page.jpg':
      return void send(200, 'image/jpeg', page);
    case 'page.html':
      return void send(200, 'text/html', page);
    case 'gzip':
      return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(photo));
    case 'redirect':
      return void redirect(url.searchParams.get('to') ?? '/', Number(url.searchParams.get('status') ?? 302));
    case 'late-redirect':
      return void setTimeout(() => redirect(url.searchParams.get('to') ?? '/'), Number(name));
    case 'redirects':
      if (name === '0') send(200, 'image/jpeg', photo);
      else redirect(`/redirects/${Number(name) - 1}`);
      return;
    case 'redirect-loop':
      return void redirect('/redirect-loop');
    case 'status':
      return void send(Number(name), 'text/plain', 'as asked');
    default:
      return void send(404, 'text/plain', 'no such path');
  }
}

/** Writes a little every 20 ms until the other side goes. */
function drip(response: ServerResponse, write: () => void): void {
  const timer = setInterval(write, 20);
  response.once('close', () => clearInterval(timer));
}

/** Writes until the other side goes, no faster than it reads. */
function pourZeros(response: ServerResponse): void {
  const zeros = Buffer.alloc(65_536);
  const pour = () => {
    while (!response.destroyed && response.write(zeros)) continue;
  };
  response.on('drain', pour);
  pour();
}
