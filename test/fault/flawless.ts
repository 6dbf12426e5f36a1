import { expect } from 'vitest';
import { exitCodes } from '../../src/domain/errors.js';
import type { Verdict } from './oracle.js';
import type { FaultResult } from './run-fault.js';

export const flawless: Verdict = { lost: [], doubled: [], different: [], outOfOrder: [] };

/**
 * Nothing was lost or doubled, and processes ended as they were to.
 *
 * @param exits how processes ended that were not asked to, each at least once; any may have lost its place besides
 */
export function expectFlawless(result: FaultResult, exits: readonly (number | NodeJS.Signals)[]): void {
  const unexpected = result.exits.filter((exit) => exit !== exitCodes.fenced || exits.includes(exit));
  expect(result.verdict).toEqual(flawless);
  expect(new Set(unexpected)).toEqual(new Set(exits));
  expect(new Set(result.ends)).toEqual(new Set([exitCodes.done]));
}
