import type { Origin } from '../../domain/keyphrase.js';
import { eachReadable, readable, type CandidateContext, type Readable } from './candidate-context.js';
import type { LabelStore } from './label-store.js';
import { type PhraseMatch } from './gazetteer.js';
import { stemText } from './stemming.js';

/** A phrase that is ranked for a post. */
export interface Candidate {
  readonly phrase: string;
  /** Its place in the list of labels; -1 for a generated phrase that is none of them. */
  readonly label: number;
  readonly stems: readonly string[];
  /** Where it stands in the post. */
  readonly matches: Readonly<Record<Readable, PhraseMatch | undefined>>;
}

/** A generated phrase can also be marks or half a word (",", "##ing"), or hold what has no word piece ("[UNK]"). */
const isWords = (phrase: string): boolean => /^[\p{L}\p{N}]+(?: [\p{L}\p{N}]+)*$/u.test(phrase);

/**
 * The phrases that are ranked, as in `models/training/candidates.py`: the classifier's first labels, the generated
 * phrases, the labels whose words are most similar to the post, the first by the neighbours' votes, those that go with
 * the post's terms, and those that stand in its text, its image's text or its entities.
 *
 * @param mostClassified how many of the classifier's labels
 */
export function chooseCandidates(
  context: CandidateContext,
  { labels, gazetteer }: LabelStore,
  mostClassified: number,
): readonly Candidate[] {
  const { classifiedRanks, alikeRanks, generated, votedRanks, sharedRanks, matches, texts } = context;
  const written = [...generated.keys()];
  const chosen = new Set([
    ...[...classifiedRanks.keys()].slice(0, mostClassified),
    ...written.map(gazetteer.labelOf).filter((label) => label !== undefined),
    ...alikeRanks.keys(),
    ...votedRanks.keys(),
    ...sharedRanks.keys(),
    ...readable.flatMap((part) => [...matches[part].keys()]),
  ]);
  const known = [...chosen].map((label) => ({
    phrase: labels[label] ?? '',
    label,
    stems: gazetteer.stemsOf(label),
    matches: eachReadable((part) => matches[part].get(label)),
  }));
  const unknown = written
    .filter((phrase) => gazetteer.labelOf(phrase) === undefined && isWords(phrase))
    .map((phrase) => {
      const { stems } = stemText(phrase);
      return {
        phrase,
        label: -1,
        stems,
        matches: eachReadable((part) => gazetteer.locate(stems, texts[part])),
      };
    });
  return [...known, ...unknown];
}

/**
 * How a candidate was found.
 *
 * @param mostClassified how many of the classifier's labels are candidates
 */
export function originOf(
  { phrase, label, matches }: Candidate,
  { sources, classifiedRanks, alikeRanks, generated, votedRanks, sharedRanks }: CandidateContext,
  mostClassified: number,
): readonly Origin[] {
  const stands = readable.some((part) => matches[part] !== undefined);
  const origins: readonly (readonly [Origin, boolean])[] = [
    ['classified', (classifiedRanks.get(label) ?? Infinity) < mostClassified || alikeRanks.has(label)],
    ['generated', sources.generatorRan && generated.has(phrase) && !stands],
    ['copied', stands],
    // What goes with the post's terms is known from labelled posts, as what the neighbours have.
    ['neighbour', votedRanks.has(label) || sharedRanks.has(label)],
  ];
  return origins.filter(([, isSo]) => isSo).map(([origin]) => origin);
}
