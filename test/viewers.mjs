// What a hundred open pages cost the pipeline: `npm run build && node test/viewers.mjs [ROUNDS]`. Prints JSON.
//
// Posts without a photo, the quickest load, go through an agent with and without viewers in turn; the viewers are
// another process. CPU time is the agent's process alone, with all its threads.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { PassThrough, Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const viewers = 100;
const warmUpPosts = 64;
const measuredPosts = 640;

if (process.argv[2] === 'viewers') await view(process.argv[3]);
else await measureAll(Number(process.argv[2] ?? 3));

/** Opens the streams, reads them, and tells its parent when all are open and what each has read in the end. */
async function view(address) {
  const answers = await Promise.all(Array.from({ length: viewers }, () => fetch(`${address}/api/stream`)));
  const lastKeys = answers.map(() => 0);
  const ends = answers.map(async ({ ok, body }, index) => {
    if (!ok) throw new Error('a viewer was turned away');
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      for (const [, key] of chunk.matchAll(/^id: [0-9a-f]+-(\d+)$/gm)) lastKeys[index] = Number(key);
    }
  });
  process.send('open');
  await Promise.allSettled(ends);
  process.send({ fewest: Math.min(...lastKeys) }, () => process.exit());
}

async function measureAll(rounds) {
  const { startAgent } = await import('../dist/agent.js');
  const { loadConfig } = await import('../dist/config/load.js');
  const config = loadConfig({
    flags: { log: { level: 'silent' }, web: { port: 0 }, noise: { duplicateWindow: 0 } },
  });
  const posts = (await readFile(new URL('../assets/demo/posts.ndjson', import.meta.url), 'utf8')).split('\n');
  const texts = posts.flatMap((line) => /"text": ?"(?:[^"\\]|\\.){20,}?"/.exec(line)?.[0] ?? []);
  const measurements = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const count of round % 2 === 0 ? [0, viewers] : [viewers, 0]) {
      const measured = { viewers: count, ...(await measure(startAgent, config, texts, count)) };
      process.stderr.write(`${JSON.stringify(measured)}\n`);
      measurements.push(measured);
    }
  }
  const mean = (count, key) => {
    const values = measurements.filter((one) => one.viewers === count).map((one) => one[key]);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const ratio = (key) => Number((mean(viewers, key) / mean(0, key)).toFixed(3));
  const ratios = { cpuMsPerPost: ratio('cpuMsPerPost'), postsPerSecond: ratio('postsPerSecond') };
  process.stdout.write(`${JSON.stringify({ measurements, ratios }, undefined, 2)}\n`);
}

async function measure(startAgent, config, texts, count) {
  const input = new PassThrough();
  const lineOf = (_, index) => `{"id":"${index}",${texts[index % texts.length]}}\n`;
  const lines = Array.from({ length: warmUpPosts + measuredPosts }, lineOf);
  let done = 0;
  let warm;
  const warmedUp = new Promise((resolve) => (warm = resolve));
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: 'viewers', stream: input },
      output: { name: 'nowhere', stream: new Writable({ write: (_chunk, _encoding, next) => next() }) },
    },
    web: true,
    observe(outcomes) {
      done += outcomes.length;
      if (done >= warmUpPosts) warm();
      if (done >= lines.length) finish();
    },
  });
  input.write(lines.slice(0, warmUpPosts).join(''));
  await warmedUp;
  const child = count === 0 ? undefined : fork(fileURLToPath(import.meta.url), ['viewers', agent.address]);
  if (child !== undefined) await once(child, 'message');
  const start = { at: performance.now(), cpu: process.cpuUsage() };
  Readable.from(lines.slice(warmUpPosts)).pipe(input, { end: false });
  await finished;
  const { user, system } = process.cpuUsage(start.cpu);
  const seconds = (performance.now() - start.at) / 1000;
  const told = child === undefined ? undefined : once(child, 'message');
  // The last posts go to the viewers a moment later.
  if (child !== undefined) await new Promise((resolve) => setTimeout(resolve, 3_000));
  input.end();
  await agent.finished;
  const [sent] = (await told) ?? [];
  return {
    cpuMsPerPost: Number(((user + system) / 1000 / measuredPosts).toPrecision(3)),
    postsPerSecond: Number((measuredPosts / seconds).toPrecision(3)),
    ...(sent === undefined ? {} : { lastPostOfSlowestViewer: sent.fewest }),
  };
}
