import { mulberry32 } from '../../domain/random.js';

/**
 * Arrivals of a Poisson process: the gaps between them are exponentially distributed, so that they come in no order at
 * a steady mean rate, as from many people who do not know of each other.
 *
 * @param perSecond the mean rate
 * @param seed an unsigned 32-bit integer; the same seed gives the same arrivals
 * @returns when each arrives, in milliseconds from the beginning
 */
export function poissonArrivals(perSecond: number, count: number, seed: number): readonly number[] {
  const random = mulberry32(seed);
  let at = 0;
  return Array.from({ length: count }, () => (at -= (Math.log(1 - random()) / perSecond) * 1000));
}
