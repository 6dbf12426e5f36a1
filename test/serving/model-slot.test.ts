import { describe, expect, it } from 'vitest';
import { ModelSlot, type Closable } from '../../src/serving/model-slot.js';

/** A value of a slot, with what becomes of it. */
class Value implements Closable {
  isClosed = false;
  die: (error: Error) => void = () => undefined;
  readonly died = new Promise<never>((_, reject) => (this.die = reject));

  constructor(readonly name: string) {}

  close(): Promise<void> {
    if (this.isClosed) throw new Error(`${this.name} is closed twice`);
    this.isClosed = true;
    return Promise.resolve();
  }
}

/** Resolves when everything that could go on has. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the slot of the live model', () => {
  it('lends what is live until the lease is released, whatever becomes live meanwhile', async () => {
    const [first, second] = [new Value('first'), new Value('second')];
    const slot = new ModelSlot(first);
    const lease = slot.acquire();
    void slot.replace(second);
    await settled();
    expect([lease.value, slot.live, slot.acquire().value]).toEqual([first, second, second]);
    expect(first.isClosed).toBe(false);
  });

  it('closes what was replaced when its last lease is released, and not before', async () => {
    const [first, second] = [new Value('first'), new Value('second')];
    const slot = new ModelSlot(first);
    const leases = [slot.acquire(), slot.acquire()] as const;
    let isReplaced = false;
    const replaced = slot.replace(second).then(() => (isReplaced = true));
    leases[1].release();
    await settled();
    expect([first.isClosed, isReplaced]).toEqual([false, false]);
    leases[0].release();
    await replaced;
    expect([first.isClosed, second.isClosed]).toEqual([true, false]);
  });

  it('closes what was replaced at once where nobody uses it', async () => {
    const [first, second] = [new Value('first'), new Value('second')];
    const slot = new ModelSlot(first);
    slot.acquire().release();
    await slot.replace(second);
    expect([first.isClosed, second.isClosed]).toEqual([true, false]);
  });

  it('is replaced twenty times in a row, and each is closed once when nobody uses it any more', async () => {
    const values = Array.from({ length: 21 }, (_, index) => new Value(`value ${index}`));
    const [first = new Value('none'), ...others] = values;
    const slot = new ModelSlot(first);
    const leases = [slot.acquire()];
    const replaced = others.map((value) => {
      const done = slot.replace(value);
      leases.push(slot.acquire());
      return done;
    });
    expect(leases.map(({ value }) => value)).toEqual(values);
    // Released in an order of their own: the odd ones first.
    const inUse = new Set(values);
    for (const [index, { value, release }] of [...leases.entries()].sort(([a], [b]) => (b % 2) - (a % 2))) {
      release();
      inUse.delete(value);
      await settled();
      const open = values.filter(({ isClosed }) => !isClosed);
      expect(open, `after ${index}`).toEqual(values.filter((one) => inUse.has(one) || one === slot.live));
    }
    await Promise.all(replaced);
    expect(values.map(({ isClosed }) => isClosed)).toEqual(values.map((value) => value !== slot.live));
    await slot.close();
    expect(values.every(({ isClosed }) => isClosed)).toBe(true);
  });

  it('waits when it is closed for what is in use, also of what was replaced', async () => {
    const [first, second] = [new Value('first'), new Value('second')];
    const slot = new ModelSlot(first);
    const ofFirst = slot.acquire();
    void slot.replace(second);
    const ofSecond = slot.acquire();
    let isClosed = false;
    const closed = slot.close().then(() => (isClosed = true));
    await settled();
    expect([first.isClosed, second.isClosed, isClosed]).toEqual([false, false, false]);
    ofSecond.release();
    await settled();
    expect([first.isClosed, second.isClosed, isClosed]).toEqual([false, true, false]);
    ofFirst.release();
    await closed;
    expect(first.isClosed).toBe(true);
  });

  it('closes once, however often it is asked to, and closes at once what comes after that', async () => {
    const [first, second] = [new Value('first'), new Value('second')];
    const slot = new ModelSlot(first);
    const lease = slot.acquire();
    const closed = Promise.all([slot.close(), slot.close()]);
    await slot.replace(second);
    expect([first.isClosed, second.isClosed]).toEqual([false, true]);
    lease.release();
    await closed;
    expect(first.isClosed).toBe(true);
  });

  it.for([0, 1, 2])('tells when one dies that is or was in use: the one at place %i', async (dying) => {
    const values = ['first', 'second', 'third'].map((name) => new Value(name));
    const [first, second, third] = values as [Value, Value, Value];
    const slot = new ModelSlot(first);
    slot.acquire();
    void slot.replace(second);
    slot.acquire();
    void slot.replace(third);
    let hasEnded = false;
    void slot.died.catch(() => (hasEnded = true));
    await settled();
    expect(hasEnded).toBe(false);
    values[dying]?.die(new Error(`${values[dying].name} died`));
    await expect(slot.died).rejects.toThrow(`${values[dying]?.name} died`);
  });
});
