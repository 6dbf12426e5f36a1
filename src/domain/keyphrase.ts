/** Keyphrases, and where in a post they stand. */

/** The parts of the model that put keyphrases forward from words. */
export const wordParts = ['classifier', 'decoder', 'neighbours', 'associations', 'presence'] as const;
/** Those that look at the photo: whether it belongs to the text, which regions count, and what it adds. */
export const photoParts = ['image-filter', 'region-filter', 'fusion'] as const;
/** Each can be left out, for an ablation. */
export const modelParts = [...wordParts, ...photoParts] as const;
export type ModelPart = (typeof modelParts)[number];

/** How a keyphrase was found: among known ones, written anew, in the post itself, or with posts that are alike. */
export const origins = ['classified', 'generated', 'copied', 'neighbour'] as const;
export type Origin = (typeof origins)[number];

/** Where a phrase stands, in UTF-16 units of the post's own `text` or of its `imageText`; `end` is exclusive. */
export interface Span {
  readonly of: 'text' | 'imageText';
  readonly start: number;
  readonly end: number;
}

/** A keyphrase as the model proposes it, before it is looked for in the post. */
export interface ScoredPhrase {
  readonly phrase: string;
  /** The calibrated probability, in [0, 1], that the tag is right. */
  readonly score: number;
  readonly origin: readonly Origin[];
}

export interface Keyphrase extends ScoredPhrase {
  /** Whether the phrase stands in the post's text or in its image's text. */
  readonly present: boolean;
  readonly span?: Span;
}

const isWordLike = /[\p{L}\p{N}]/u;
const endsWordLike = /[\p{L}\p{N}]$/u;
const startsWordLike = /^[\p{L}\p{N}]/u;
/** What may stand between two words, in characters at most. */
const longestGap = 3;

/**
 * Finds a keyphrase in a text as people write it: whole words in any case, with at most three characters but letters
 * and digits between them, so that "wildflower hour" is found in "#WildflowerHour" and "Wildflower-Hour". Beside a word
 * of marks alone only spaces may stand: marks would have many ways to be parted into gaps and words.
 *
 * One regular expression for all of this would take a millisecond to compile, for each phrase of each post.
 *
 * @returns the first place, or `undefined` where the phrase does not stand there.
 */
export function locatePhrase(phrase: string, text: string): { start: number; end: number } | undefined {
  const [word, ...rest] = phrase.split(/\s+/).filter((part) => part !== '');
  if (word === undefined) return undefined;
  const first = new RegExp(escaped(word), 'giu');
  const following = rest.map((next, index) => ({
    word: new RegExp(escaped(next), 'iuy'),
    gap: [rest[index - 1] ?? word, next].every((beside) => isWordLike.test(beside)) ? isWordLike : /\S/u,
  }));
  for (let match = first.exec(text); match !== null; match = first.exec(text)) {
    const start = match.index;
    first.lastIndex = start + characterAt(text, start).length;
    if (endsWordLike.test(text.slice(Math.max(0, start - 2), start))) continue;
    const end = following.reduce<number | undefined>(
      (from, { word: next, gap }) => (from === undefined ? undefined : endOfNext(text, from, next, gap)),
      start + match[0].length,
    );
    if (end !== undefined && !startsWordLike.test(text.slice(end, end + 2))) return { start, end };
  }
  return undefined;
}

/** Where a word ends that follows after a short gap, in which nothing may stand that `never` matches. */
function endOfNext(text: string, from: number, word: RegExp, never: RegExp): number | undefined {
  let at = from;
  for (let gap = 0; gap <= longestGap; gap += 1) {
    word.lastIndex = at;
    if (word.test(text)) return word.lastIndex;
    const character = characterAt(text, at);
    if (character === '' || never.test(character)) return undefined;
    at += character.length;
  }
  return undefined;
}

function characterAt(text: string, index: number): string {
  const code = text.codePointAt(index);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function escaped(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Adds to a proposed phrase whether and where it stands in the post. */
export function placePhrase(proposed: ScoredPhrase, text: string, imageText: string): Keyphrase {
  for (const [of, source] of [
    ['text', text],
    ['imageText', imageText],
  ] as const) {
    const place = locatePhrase(proposed.phrase, source);
    if (place !== undefined) return { ...proposed, present: true, span: { of, ...place } };
  }
  return { ...proposed, present: false };
}
