import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startAgent } from '../agent.js';
import type { Config } from '../config/load.js';
import { exitCodes } from '../domain/errors.js';
import type { Outcome } from '../domain/outcome.js';
import { describeOutcome, drawOutcome } from './draw-outcome.js';
import { contentOf } from './files.js';
import { nullOutput } from './null-output.js';
import { paintFor } from './paint.js';
import { stopOnSignals } from './signals.js';

const folder = fileURLToPath(new URL('../../assets/demo', import.meta.url));
const postsFile = 'posts.ndjson';

/** Between two posts of the stream, in milliseconds: slow enough to read along. */
const pauseMs = 1_500;

/**
 * `tagstream demo`: the bundled posts and photos through the whole pipeline. With `once` each post is tagged and
 * printed once; without, they stream on and on, and the live page and a terminal show them until a signal ends it.
 */
export async function demo(config: Config, once: boolean): Promise<number> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const paint = paintFor(process.stdout);
  const text = process.stdout.isTTY ? (outcome: Outcome) => drawOutcome(outcome, paint) : describeOutcome;
  const posts = await contentOf(`${folder}/${postsFile}`);
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: postsFile, stream: Readable.from(once ? [posts] : overAndOver(posts)) },
      output: { name: 'this page', stream: nullOutput() },
    },
    web: !once,
    stopping,
    imageFolder: folder,
    observe(outcomes) {
      if (!once && !process.stdout.isTTY) return;
      process.stdout.write(outcomes.map(text).join(''));
    },
  });
  if (agent.address !== undefined)
    process.stdout.write(`The live page is on ${agent.address} (Ctrl-C ends it)\n`);
  await agent.finished;
  return exitCodes.done;
}

async function* overAndOver(lines: string): AsyncGenerator<string> {
  const posts = lines.split('\n').filter((line) => line !== '');
  for (let next = 0; ; next = (next + 1) % posts.length) {
    yield `${posts[next]}\n`;
    await sleep(pauseMs);
  }
}
