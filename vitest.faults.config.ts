import { defineConfig } from 'vitest/config';

/** The whole fault suite: an hour, one fault after the other. `-t` picks one; the results stand in docs/faults.md. */
export default defineConfig({
  test: {
    include: ['test/fault/suite.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 180_000,
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
