import { stemmer } from 'stemmer';

/** Words that make a phrase invalid where they stand in it: punctuation and the generators' unknown word. */
const invalidWords: ReadonlySet<string> = new Set([',', '.', '<unk>']);

/**
 * The Porter stems of a text's words, in their order. Words are what white space parts; case is ignored.
 *
 * The benchmark's own figures were made with NLTK's stemmer, whose default mode stems some words ending in
 * "y" and some short ones differently ("day", "ice"). Over the benchmark's posts and labels and its
 * published predictions that moves none of the figures.
 */
export function stemWords(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => stemmer(word));
}

/** Stems phrases, leaves out invalid and empty ones, and keeps of phrases with the same stems the first. */
export function stemPhrases(phrases: readonly string[]): readonly string[] {
  const stemmed = phrases
    .map(stemWords)
    .filter((words) => words.length > 0 && !words.some((word) => invalidWords.has(word)))
    .map((words) => words.join(' '));
  return [...new Set(stemmed)];
}

/** Whether the words of a stemmed phrase stand one after the other among the stemmed words of a text. */
export function isPresent(stemmedPhrase: string, textStems: readonly string[]): boolean {
  return ` ${textStems.join(' ')} `.includes(` ${stemmedPhrase} `);
}
