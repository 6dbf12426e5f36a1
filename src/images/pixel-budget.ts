/** Room for so many pixels at the same time, given out in the order in which it is asked for. */
export interface PixelBudget {
  /**
   * Runs `work` when there is room for its pixels.
   *
   * @param pixels at most as many as there are
   */
  run<T>(pixels: number, work: () => Promise<T>): Promise<T>;
}

export function createPixelBudget(most: number): PixelBudget {
  let free = most;
  const waiting: { readonly pixels: number; readonly start: () => void }[] = [];

  function startNext(): void {
    for (let next = waiting[0]; next !== undefined && next.pixels <= free; next = waiting[0]) {
      waiting.shift();
      free -= next.pixels;
      next.start();
    }
  }

  return {
    async run(pixels, work) {
      await new Promise<void>((start) => {
        waiting.push({ pixels, start });
        startNext();
      });
      try {
        return await work();
      } finally {
        free += pixels;
        startNext();
      }
    },
  };
}
