import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { describeWithKafka } from '../support/kafka.js';
import { findJavaTools } from '../support/kafka-tools.js';
import { root } from '../support/markdown.js';

const topics = ['posts', 'keyphrases', 'posts.dead-letter'];

describeWithKafka('README’s way from a checkout to tags on Kafka', (broker) => {
  it('ends with the post’s keyphrases', { timeout: 240_000 }, async ({ skip }) => {
    if (spawnSync('kcat', ['-V']).status !== 0) {
      if (process.env['REQUIRE_CLIENTS'] === '1') throw new Error('kcat is not installed');
      skip('kcat is not installed (.ci/clients does)');
    }
    const [, shown = ''] =
      /## On Kafka\n.*?```sh\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
    const lines = shown.replaceAll('127.0.0.1:9092', broker.brokers.join());
    const { classPath } = await findJavaTools();
    // What is installed already, under the names that the page calls it by.
    const script = `set -em
      npm() { test "$*" = ci; }
      kafka-topics.sh() { java -cp '${classPath}' org.apache.kafka.tools.TopicCommand "$@"; }
      npx() { shift; '${process.execPath}' dist/cli.js "$@"; }
      trap 'kill -- -$(jobs -p); wait' EXIT
      ${lines}`;
    try {
      const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('TAGSTREAM_'));
      const { stdout } = await promisify(execFile)('bash', ['-c', script], {
        cwd: root,
        env: { ...Object.fromEntries(environment), TAGSTREAM_WEB_PORT: '0' },
        timeout: 220_000,
      });
      expect(stdout).toMatch(/^ok +kafka +posts \(1 partitions\), keyphrases \(1 partitions\)/m);
      const result = stdout.split('\n').find((line) => line.startsWith('{')) ?? '';
      const { id, keyphrases } = JSON.parse(result) as TaggedPost;
      expect([id, keyphrases.length]).toEqual(['1', 5]);
    } finally {
      await broker.withAdmin((admin) => admin.deleteTopics({ topics }));
    }
  });
});
