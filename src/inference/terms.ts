import type { ModelInput } from './protocol.js';

/** The parts of a post whose words are told apart, by the names the bundle's files give them. */
export const fields = ['text', 'entities', 'attributes', 'ocr'] as const;
export type Field = (typeof fields)[number];

/** The words of a cleaned text: no marks, no placeholders such as `<url>`. */
export function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word) && !word.startsWith('<'));
}

/** The distinct terms of each field. The name of an entity is a term beside its words. */
export function termsOf({ text, entities, attributes, imageText }: ModelInput): Record<Field, string[]> {
  return {
    text: distinct(wordsOf(text)),
    entities: distinct([...entities, ...entities.flatMap(wordsOf)]),
    attributes: distinct(attributes.flatMap(wordsOf)),
    ocr: distinct(wordsOf(imageText)),
  };
}

function distinct(terms: readonly string[]): string[] {
  return [...new Set(terms)];
}
