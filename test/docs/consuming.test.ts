import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { registerCodecs } from '../../src/kafka/codecs.js';
import { describeWithKafka } from '../support/kafka.js';
import { findJavaTools } from '../support/kafka-tools.js';
import { openSchemas } from '../support/schemas.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const examples = join(root, 'docs/examples');

/** How a program of docs/examples is started, and what it prints of the records below; or why it cannot be. */
interface Client {
  readonly command: readonly string[];
  readonly prints: readonly string[];
}
type Found = Client | { readonly missing: string };

const result = (id: string, phrase: string, score: number): TaggedPost => ({
  id,
  keyphrases: [{ phrase, score, present: true, origin: ['copied'], span: { of: 'text', start: 0, end: 3 } }],
  image: { used: false, reason: 'none' },
  entities: [],
  model: { name: 'tagstream', version: '1' },
});
const results = [result('1', 'caturday', 0.854), result('2', 'cork ☔', 0.5)];
const printed = ['1: caturday (0.85)', '2: cork ☔ (0.50)', '1: withdrawn'];

const clients: Readonly<Record<string, () => Promise<Found>>> = {
  async 'keyphrases.ts'() {
    const source = readFileSync(join(examples, 'keyphrases.ts'), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 },
    });
    return { command: [process.execPath, '--input-type=module', '--eval', outputText], prints: printed };
  },
  async 'Keyphrases.java'() {
    const { classPath } = await findJavaTools();
    return { command: ['java', '-cp', classPath, join(examples, 'Keyphrases.java')], prints: printed };
  },
  async 'keyphrases.py'() {
    const own = join(homedir(), '.cache/tagstream/python-clients/bin/python');
    const python = existsSync(own) ? own : 'python3';
    if (spawnSync(python, ['-c', 'import confluent_kafka']).status !== 0) {
      return { missing: 'no Python has confluent-kafka (.ci/clients fetches it)' };
    }
    return { command: [python, join(examples, 'keyphrases.py')], prints: printed };
  },
  async 'keyphrases.sh'() {
    if (spawnSync('kcat', ['-V']).status !== 0)
      return { missing: 'kcat is not installed (.ci/clients does)' };
    const prints = [...results.map((value) => `${value.id}: ${JSON.stringify(value)}`), '1: NULL'];
    return { command: ['sh', join(examples, 'keyphrases.sh')], prints };
  },
};

it('The page shows the programs, as the code has it', async () => {
  const page = readFileSync(join(root, 'docs/consuming.md'), 'utf8');
  const shown = page.replace(
    /^(\[docs\/examples\/\S+\]\(examples\/(\S+)\)\n\n```\w+\n).*?^```$/gms,
    (_, start: string, name: string) => `${start}${readFileSync(join(examples, name), 'utf8')}\`\`\``,
  );
  for (const name of Object.keys(clients)) expect(page).toContain(`](examples/${name})`);
  await expect(shown).toMatchFileSnapshot('../../docs/consuming.md');
});

describeWithKafka('A program of docs/examples', (broker) => {
  let topic: string;
  beforeAll(async () => {
    const { result: validate } = openSchemas();
    for (const value of results) expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
    topic = await broker.createTopic('keyphrases');
    registerCodecs();
    const kafka = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({
      transactionalId: randomUUID(),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    const compression = CompressionTypes.LZ4;
    const messages = results.map((value) => ({ key: value.id, value: JSON.stringify(value) }));
    const aborted = await producer.transaction();
    const never = JSON.stringify(result('0', 'never committed', 1));
    await aborted.send({ topic, compression, messages: [{ key: '0', value: never }] });
    await aborted.abort();
    const committed = await producer.transaction();
    await committed.send({ topic, compression, messages: [...messages, { key: '1', value: null }] });
    await committed.commit();
    await producer.disconnect();
  });

  it.for(Object.keys(clients))(
    '%s prints what was committed, tells what was withdrawn, and ends on SIGTERM',
    { timeout: 180_000 },
    async (name, { skip }) => {
      const found = await clients[name]!();
      if ('missing' in found) {
        if (process.env['REQUIRE_CLIENTS'] === '1') throw new Error(found.missing);
        skip(found.missing);
      } else {
        await expectToPrint(found, topic);
      }
    },
  );

  async function expectToPrint(found: Client, from: string): Promise<void> {
    const [program = '', ...args] = found.command;
    const env = {
      ...process.env,
      BROKERS: broker.brokers.join(),
      TOPIC: from,
      GROUP: `example-${randomUUID()}`,
    };
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (piece: Buffer) => (stdout += String(piece)));
    child.stderr.on('data', (piece: Buffer) => (stderr += String(piece)));
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const lines = () => stdout.split('\n').filter((line) => line !== '');
    try {
      await expect.poll(lines, { timeout: 120_000, message: stderr }).toEqual(found.prints);
    } finally {
      child.kill('SIGTERM');
      await closed;
    }
    expect(lines()).toEqual(found.prints);
  }
});
