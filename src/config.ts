import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConfigurationError, type ConfigurationFault } from './domain/errors.js';
import { noises } from './domain/outcome.js';
import { parseAllowed } from './transform/image-address.js';
import { Secret } from './secret.js';
import {
  fromText,
  merge,
  settingAt,
  settingsFromEnvironment,
  settingsFromFile,
  valueAt,
  variableOf,
  type SettingKey,
  type Settings,
} from './settings.js';

const bundled = fileURLToPath(new URL('../models/bundle', import.meta.url));
const count = (least: number, most: number) => z.int().min(least).max(most);
const milliseconds = count(1, 3_600_000);
const name = z.string().min(1);
const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));
const topic = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/, 'not a topic name (letters, digits, ".", "_", "-", at most 249)');
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/, 'not an address of the form host:port');

/** Every setting with its default. Keys are documented, with their environment variables, in README. */
const schema = z.strictObject({
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
      /** The largest record the broker takes; a dead letter that would be larger goes without its value. */
      maxRecordBytes: count(1_000, 2 ** 30).default(1_000_000),
      sessionTimeoutMs: milliseconds.default(30_000),
      /** How the output is compressed. */
      compression: z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('lz4'),
    })
    .prefault({}),
  delivery: z.enum(['at-least-once', 'exactly-once']).default('at-least-once'),
  format: z.enum(['auto', 'plain', 'x-v2']).default('auto'),
  noise: z
    .strictObject({
      /** Languages to tag, as the posts give them ("en"); empty: all. A post that gives none is tagged. */
      languages: z.array(name).default([]),
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
      enabled: z.boolean().default(true),
      /** Addresses or ranges that may be fetched though they are not public, with ports: "127.0.0.1:8080", "10.0.0.0/8:80". */
      allow: z.array(name).default([]),
      timeoutMs: milliseconds.default(5_000),
      maxBytes: count(1_000, 2 ** 30).default(10_000_000),
      maxPixels: count(1_000, 2 ** 30).default(50_000_000),
      /** Posts whose images are fetched, decoded and encoded at the same time. */
      concurrency: count(1, 1_024).default(32),
    })
    .prefault({}),
  inference: z
    .strictObject({
      provider: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
      /** Threads one model run may use; 0: as many as there are cores. */
      threads: count(0, 256).default(0),
      /** Posts of one batch that wait for a model or are in it at the same time. */
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
      /** Posts the live page remembers. */
      recentPosts: count(1, 1_000).default(50),
    })
    .prefault({}),
  model: z.strictObject({ path: name.default(bundled) }).prefault({}),
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

type DeepReadonly<T> = T extends Secret
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepReadonly<E>[]
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T;

/** The whole configuration: validated, typed and frozen. */
export type Config = DeepReadonly<z.output<typeof schema>>;

/** Where settings come from; later ones win. */
export interface ConfigSources {
  /** What a command sets where nobody else does. */
  readonly defaults?: Settings;
  /** A YAML or JSON file. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: Settings;
  /** Keys that the command cannot do without, though they have no default. */
  readonly required?: readonly string[];
}

/**
 * Reads the whole configuration.
 *
 * @throws ConfigurationError naming every fault at once, each with its key and what to do.
 */
export function loadConfig({
  defaults = {},
  file,
  environment = {},
  flags = {},
  required = [],
}: ConfigSources): Config {
  const faults: ConfigurationFault[] = [];
  const settings = [
    defaults,
    file === undefined ? {} : settingsFromFile(file, faults),
    settingsFromEnvironment(environment, leaves(schema), faults),
    flags,
  ].reduce(merge);
  const parsed = schema.safeParse(settings);
  if (!parsed.success) faults.push(...parsed.error.issues.flatMap(faultsOfIssue));
  else faults.push(...faultsBeyondTypes(parsed.data));
  for (const key of required) {
    const given = valueAt(settings, key.split('.'));
    if (given === undefined || (Array.isArray(given) && given.length === 0)) {
      faults.push({
        key,
        problem: `is needed; set it in the file, as ${variableOf(key.split('.'))} or by its flag`,
      });
    }
  }
  if (!parsed.success || faults.length > 0) throw new ConfigurationError(faults);
  return deepFreeze(parsed.data) as Config;
}

/** Every key of the schema with its type. */
function leaves(
  type: z.core.$ZodType,
  path: readonly string[] = [],
): { path: readonly string[]; type: string }[] {
  const { def } = type._zod;
  if ('innerType' in def) return leaves(def.innerType as z.core.$ZodType, path);
  if ('shape' in def) {
    return Object.entries(def.shape as Record<string, z.core.$ZodType>).flatMap(([key, inner]) =>
      leaves(inner, [...path, key]),
    );
  }
  return [{ path, type: def.type }];
}

/** One setting from a flag's text. What does not fit its type is left for validation to name. */
export function settingFromText(key: string, text: string): Settings {
  const path = key.split('.');
  const type = leaves(schema).find((leaf) => leaf.path.join('.') === key)?.type;
  return settingAt(path, type === undefined ? text : fromText(text, type));
}

/** Every key there is, dotted: what README's table and the Helm chart are held against. */
export const configurationKeys: readonly string[] = leaves(schema).map(({ path }) => path.join('.'));

function faultsOfIssue(issue: z.core.$ZodIssue): ConfigurationFault[] {
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) => ({
      key: [...issue.path, unknown].join('.'),
      problem: 'is not a setting; see the configuration table in README',
    }));
  }
  return [{ key: key === '' ? 'configuration' : key, problem: issue.message }];
}

/** Faults that only show when settings are seen together, or that need more than a type. */
function faultsBeyondTypes(config: z.output<typeof schema>): ConfigurationFault[] {
  const faults: ConfigurationFault[] = [];
  for (const [index, entry] of config.images.allow.entries()) {
    try {
      parseAllowed(entry);
    } catch (error) {
      faults.push({ key: `images.allow.${index}`, problem: (error as Error).message });
    }
  }
  if (config.delivery === 'exactly-once') {
    faults.push({ key: 'delivery', problem: 'exactly-once is not in this version yet; set at-least-once' });
  }
  const { tls, inputTopic, outputTopic, deadLetterTopic } = config.kafka;
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    faults.push({ key: 'kafka.tls', problem: 'cert and key go together: set both, or neither' });
  }
  if (!tls.enabled && (tls.ca ?? tls.cert ?? tls.key) !== undefined) {
    faults.push({
      key: 'kafka.tls.enabled',
      problem: 'is false though certificates are given; set it to true',
    });
  }
  if (new Set([inputTopic, outputTopic, deadLetterTopic]).size < 3) {
    faults.push({
      key: 'kafka.inputTopic',
      problem:
        'inputTopic, outputTopic and deadLetterTopic must differ, or the agent would read what it writes',
    });
  }
  return faults;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
