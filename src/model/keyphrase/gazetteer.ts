import { stemText, type StemmedText } from './stemming.js';

/** Words that are compared with a label, at most. */
const longest = 6;

/** Where a label stands in a text. */
export interface PhraseMatch {
  /** The place of its first word, as a fraction of the text's words. */
  readonly start: number;
  /** Whether its very letters stand there, or only words with the same stems. */
  readonly by: 'letters' | 'stems';
}

/** Finds phrases in texts. */
export interface Gazetteer {
  labelOf(phrase: string): number | undefined;
  /** The stems of a label's words. */
  stemsOf(label: number): readonly string[];
  /**
   * The labels that stand in a text, each with its first place: where its letters stand, spaces taken out
   * ("wildflowerhour"), else where words with the same stems do.
   */
  find(text: StemmedText): ReadonlyMap<number, PhraseMatch>;
  /** Where a phrase that is no label stands in a text, by its words' stems. */
  locate(stems: readonly string[], text: StemmedText): PhraseMatch | undefined;
}

export function createGazetteer(labels: readonly string[]): Gazetteer {
  const stems = labels.map((label) => stemText(label).stems);
  const indexes = new Map(labels.map((label, index) => [label, index]));
  const byLetters = grouped(labels.map((label) => label.replaceAll(' ', '')));
  const byStems = grouped(stems.map((words) => words.join(' ')));

  return {
    labelOf: (phrase) => indexes.get(phrase),
    stemsOf: (label) => stems[label] ?? [],
    find({ words, stems: textStems }) {
      const found = new Map<number, PhraseMatch>();
      for (let from = 0; from < words.length; from++) {
        const start = from / words.length;
        let letters = '';
        let stemmed = '';
        for (let to = from; to < Math.min(words.length, from + longest); to++) {
          letters += words[to] ?? '';
          stemmed += (to === from ? '' : ' ') + (textStems[to] ?? '');
          for (const label of byLetters.get(letters) ?? []) {
            if (found.get(label)?.by !== 'letters') found.set(label, { start, by: 'letters' });
          }
          for (const label of byStems.get(stemmed) ?? []) {
            if (!found.has(label)) found.set(label, { start, by: 'stems' });
          }
        }
      }
      return found;
    },
    locate(phrase, { stems: textStems }) {
      for (let from = 0; from + phrase.length <= textStems.length; from++) {
        if (phrase.every((stem, at) => textStems[from + at] === stem)) {
          return { start: from / textStems.length, by: 'stems' };
        }
      }
      return undefined;
    },
  };
}

/** The places at which each key stands. */
function grouped(keys: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => groups.set(key, [...(groups.get(key) ?? []), index]));
  return groups;
}
