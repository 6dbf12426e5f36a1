import { type z } from 'zod';
import { schema } from './schema.js';
import { ConfigurationError, type ConfigurationFault } from '../domain/errors.js';
import type { Secret } from './secret.js';
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
} from './sources.js';
import { tlsOptions } from '../kafka/tls.js';

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
  else if (parsed.data.kafka.tls.enabled) faults.push(...faultsIn(() => tlsOptions(parsed.data.kafka.tls)));
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
  return deepFreeze(parsed.data);
}

/** The faults that a check of settings throws. */
function faultsIn(check: () => unknown): readonly ConfigurationFault[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

/** Every key of the schema with its type. */
function leaves(type: z.core.$ZodType, path: readonly string[] = []): SettingKey[] {
  const { def } = type._zod;
  if ('innerType' in def) return leaves(def.innerType as z.core.$ZodType, path);
  if ('shape' in def) {
    return Object.entries(def.shape as Record<string, z.core.$ZodType>).flatMap(([key, inner]) =>
      leaves(inner, [...path, key]),
    );
  }
  const choosing = 'element' in def ? (def.element as z.core.$ZodType)._zod.def : def;
  const choices = 'entries' in choosing ? Object.values(choosing.entries as Record<string, string>) : [];
  return [{ path, type: def.type, choices }];
}

/** The values a setting may have, where they are a closed list. */
export function choicesOf(key: string): readonly string[] {
  return leaves(schema).find((leaf) => leaf.path.join('.') === key)?.choices ?? [];
}

/** One setting from a flag's text. What does not fit its type is left for validation to name. */
export function settingFromText(key: string, text: string): Settings {
  const path = key.split('.');
  const type = leaves(schema).find((leaf) => leaf.path.join('.') === key)?.type;
  return settingAt(path, type === undefined ? text : fromText(text, type));
}

/** What to do about a value of a wrong type, by the type it should have. */
const remedies: Readonly<Record<string, string>> = {
  string: 'give a text, in YAML within quotes',
  number: 'give a number, in YAML without quotes',
  int: 'give a whole number, in YAML without quotes',
  boolean: 'give true or false, in YAML without quotes',
  array: 'give a list, in a variable with commas between its entries',
  object: 'give a mapping with the keys below it',
};

function faultsOfIssue(issue: z.core.$ZodIssue): ConfigurationFault[] {
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) => ({
      key: [...issue.path, unknown].join('.'),
      problem: 'is not a setting; docs/configuration.md lists them all',
    }));
  }
  const remedy = issue.code === 'invalid_type' ? remedies[issue.expected] : undefined;
  const problem = remedy === undefined ? issue.message : `${issue.message}; ${remedy}`;
  return [{ key: key === '' ? 'configuration' : key, problem }];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
