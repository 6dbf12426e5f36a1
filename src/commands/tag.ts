import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { startAgent } from '../agent.js';
import type { Config } from '../config/load.js';
import { exitCodes, InputError, StoppedError } from '../domain/errors.js';
import { drawOutcome } from './draw-outcome.js';
import { countLines, isFolder, openInput, unreadable } from './files.js';
import { nullOutput } from './null-output.js';
import { paintFor } from './paint.js';
import { showProgress } from './progress.js';
import { stopOnSignals } from './signals.js';

/** What is to be tagged. */
export type TagOptions =
  /** NDJSON posts; `-` is standard input. */
  | { readonly file: string }
  /** One post's text, with its image: a path or a URL. */
  | { readonly text: string; readonly image: string | undefined };

interface Posts {
  readonly name: string;
  readonly stream: Readable;
  /** Folder in which the posts may name images by path. */
  readonly imageFolder: string;
}

/**
 * `tagstream tag`: NDJSON posts in, one result a line on standard output, in the same order. A terminal gets the posts
 * drawn instead.
 */
export async function tag(config: Config, options: TagOptions): Promise<number> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const drawn = process.stdout.isTTY;
  const shown = process.stderr.isTTY && !drawn;
  const { imageFolder, ...input } = await ('file' in options ? openPosts(options.file) : postOf(options));
  const total = shown && 'file' in options ? await countLines(options.file) : undefined;
  const progress = showProgress('posts', total, shown);
  const paint = paintFor(process.stdout);
  let exitCode: number = exitCodes.done;
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input,
      output: { name: 'standard output', stream: drawn ? nullOutput() : process.stdout },
    },
    web: false,
    imageFolder,
    stopping,
    observe(outcomes) {
      for (const outcome of outcomes) {
        progress.step();
        if (drawn) process.stdout.write(drawOutcome(outcome, paint));
        if (outcome.kind !== 'dead-letter') continue;
        exitCode = exitCodes.badInput;
        if (drawn && process.stderr.isTTY) continue;
        const line = outcome.position.offset + 1n;
        progress.say(`${input.name}, line ${line}: ${outcome.reason}: ${outcome.detail}`);
      }
    },
  });
  const ending = await agent.finished;
  progress.done();
  if (ending === 'stopped') throw new StoppedError(`stopped before the end of ${input.name}`);
  return exitCode;
}

/** Image paths stand in the folder of the file, or in the working directory. */
async function openPosts(file: string): Promise<Posts> {
  if (file === '-') return { name: '-', stream: process.stdin, imageFolder: process.cwd() };
  const path = resolve(file);
  return { name: basename(path), stream: await openInput(path), imageFolder: dirname(path) };
}

/**
 * A path on the command line is the user's own, so it may lead anywhere.
 *
 * @throws InputError where nothing is there, or a folder
 */
async function postOf({ text, image }: Extract<TagOptions, { text: string }>): Promise<Posts> {
  if (image === '') throw new InputError('--image is empty: give a path or a URL');
  const isPath = image !== undefined && !/^[a-z][a-z0-9+.-]+:/i.test(image);
  const given = resolve(isPath ? image : '.');
  // The folder is that of the file itself: a link in its place would lead out of it.
  const path = await realpath(given).catch((error: unknown) => {
    throw unreadable(given, error);
  });
  if (isPath && (await stat(path)).isDirectory()) throw isFolder(given);
  const images = image === undefined ? [] : [isPath ? basename(path) : image];
  const post = JSON.stringify({ id: '1', text, images });
  return { name: '--text', stream: Readable.from([post]), imageFolder: isPath ? dirname(path) : path };
}
