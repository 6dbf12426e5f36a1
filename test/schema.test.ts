import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startAgent } from '../src/agent.js';
import { loadConfig } from '../src/config/load.js';
import { imageAbsences } from '../src/domain/image.js';
import { origins } from '../src/domain/keyphrase.js';
import { noiseReasons, reasons } from '../src/domain/outcome.js';
import { tagstream } from './support/agent-process.js';
import { describeWithKafka } from './support/kafka.js';
import { openSchemas, schemaText } from './support/schemas.js';
import { produce } from './support/transport.js';

const schemas = openSchemas();
const photo = readFileSync(fileURLToPath(new URL('../assets/demo/photos/cat.jpg', import.meta.url)));
const deletion = { data: { delete: { tweet: { id: '5' } } } };
const posts = [
  { id: '1', text: 'Look at this face #CatsOfTwitter' },
  { id: '2', text: 'so sleepy', images: [`data:image/jpeg;base64,${photo.toString('base64')}`] },
  { id: '3', text: 'what is it?', images: ['http://10.0.0.1/a.jpg'], language: 'en' },
  {
    id: '4',
    text: 'a walk #dogs',
    images: ['https://example.org/a.jpg'],
    enrichment: { entities: ['beagle'], imageText: 'no dogs', attributes: ['grass'], match: 0.9 },
  },
];

/** The values, each with what a schema has against it: none of it is what is expected. */
const faultsIn = (values: readonly unknown[], schema: (typeof schemas)['result']) =>
  values.flatMap((value) => (schema(value) ? [] : [{ value, errors: schema.errors }]));

describe('the schemas', () => {
  it('hold for every line that tag prints', async () => {
    const input = [...posts, deletion, { id: '6', text: '' }, { text: 'no id' }]
      .map((post) => `${JSON.stringify(post)}\n`)
      .join('');
    const { stdout } = await tagstream(['tag', '-'], { TAGSTREAM_NOISE_SKIP: 'empty' }, `${input}nonsense\n`);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(
      lines.map((line) => ['keyphrases', 'deleted', 'skipped', 'error'].find((key) => key in line)),
    ).toEqual([...posts.map(() => 'keyphrases'), 'deleted', 'skipped', 'error', 'error']);
    expect(faultsIn(lines, schemas.tagLine)).toEqual([]);
    expect(faultsIn(lines.slice(0, posts.length), schemas.result)).toEqual([]);
  });

  it('refuse results with a field too many, too few or of another kind', () => {
    const keyphrase = { phrase: 'x', score: 0.5, present: false, origin: ['classified'] };
    const result = {
      id: '1',
      keyphrases: [keyphrase],
      image: { used: true },
      entities: [],
      model: { name: 'm', version: '1' },
    };
    expect(schemas.result(result)).toBe(true);
    for (const wrong of [
      { ...result, id: 1 },
      { ...result, more: 1 },
      { ...result, entities: undefined },
      { ...result, image: { used: false } },
      { ...result, image: { used: true, reason: 'none' } },
      { ...result, image: { used: false, reason: 'whim' } },
      { ...result, keyphrases: [{ ...keyphrase, score: 1.1 }] },
      { ...result, keyphrases: [{ ...keyphrase, present: true }] },
      { ...result, keyphrases: [{ ...keyphrase, span: { of: 'text', start: 0, end: 1 } }] },
    ]) {
      expect(schemas.result(JSON.parse(JSON.stringify(wrong)))).toBe(false);
    }
  });

  it('have the closed lists of the code', () => {
    const result = JSON.parse(schemaText('result.schema.json')) as never;
    const line = JSON.parse(schemaText('tag-line.schema.json')) as never;
    expect(listAt(result, '$defs.image.properties.reason.enum')).toEqual(imageAbsences);
    expect(listAt(result, '$defs.keyphrase.properties.origin.items.enum')).toEqual(origins);
    expect(listAt(line, '$defs.rejection.enum')).toEqual(reasons);
    expect(listAt(line, 'oneOf.3.properties.skipped.enum')).toEqual(noiseReasons);
  });
});

