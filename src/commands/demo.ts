import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startAgent } from '../agent.js';
import type { Config } from '../config.js';
import type { VisualEntity } from '../domain/entity.js';
import { exitCodes } from '../domain/errors.js';
import type { ImageUse, Outcome } from '../domain/outcome.js';
import { contentOf } from './files.js';
import { nowhere } from './nowhere.js';
import { stopOnSignals } from './signals.js';

const folder = fileURLToPath(new URL('../../assets/demo', import.meta.url));
const postsFile = 'posts.ndjson';

/** Between two posts of the stream, in milliseconds: slow enough to read along. */
const pauseMs = 1_500;

/**
 * `tagstream demo`: the bundled posts and photos through the whole pipeline. With `once` each post is tagged and
 * printed once; without, they stream on and on, and the live page shows them until a signal ends it.
 */
export async function demo(config: Config, once: boolean): Promise<number> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const posts = await contentOf(`${folder}/${postsFile}`);
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: postsFile, stream: Readable.from(once ? [posts] : overAndOver(posts)) },
      output: { name: 'this page', stream: nowhere() },
    },
    web: !once,
    stopping,
    imageFolder: folder,
    observe(outcomes) {
      if (once) process.stdout.write(outcomes.map(describe).join(''));
    },
  });
  if (agent.address !== undefined)
    process.stdout.write(`The live page is on ${agent.address} (Ctrl-C ends it)\n`);
  await agent.finished;
  return exitCodes.done;
}

/** A score as the live page shows it. */
function percent(score: number | undefined): string {
  if (score === undefined) return '';
  return score > 0 && score < 0.005 ? ' <1%' : ` ${Math.round(score * 100)}%`;
}

async function* overAndOver(lines: string): AsyncGenerator<string> {
  const posts = lines.split('\n').filter((line) => line !== '');
  for (let next = 0; ; next = (next + 1) % posts.length) {
    yield `${posts[next]}\n`;
    await sleep(pauseMs);
  }
}

/** An outcome as people read it. */
function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'tagged': {
      const { result, post } = outcome;
      const photo = [describeUse(result.image), ...result.entities.map(nameOf)]
        .filter((part) => part !== '')
        .join(', ');
      const phrases = result.keyphrases.map(({ phrase, score }) => phrase + percent(score)).join(', ');
      return [
        `${result.id}  ${post.post.text.replace(/\s+/g, ' ')}`,
        ...(photo === '' ? [] : [`  photo  ${photo}`]),
        `  tags   ${phrases}\n\n`,
      ].join('\n');
    }
    case 'dead-letter':
      return `line ${outcome.position.offset + 1n}  not tagged (${outcome.code}): ${outcome.detail}\n\n`;
    case 'tombstone':
      return `${outcome.id}  deleted\n\n`;
    case 'skipped':
      return `line ${outcome.position.offset + 1n}  skipped (${outcome.reason})\n\n`;
  }
}

function describeUse({ used, reason = 'none', match }: ImageUse): string {
  const matching = match === undefined ? '' : `match${percent(match)}`;
  if (used || reason === 'none') return matching;
  return [`not used: ${reason}`, ...(matching === '' ? [] : [matching])].join(', ');
}

const nameOf = ({ label, score }: VisualEntity): string => label + percent(score);
