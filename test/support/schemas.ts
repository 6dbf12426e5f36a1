import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The text of a file of `assets/schema`. */
export const schemaText = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../assets/schema/${name}`, import.meta.url)), 'utf8');

/** Schemas that allow what they name and nothing else, so that a field nobody wrote down shows. */
export function openSchemas(): {
  readonly result: ValidateFunction;
  readonly tagLine: ValidateFunction;
  readonly deadLetterHeaders: ValidateFunction;
} {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
  for (const name of ['result.schema.json', 'tag-line.schema.json']) {
    ajv.addSchema(closed(JSON.parse(schemaText(name)) as Json) as object, name);
  }
  // AsyncAPI has words of its own, which are none of JSON Schema.
  ajv.addVocabulary(['asyncapi', 'info', 'defaultContentType', 'channels', 'operations', 'components']);
  ajv.addSchema(closed(parse(schemaText('asyncapi.yaml')) as Json) as object, 'asyncapi.yaml');
  const compile = (reference: string) => ajv.compile({ $ref: reference });
  return {
    result: compile('result.schema.json'),
    tagLine: compile('tag-line.schema.json'),
    deadLetterHeaders: compile('asyncapi.yaml#/components/messages/deadLetter/headers'),
  };
}

function closed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'type' in schema && schema['type'] === 'object' && 'properties' in schema
    ? { ...inner, additionalProperties: false }
    : inner;
}
