import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ConfigurationError, InfrastructureError } from '../../src/domain/errors.js';
import type { ModelOptions } from '../../src/model/model.js';
import { startPool, type Pool } from '../../src/serving/pool.js';
import { copyBundle, shippedBundle } from '../support/bundle-copy.js';

const options: ModelOptions = {
  bundle: shippedBundle,
  provider: 'auto',
  threads: 1,
  without: [],
  readText: false,
};
const two = () => 2;

/** A request for the keyphrases of so many posts. */
const asking = (posts: number) =>
  ({
    kind: 'predict',
    posts: Array.from({ length: posts }, (_, index) => ({
      text: `my cat sleeps all day , take ${index}`,
      entities: [],
      attributes: [],
      imageText: '',
    })),
    limit: 3,
  }) as const;

/** The threads that are created until the test is over. */
function watchThreads(): readonly Worker[] {
  const threads: Worker[] = [];
  const note = (thread: Worker): void => void threads.push(thread);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  return threads;
}

/** A thread that has ended has no number any more. */
const areRunning = (threads: readonly Worker[]) => threads.map(({ threadId }) => threadId !== -1);

describe('a pool of two workers', () => {
  let pool: Pool;
  beforeAll(async () => (pool = await startPool(options, two)));
  afterAll(() => pool.close());

  it('holds one model, on the provider that the first found', () => {
    expect(pool.workers).toBe(2);
    expect(pool.model).toMatchObject({ name: 'tagstream', provider: 'cpu' });
  });

  it('gives the next request to a worker that has nothing to do, and has room for one more beside each', async () => {
    const seen = () => [pool.idle, pool.canPrefetch];
    expect(seen()).toEqual([2, true]);
    const answers = [pool.run(asking(4))];
    expect(seen()).toEqual([1, true]);
    answers.push(pool.run(asking(4)));
    expect(seen()).toEqual([0, true]);
    answers.push(pool.run(asking(4)));
    expect(seen()).toEqual([0, true]);
    answers.push(pool.run(asking(4)));
    expect(seen()).toEqual([0, false]);
    const [first, ...others] = (await Promise.all(answers)).map(({ response }) => response);
    expect(first).toHaveLength(4);
    // Both workers say the same.
    expect(others).toEqual([first, first, first]);
    expect(seen()).toEqual([2, true]);
  });

  it('answers side by side: what is short does not wait for what is long', async () => {
    const order: string[] = [];
    const run = (name: string, posts: number) => pool.run(asking(posts)).then(() => order.push(name));
    const long = run('long', 128);
    await run('short', 1);
    await run('short again', 1);
    await long;
    expect(order).toEqual(['short', 'short again', 'long']);
  });

  it('tells how long any worker has owed its oldest answer', async () => {
    expect(pool.waitingMs()).toBe(0);
    const start = performance.now();
    const long = pool.run(asking(128));
    await pool.run(asking(1));
    const waited = pool.waitingMs();
    expect(waited).toBeGreaterThan(0);
    // The short one has been answered, so this is of the other.
    expect(waited).toBeGreaterThan(performance.now() - start - 50);
    expect(waited).toBeLessThanOrEqual(performance.now() - start);
    await long;
    expect(pool.waitingMs()).toBe(0);
  });

  it('fails a request that the model cannot run, and goes on', async () => {
    const images = [new Uint8Array(3)];
    await expect(pool.run({ kind: 'analyze-images', images })).rejects.toThrow('an image has 3 bytes');
    expect(pool.idle).toBe(2);
    await expect(pool.run(asking(1))).resolves.toHaveProperty('response.length', 1);
  });
});

describe('the end of a pool', () => {
  it('answers everything that was asked, and then nothing more', async () => {
    const threads = watchThreads();
    const pool = await startPool(options, two);
    const answers = Promise.all(Array.from({ length: 6 }, () => pool.run(asking(2))));
    await pool.close();
    expect((await answers).map(({ response }) => response.length)).toEqual(Array(6).fill(2));
    await expect(pool.run(asking(1))).rejects.toThrow(/the inference worker was closed/);
    expect(areRunning(threads)).toEqual([false, false]);
  });

  it('is told when one worker dies, and what that one had is failed', async () => {
    const threads = watchThreads();
    const pool = await startPool(options, two);
    await pool.run(asking(1));
    const answers = [pool.run(asking(1)), pool.run(asking(1))].map((answer) =>
      answer.then(
        ({ response }) => response.length,
        (error: unknown) => error,
      ),
    );
    // At once: in the middle of a run it would abort the process.
    await threads[1]?.terminate();
    await expect(pool.died).rejects.toThrow(InfrastructureError);
    await expect(pool.died).rejects.toThrow(/the inference worker died: exit code/);
    expect(await Promise.all(answers)).toEqual([1, expect.any(InfrastructureError)]);
    expect(areRunning(threads)).toEqual([true, false]);
    await pool.close();
    expect(areRunning(threads)).toEqual([false, false]);
  });
});

describe('a pool that cannot start', () => {
  it('tells what is wrong with a bundle once, after one worker has tried it', async () => {
    const threads = watchThreads();
    const error: unknown = await startPool({ ...options, bundle: '/no/such/bundle' }, two).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).faults).toMatchObject([{ key: 'model.path' }]);
    expect(threads).toHaveLength(1);
    await expect.poll(() => areRunning(threads)).toEqual([false]);
  });

  it('leaves no thread behind where a worker after the first cannot open its model', async () => {
    const bundle = copyBundle('short-lived');
    onTestFinished(bundle.remove);
    const threads = watchThreads();
    const started = startPool({ ...options, bundle: bundle.path }, () => 3);
    await once(process, 'worker');
    await once(process, 'worker');
    bundle.spoil();
    await expect(started).rejects.toThrow(ConfigurationError);
    await expect(started).rejects.toThrow(/model\.path: /);
    expect(threads).toHaveLength(3);
    await expect.poll(() => areRunning(threads)).toEqual([false, false, false]);
  });
});
