import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument, visit } from 'yaml';
import type { ConfigurationFault } from '../domain/errors.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';

/** A nested object of settings from one place, not validated yet. */
export type Settings = JsonObject;

/** A key there is, and the type its value has. */
export interface SettingKey {
  readonly path: readonly string[];
  readonly type: string;
  /** The values it, or each entry of its list, may have, where they are a closed list. */
  readonly choices: readonly string[];
}

/**
 * Settings from a YAML or JSON file; what can't be read is added to `faults`, by its code and place alone: the messages of
 * the parser quote the source, and the source can hold a password.
 */
export function settingsFromFile(file: string, faults: ConfigurationFault[]): Settings {
  const refuse = (problem: string): Settings => {
    faults.push({ key: file, problem });
    return {};
  };
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    return refuse(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'no code'})`);
  }
  const lines = new LineCounter();
  const document = parseDocument(source, { prettyErrors: false, logLevel: 'error', lineCounter: lines });
  const troubles: { code: string; at: number }[] = [...document.errors, ...document.warnings].map(
    ({ code, pos: [at] }) => ({ code, at }),
  );
  visit(document, {
    Alias(_key, alias) {
      const known = alias.resolve(document) !== undefined;
      if (!known) troubles.push({ code: 'UNRESOLVED_ALIAS', at: alias.range?.[0] ?? 0 });
    },
  });
  for (const { code, at } of troubles) {
    const { line, col } = lines.linePos(at);
    refuse(
      code === 'MULTIPLE_DOCS'
        ? `holds several documents (another begins in line ${line}): leave all settings in one`
        : `cannot be read as YAML or JSON (${code}, line ${line}, column ${col})`,
    );
  }
  if (troubles.length > 0) return {};
  try {
    const content: unknown = document.toJS() ?? {};
    return isJsonObject(content) ? content : refuse('is not a mapping of settings');
  } catch {
    return refuse('cannot be read as YAML or JSON (its aliases make it too large)');
  }
}

/** Kubernetes sets these for a service of the agent's name; they are not settings. */
const serviceLink = /^TAGSTREAM_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d+_(TCP|UDP|SCTP)(_.*)?)$/;
/** One of them can have a setting's name, or look like a setting that was misspelt: its value tells. */
const isServiceLink = (variable: string, value: string): boolean =>
  serviceLink.test(variable) || (variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value));
/** Variables that are read elsewhere: the place of the settings, and what tests and training go by. */
const notSettings = new Set(['TAGSTREAM_CONFIG', 'TAGSTREAM_DATA', 'TAGSTREAM_CACHE']);

/** Settings from `TAGSTREAM_…` variables; a variable that is no key is added to `faults`. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly SettingKey[],
  faults: ConfigurationFault[],
): Settings {
  const keys = new Map(known.map((leaf) => [variableOf(leaf.path), leaf]));
  let settings: Settings = {};
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('TAGSTREAM_') || value === undefined || notSettings.has(variable)) continue;
    if (isServiceLink(variable, value)) continue;
    const leaf = keys.get(variable);
    if (leaf === undefined) {
      faults.push({ key: variable, problem: 'is not a setting; docs/configuration.md lists them all' });
    } else {
      settings = merge(settings, settingAt(leaf.path, fromText(value, leaf.type)));
    }
  }
  return settings;
}

/** A value from a variable or a flag as the type its key has; what does not fit is left for validation to name. */
export function fromText(text: string, type: string): unknown {
  if ((type === 'number' || type === 'union') && /^-?\d+(\.\d+)?$/.test(text.trim())) return Number(text);
  if (type === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (type === 'array') return listFromText(text);
  return text;
}

/** A comma-separated list, as variables and flags give it. */
function listFromText(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** `['kafka', 'inputTopic']` → `TAGSTREAM_KAFKA_INPUT_TOPIC`. */
export function variableOf(path: readonly string[]): string {
  return ['tagstream', ...path].map((part) => part.replace(/([A-Z])/g, '_$1').toUpperCase()).join('_');
}

/** Both, key by key; where both have a value that is no mapping, `over` wins. */
export function merge(base: Settings, over: Settings): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isJsonObject(below) && isJsonObject(value) ? merge(below, value) : value;
  }
  return merged;
}

/** One value at a key, as nested settings. */
export function settingAt(path: readonly string[], value: unknown): Settings {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Settings;
}

/** The value at a key, `undefined` where there is none. */
export function valueAt(settings: Settings, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isJsonObject(inner) ? inner[key] : undefined), settings);
}
