/**
 * Shows on a terminal how far long work is, on one line of standard error; in a pipe it is silent.
 *
 * @param total how many there will be, where that is known
 */
export function showProgress(what: string, total?: number): { step(): void; done(): void } {
  const shown = process.stderr.isTTY;
  const start = performance.now();
  let steps = 0;
  let lastShown = 0;

  function show(now: number): void {
    const rate = steps / Math.max(0.001, (now - start) / 1000);
    const of = total === undefined ? '' : ` of ${total}`;
    process.stderr.write(`\r\x1b[K${what}: ${steps}${of}, ${rate.toFixed(0)} a second`);
    lastShown = now;
  }

  return {
    step() {
      steps += 1;
      const now = performance.now();
      if (shown && now - lastShown > 100) show(now);
    },
    done() {
      if (!shown) return;
      show(performance.now());
      process.stderr.write('\n');
    },
  };
}
