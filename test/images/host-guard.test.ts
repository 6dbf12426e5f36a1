import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHostGuard, type Health, type HostLimits } from '../../src/images/host-guard.js';

const limits: HostLimits = { hostConcurrency: 2, hostFailures: 3, hostPauseMs: 1_000 };
const patient = new AbortController().signal;
const answer = (health: Health) => () => Promise.resolve({ health });

/** A request that ends when it is told to. */
function held() {
  const { promise, resolve } = withResolvers<{ health: Health }>();
  return { ask: () => promise, end: (health: Health) => resolve({ health }) };
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe('the guard of image hosts', () => {
  it('never asks a host more often at once than is allowed, and every request gets its turn', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ host: fc.constantFrom('a', 'b'), ticks: fc.nat(4) }), { maxLength: 40 }),
        async (hostConcurrency, requests) => {
          const guard = createHostGuard({ ...limits, hostConcurrency });
          const active = { a: 0, b: 0 };
          const answers = await Promise.all(
            requests.map(({ host, ticks }) =>
              guard.run(host, patient, async () => {
                active[host] += 1;
                expect(active[host]).toBeLessThanOrEqual(hostConcurrency);
                for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
                active[host] -= 1;
                return { health: 'well' as const };
              }),
            ),
          );
          expect(answers).toEqual(requests.map(() => ({ health: 'well' })));
        },
      ),
    );
  });

  it('lets other hosts by while one is at its limit', async () => {
    const guard = createHostGuard(limits);
    const slow = held();
    const stuck = [1, 2, 3].map(() => guard.run('bad', patient, slow.ask));
    expect(await guard.run('good', patient, answer('well'))).toEqual({ health: 'well' });
    slow.end('well');
    await Promise.all(stuck);
  });

  it('leaves a host alone after so many failures in a row, for so long, and then tries it once', async () => {
    let now = 0;
    const paused: string[] = [];
    const guard = createHostGuard({ ...limits, onHostPaused: (host) => paused.push(host) }, () => now);
    const ask = (health: Health) => guard.run('bad', patient, answer(health));
    for (const health of ['failing', 'failing', 'well', 'failing', 'failing', 'unknown'] as const) {
      expect(await ask(health)).toEqual({ health });
    }
    expect(paused).toEqual([]);
    expect(await ask('failing')).toEqual({ health: 'failing' });
    expect(paused).toEqual(['bad']);
    expect(await ask('well')).toBeUndefined();
    expect(await guard.run('other', patient, answer('well'))).toEqual({ health: 'well' });
    now = 999;
    expect(await ask('well')).toBeUndefined();
    now = 1_000;
    expect(await ask('failing')).toEqual({ health: 'failing' });
    now = 1_999;
    expect(await ask('well')).toBeUndefined();
    now = 2_000;
    const trial = held();
    const first = guard.run('bad', patient, trial.ask);
    expect(await ask('well')).toBeUndefined();
    trial.end('well');
    await first;
    expect(await ask('well')).toEqual({ health: 'well' });
    expect(paused).toEqual(['bad', 'bad']);
  });

  it('sends those that wait away as soon as their host is left alone', async () => {
    const guard = createHostGuard({ ...limits, hostConcurrency: 1, hostFailures: 1 });
    const slow = held();
    const requests = [slow.ask, answer('well'), answer('well')].map((ask) => guard.run('bad', patient, ask));
    slow.end('failing');
    expect(await Promise.all(requests)).toEqual([{ health: 'failing' }, undefined, undefined]);
  });

  it('forgets a request that is given up while it waits', async () => {
    const guard = createHostGuard({ ...limits, hostConcurrency: 1 });
    const slow = held();
    const first = guard.run('bad', patient, slow.ask);
    const impatient = new AbortController();
    const second = guard.run('bad', impatient.signal, answer('failing'));
    const third = guard.run('bad', patient, answer('well'));
    impatient.abort(new Error('too late'));
    await expect(second).rejects.toThrow('too late');
    await expect(guard.run('bad', impatient.signal, answer('well'))).rejects.toThrow('too late');
    slow.end('well');
    expect(await Promise.all([first, third])).toEqual([{ health: 'well' }, { health: 'well' }]);
  });

  it('passes on what a request throws, and has room again', async () => {
    const guard = createHostGuard({ ...limits, hostConcurrency: 1 });
    await expect(guard.run('a', patient, () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(await guard.run('a', patient, answer('well'))).toEqual({ health: 'well' });
  });

  it('remembers the latest hosts only, however many names there are', async () => {
    const guard = createHostGuard({ ...limits, hostFailures: 1 });
    const fail = (host: string) => guard.run(host, patient, answer('failing'));
    await fail('first');
    expect(await fail('first')).toBeUndefined();
    for (let name = 0; name < 5_000; name += 1) await fail(`x${name}`);
    expect(await fail('x4999')).toBeUndefined();
    expect(await fail('first')).toEqual({ health: 'failing' });
  });
});
