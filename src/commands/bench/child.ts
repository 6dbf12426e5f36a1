import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { StoppedError } from '../../domain/errors.js';

/** The command line of this version. */
export const ownCommand = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/** Milliseconds between two readings of the memory. */
const readingMs = 200;

/**
 * Runs in the process that is measured, before anything else: it tells its memory again and again, and its CPU time, that
 * of all threads, when it ends. No other way works with every version and on every system.
 */
const probe = `
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) {
  const tell = (line) => { try { writeSync(3, line + '\\n'); } catch {} };
  setInterval(() => tell('rss ' + process.memoryUsage.rss()), ${readingMs}).unref();
  process.on('exit', () => { const { user, system } = process.cpuUsage(); tell('cpu ' + (user + system)); });
}`;

/** What came of a process. */
export interface ChildUse {
  /** CPU time, user and system, of all its threads. */
  readonly cpuMs: number;
  readonly lines: number;
}

/**
 * Runs `tagstream` and looks at what it uses.
 *
 * @param command its `cli.js`
 * @param input lines for its standard input
 * @param watch is told of each line it writes: how many there were, and the bytes of memory at its last reading
 * @throws StoppedError where it fails
 */
export async function runChild(
  command: string,
  args: readonly string[],
  input: Readable,
  watch: (lines: number, residentBytes: number) => void = () => undefined,
): Promise<ChildUse> {
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('TAGSTREAM_'));
  const probeUrl = `data:text/javascript,${encodeURIComponent(probe)}`;
  const child = spawn(process.execPath, ['--import', probeUrl, command, ...args], {
    env: Object.fromEntries(environment),
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [stdin, stdout, stderr, told] = child.stdio as unknown as [Writable, Readable, Readable, Readable];
  let lines = 0;
  let said = '';
  let use = { rss: 0, cpu: NaN };
  stdout.on('data', (piece: Buffer) => {
    for (const byte of piece) if (byte === 0x0a) watch((lines += 1), use.rss);
  });
  stderr.on('data', (piece: Buffer) => (said = (said + String(piece)).slice(-2_000)));
  told.on('data', (piece: Buffer) => {
    for (const [, what, value] of String(piece).matchAll(/^(rss|cpu) (\d+)$/gm))
      use = { ...use, [what ?? '']: Number(value) };
  });
  // A process that has ended takes no more input; its exit code says why.
  stdin.on('error', () => undefined);
  input.pipe(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new StoppedError(`${command} ended with ${code ?? 'a signal'}: ${said}`);
  return { cpuMs: use.cpu / 1000, lines };
}
