import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { ConfigurationError } from '../../src/domain/errors.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tagstream-config-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string): string {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, content);
  return file;
}

function faultsOf(load: () => unknown): Record<string, string> {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return Object.fromEntries(error.faults.map(({ key, problem }) => [key, problem]));
    }
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    const config = loadConfig({});
    expect(config.kafka.inputTopic).toBe('posts');
    expect(config.kafka.outputTopic).toBe('keyphrases');
    expect(config.kafka.deadLetterTopic).toBe('posts.dead-letter');
    expect(config.delivery).toBe('exactly-once');
    expect(config.web).toEqual({ host: '127.0.0.1', port: 8080, hosts: [], recentPosts: 50 });
  });

  it('takes the file, over it the environment, over it the flags', () => {
    const config = loadConfig({
      file: fileWith('kafka: { inputTopic: a, outputTopic: a2, groupId: a3 }\nbatch: { maxSize: 3 }'),
      environment: { TAGSTREAM_KAFKA_OUTPUT_TOPIC: 'b2', TAGSTREAM_KAFKA_GROUP_ID: 'b3', PATH: '/bin' },
      flags: { kafka: { groupId: 'c3' } },
    });
    expect(config.kafka).toMatchObject({ inputTopic: 'a', outputTopic: 'b2', groupId: 'c3' });
    expect(config.batch.maxSize).toBe(3);
  });

  it('reads numbers, booleans and lists from the environment', () => {
    const config = loadConfig({
      environment: {
        TAGSTREAM_KAFKA_BROKERS: 'one:9092, [::1]:9093',
        TAGSTREAM_BATCH_MAX_SIZE: '8',
        TAGSTREAM_KAFKA_TLS_ENABLED: 'true',
        TAGSTREAM_OUTPUT_MIN_SCORE: '0.25',
        TAGSTREAM_MODEL_WITHOUT: 'decoder, neighbours',
      },
    });
    expect(config.kafka.brokers).toEqual(['one:9092', '[::1]:9093']);
    expect(config.model.without).toEqual(['decoder', 'neighbours']);
    expect(config.batch.maxSize).toBe(8);
    expect(config.kafka.tls.enabled).toBe(true);
    expect(config.output.minScore).toBe(0.25);
  });

  it('is frozen through and through', () => {
    const config = loadConfig({});
    expect(() => Object.assign(config.kafka, { groupId: 'other' })).toThrow(TypeError);
    expect(() => (config.noise.skip as string[]).push('empty')).toThrow(TypeError);
  });

  it('names every fault at once, each with its key', () => {
    const faults = faultsOf(() =>
      loadConfig({
        file: fileWith('kafka: { brokers: [nonsense], grupId: x }\nbatch: { maxSize: 0 }'),
        environment: {
          TAGSTREAM_WEB_PORT: 'eighty',
          TAGSTREAM_INFERENCE_PROVIDER: 'tpu',
          TAGSTREAM_TYPO: '1',
        },
      }),
    );
    expect(Object.keys(faults).sort()).toEqual([
      'TAGSTREAM_TYPO',
      'batch.maxSize',
      'inference.provider',
      'kafka.brokers.0',
      'kafka.grupId',
      'web.port',
    ]);
  });

  it('says what to do about a value of a wrong type', () => {
    const flags = {
      web: { port: '8080', host: 1 },
      kafka: { brokers: 'a:1', tls: { enabled: 'yes' } },
      batch: 3,
    };
    const faults = faultsOf(() => loadConfig({ flags }));
    for (const key of ['web.port', 'web.host', 'kafka.brokers', 'kafka.tls.enabled', 'batch']) {
      expect(faults[key]).toContain('; give ');
    }
  });

  it('knows two guarantees of delivery, and names them where it is given another', () => {
    expect(loadConfig({ flags: { delivery: 'at-least-once' } }).delivery).toBe('at-least-once');
    const faults = faultsOf(() => loadConfig({ flags: { delivery: 'at-most-once' } }));
    for (const guarantee of ['exactly-once', 'at-least-once'])
      expect(faults['delivery']).toContain(guarantee);
  });

  it('names a required key that is missing, with its variable', () => {
    const faults = faultsOf(() => loadConfig({ required: ['kafka.brokers'] }));
    expect(faults['kafka.brokers']).toContain('TAGSTREAM_KAFKA_BROKERS');
  });

  it('refuses topics that would feed the agent its own output', () => {
    const faults = faultsOf(() => loadConfig({ flags: { kafka: { inputTopic: 'x', outputTopic: 'x' } } }));
    expect(faults['kafka.inputTopic']).toContain('must differ');
  });

  it('refuses half a client certificate, and certificates without TLS', () => {
    const faults = faultsOf(() => loadConfig({ flags: { kafka: { tls: { cert: 'client.pem' } } } }));
    expect(Object.keys(faults).sort()).toEqual(['kafka.tls', 'kafka.tls.enabled']);
  });

  it('names the address of images.allow that is none', () => {
    const faults = faultsOf(() => loadConfig({ flags: { images: { allow: ['127.0.0.1:80', 'the-moon'] } } }));
    expect(Object.keys(faults)).toEqual(['images.allow.1']);
  });

  it('says what is wrong with a file that cannot be read, without quoting it', () => {
    const file = fileWith('kafka:\n  sasl: { password: hunter2: broken\n');
    const faults = faultsOf(() => loadConfig({ file }));
    expect(faults[file]).toContain('cannot be read as YAML');
    expect(JSON.stringify(faults)).not.toContain('hunter2');
    expect(faultsOf(() => loadConfig({ file: join(folder, 'none.yaml') }))).toHaveProperty([
      join(folder, 'none.yaml'),
    ]);
  });

  it.each(['password: *hunter2', 'password: !hunter2 x', 'password: &a hunter2\n    password: hunter2'])(
    'refuses YAML that is not sound, with the place and without the value: %s',
    (line) => {
      const warned = vi.spyOn(process, 'emitWarning');
      const file = fileWith(`kafka:\n  sasl:\n    ${line}\n`);
      const faults = faultsOf(() => loadConfig({ file }));
      expect(faults[file]).toMatch(/^cannot be read as YAML or JSON \([A-Z_]+, line \d, column \d+\)$/);
      expect(JSON.stringify(faults)).not.toContain('hunter2');
      expect(warned).not.toHaveBeenCalled();
      warned.mockRestore();
    },
  );

  it.each([
    ['log: { level: info }\n---\nlog: { level: debug }\n', 2],
    ['---\nlog: { level: info }\n---\n', 3],
  ])('refuses a file of several documents, of which the others would be ignored: %j', (content, line) => {
    const file = fileWith(content);
    expect(faultsOf(() => loadConfig({ file }))).toEqual({
      [file]: `holds several documents (another begins in line ${line}): leave all settings in one`,
    });
  });

  it('takes a document with its marks for one', () => {
    const file = fileWith('---\nbatch: { maxSize: 3 }\n...\n');
    expect(loadConfig({ file }).batch.maxSize).toBe(3);
  });

  it('names TLS files that cannot be read, and keys that cannot be used, by their keys alone', () => {
    const secret = 'hunter2 that should have been PEM';
    const load = (tls: object): unknown =>
      loadConfig({ flags: { kafka: { tls: { enabled: true, ...tls } } } });
    const unreadable = faultsOf(() => load({ ca: '/no/such/ca.pem', cert: folder, key: secret }));
    expect(unreadable['kafka.tls.ca']).toContain('ENOENT');
    expect(unreadable['kafka.tls.cert']).toContain('EISDIR');
    expect(unreadable['kafka.tls.key']).toContain('ENOENT');
    expect(JSON.stringify(unreadable)).not.toContain('hunter2');

    const text = `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`;
    const unusable = faultsOf(() => load({ cert: text, key: text }));
    expect(unusable['kafka.tls']).toContain('cannot be used (ERR_OSSL_');
    expect(JSON.stringify(unusable)).not.toContain('hunter2');
  });

  it('overlooks what Kubernetes sets for a service of its name', () => {
    const environment = {
      TAGSTREAM_SERVICE_HOST: '10.0.0.1',
      TAGSTREAM_PORT: 'tcp://10.0.0.1:80',
      TAGSTREAM_PORT_80_TCP: 'x',
    };
    expect(() => loadConfig({ environment })).not.toThrow();
  });

  it('takes a misspelt port for what it is, and a service link for none of its settings', () => {
    expect(Object.keys(faultsOf(() => loadConfig({ environment: { TAGSTREAM_WBE_PORT: '9090' } })))).toEqual([
      'TAGSTREAM_WBE_PORT',
    ]);
    const { web } = loadConfig({ environment: { TAGSTREAM_WEB_PORT: 'tcp://10.0.0.1:80' } });
    expect(web.port).toBe(8080);
  });

  it('names faults between settings together with those of single ones', () => {
    const kafka = { inputTopic: 'x', outputTopic: 'x', chunkSize: 0, tls: { ca: 'ca.pem' } };
    const faults = faultsOf(() => loadConfig({ flags: { kafka, web: { port: -1 } } }));
    expect(Object.keys(faults).sort()).toEqual([
      'kafka.chunkSize',
      'kafka.inputTopic',
      'kafka.tls.enabled',
      'web.port',
    ]);
  });

  it('refuses what no broker takes', () => {
    const brokers = ['a:0', 'b:99999', 'c:9092'];
    const kafka = { brokers, fetchBytes: 2 ** 30, sessionTimeoutMs: 5_999 };
    expect(Object.keys(faultsOf(() => loadConfig({ flags: { kafka } }))).sort()).toEqual([
      'kafka.brokers.0',
      'kafka.brokers.1',
      'kafka.fetchBytes',
      'kafka.sessionTimeoutMs',
    ]);
  });

  it('overlooks the variables of the project’s own tests and training', () => {
    const environment = { TAGSTREAM_DATA: '/data', TAGSTREAM_CACHE: '/cache', TAGSTREAM_CONFIG: '/config' };
    expect(() => loadConfig({ environment })).not.toThrow();
  });

  it('takes a language by its first subtag, in any case', () => {
    const { languages } = loadConfig({
      environment: { TAGSTREAM_NOISE_LANGUAGES: 'EN, pt-BR,zh_Hant' },
    }).noise;
    expect(languages).toEqual(['en', 'pt', 'zh']);
    const faults = faultsOf(() => loadConfig({ flags: { noise: { languages: ['english', ''] } } }));
    expect(Object.keys(faults)).toEqual(['noise.languages.0', 'noise.languages.1']);
  });

  it('never prints a secret', () => {
    const config = loadConfig({
      environment: {
        TAGSTREAM_KAFKA_SASL_MECHANISM: 'plain',
        TAGSTREAM_KAFKA_SASL_USERNAME: 'agent',
        TAGSTREAM_KAFKA_SASL_PASSWORD: 'hunter2',
      },
    });
    const { password } = config.kafka.sasl ?? {};
    expect(password?.reveal()).toBe('hunter2');
    const printed = [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      String(password),
    ].join();
    expect(printed).not.toContain('hunter2');
    expect(printed).toContain('**REDACTED**');
  });
});