describe('the AsyncAPI document', () => {
  const document = parse(schemaText('asyncapi.yaml')) as {
    readonly info: { readonly version: string };
    readonly channels: Readonly<Record<string, { readonly address: string }>>;
  };

  it('is of this version and names the topics there are by default', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(document.info.version).toBe(version);
    const { inputTopic, outputTopic, deadLetterTopic } = loadConfig({}).kafka;
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual([
      inputTopic,
      outputTopic,
      deadLetterTopic,
    ]);
  });

  it('refers only to what is there', () => {
    const references = [...schemaText('asyncapi.yaml').matchAll(/\$ref: '([^']*)'/g)].map(
      ([, ref = '']) => ref,
    );
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) {
      const [file = '', pointer = ''] = reference.split('#');
      expect(file === '' || existsSync(new URL(`../assets/schema/${file}`, import.meta.url)), reference).toBe(
        true,
      );
      const target = file === '' ? document : (JSON.parse(schemaText(file)) as unknown);
      expect(listAt(target as never, pointer.split('/').slice(1).join('.')), reference).toBeDefined();
    }
  });
});

describeWithKafka('the schemas, for what run writes', (broker) => {
  let topics: readonly [string, string, string];
  beforeAll(async () => {
    topics = [
      await broker.createTopic('posts'),
      await broker.createTopic('keyphrases'),
      await broker.createTopic('dead'),
    ];
  });

  it('hold for results, tombstones and dead letters', async () => {
    const [inputTopic, outputTopic, deadLetterTopic] = topics;
    const bad = ['nonsense', '{"text": "no id"}', JSON.stringify({ id: 'long', text: 'x'.repeat(30_000) })];
    await produce(broker, inputTopic, [
      ...posts.map((post) => ({ value: JSON.stringify(post) })),
      { key: '1', value: null },
      { value: JSON.stringify(deletion) },
      ...bad.map((value) => ({ key: 'k', value, headers: { trace: 'abc' } })),
    ]);
    const config = loadConfig({
      flags: {
        kafka: {
          ...{ brokers: broker.brokers, inputTopic, outputTopic, deadLetterTopic, groupId: inputTopic },
          ...{ maxRecordBytes: 20_000 },
        },
        log: { level: 'silent' },
      },
    });
    const agent = await startAgent(config, { transport: { kind: 'kafka' }, web: false });
    const read = (topic: string, maxMessages: number) =>
      broker.consoleConsumer(topic, { maxMessages, idleMs: 30_000 });
    const records = await read(outputTopic, posts.length + 2);
    const letters = await read(deadLetterTopic, bad.length);
    await agent.stop('the test is over');

    const results = records.slice(0, posts.length).map(({ value }) => JSON.parse(String(value)) as unknown);
    expect(results).toHaveLength(posts.length);
    expect(faultsIn(results, schemas.result)).toEqual([]);
    expect(records.slice(posts.length)).toMatchObject([
      { key: Buffer.from('1'), value: null },
      { key: Buffer.from('5'), value: null },
    ]);
    const ownHeaders = letters.map(({ headers }) =>
      Object.fromEntries(
        Object.entries(headers)
          .filter(([name]) => name.startsWith('tagstream-'))
          .map(([name, value]) => [name, String(value)]),
      ),
    );
    expect(ownHeaders).toHaveLength(bad.length);
    expect(ownHeaders[2]).toHaveProperty('tagstream-value-sha256');
    expect(faultsIn(ownHeaders, schemas.deadLetterHeaders)).toEqual([]);
  });
});

/** What stands at a path of keys. */
function listAt(node: Readonly<Record<string, unknown>>, path: string): unknown {
  return path
    .split('.')
    .filter((key) => key !== '')
    .reduce<unknown>((inner, key) => (inner as Readonly<Record<string, unknown>> | undefined)?.[key], node);
}
