import { createReadStream } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { startAgent } from '../agent.js';
import type { Config } from '../config.js';
import { exitCodes } from '../domain/errors.js';
import { showProgress } from './progress.js';
import { stopOnSignals } from './signals.js';

export interface TagOptions {
  /** NDJSON posts; `-` is standard input. */
  readonly file: string;
  /** One post's text instead of a file. */
  readonly text?: string;
  /** That post's image: a path or a URL. */
  readonly image?: string;
}

/** `tagstream tag`: NDJSON posts in, one result a line on standard output, in the same order. */
export async function tag(config: Config, options: TagOptions): Promise<number> {
  const { input, name, imageFolder } = openInput(options);
  const progress = showProgress('posts');
  let exitCode: number = exitCodes.done;
  const agent = await startAgent(config, {
    transport: { kind: 'ndjson', input, name, output: process.stdout },
    web: false,
    imageFolder,
    observe(outcomes) {
      for (const outcome of outcomes) {
        progress.step();
        if (outcome.kind !== 'dead-letter') continue;
        exitCode = exitCodes.badInput;
        const line = outcome.position.offset + 1n;
        process.stderr.write(`${name}, line ${line}: ${outcome.code}: ${outcome.detail}\n`);
      }
    },
  });
  stopOnSignals(agent, config.shutdown.timeoutMs);
  await agent.finished;
  progress.done();
  return exitCode;
}

/** Image paths are relative to the file they stand in, else to the working directory. */
function openInput({ file, text, image }: TagOptions): {
  input: Readable;
  name: string;
  imageFolder: string;
} {
  if (text !== undefined) {
    const post = { id: '1', text, ...(image === undefined ? {} : { images: [image] }) };
    return { input: Readable.from([JSON.stringify(post)]), name: '--text', imageFolder: process.cwd() };
  }
  if (file === '-') return { input: process.stdin, name: '-', imageFolder: process.cwd() };
  const path = resolve(file);
  return { input: createReadStream(path), name: basename(path), imageFolder: dirname(path) };
}
