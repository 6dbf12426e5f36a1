import { stemmer } from 'stemmer';

/** The words of a cleaned text, with their stems. */
export interface StemmedText {
  readonly words: readonly string[];
  readonly stems: readonly string[];
}

/** Parts a cleaned text at its spaces and stems its words (Porter, with his later rules). */
export function stemText(text: string): StemmedText {
  const words = text.split(' ');
  return { words, stems: words.map(stemmer) };
}
