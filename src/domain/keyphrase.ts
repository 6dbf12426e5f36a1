/** Keyphrases, and where in a post they stand. */

/** The parts of the model that put keyphrases forward; each can be left out to see what it is worth. */
export const modelParts = ['classifier', 'decoder', 'neighbours', 'associations', 'presence'] as const;
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

/**
 * Finds a keyphrase in a text as people write it: whole words in any case, with anything but letters and
 * digits between them, so that "wildflower hour" is found in "#WildflowerHour" and "Wildflower-Hour".
 *
 * @returns the first place, or `undefined` where the phrase does not stand there.
 */
export function locatePhrase(phrase: string, text: string): { start: number; end: number } | undefined {
  const words = phrase.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return undefined;
  const pattern = words
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^\\p{L}\\p{N}]{0,3}');
  const match = new RegExp(`(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`, 'iu').exec(text);
  return match === null ? undefined : { start: match.index, end: match.index + match[0].length };
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
