import type { ModelInput } from '../input.js';

/** The kinds of terms, by the names the bundle's files give them. */
export const fields = ['text', 'pairs', 'entities', 'attributes', 'ocr'] as const;
export type Field = (typeof fields)[number];

/** The words of a cleaned text: no marks, no placeholders such as `<url>`. */
export function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word) && !word.startsWith('<'));
}

/**
 * The distinct terms of each field: words, for the text its pairs of words as a field of their own, and for the
 * entities their names beside their words.
 */
export function termsOf({ text, entities, attributes, imageText }: ModelInput): Record<Field, string[]> {
  const words = wordsOf(text);
  return {
    text: distinct(words),
    pairs: distinct(words.slice(1).map((word, at) => `${words[at] ?? ''} ${word}`)),
    entities: distinct([...entities, ...entities.flatMap(wordsOf)]),
    attributes: distinct(attributes.flatMap(wordsOf)),
    ocr: distinct(wordsOf(imageText)),
  };
}

function distinct(terms: readonly string[]): string[] {
  return [...new Set(terms)];
}
