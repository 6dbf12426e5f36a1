import { defineConfig } from 'vitest/config';

/**
 * The whole fault suite (suite.ts): an hour, one fault after the other. `-t` picks one; the results stand in
 * docs/faults.md. And half an hour under load with faults at random (soak.ts), which draws docs/soak.svg.
 */
export default defineConfig({
  test: {
    include: ['test/fault/suite.ts', 'test/fault/soak.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 180_000,
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
