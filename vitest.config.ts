import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/support/kafka-global.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // What is polled for comes when a busy machine gets to it.
    expect: { poll: { timeout: 20_000 } },
    // Two cores: more workers only make the brokers and models under test wait for each other.
    maxWorkers: 2,
    // Some tests open ONNX sessions themselves; the agent says so by itself (serving/worker.ts).
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
