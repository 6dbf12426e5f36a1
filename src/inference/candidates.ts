import type { Origin } from '../domain/keyphrase.js';
import { eachReadable, readable, type Evidence, type Readable } from './evidence.js';
import type { Knowledge } from './knowledge.js';
import { stemText, type Place } from './phrasebook.js';

/** A phrase that is worth ranking for a post. */
export interface Candidate {
  readonly phrase: string;
  /** Its place in the list of labels; -1 for a generated phrase that is none of them. */
  readonly label: number;
  readonly stems: readonly string[];
  /** Where it stands in the post. */
  readonly places: Readonly<Record<Readable, Place | undefined>>;
  /** How it was found. */
  readonly origin: readonly Origin[];
}

/**
 * The phrases worth ranking, as in `models/training/candidates.py`: the classifier's first labels, the generated
 * phrases, the first labels by the neighbours' votes, those that go with the post's terms, and those that stand in its
 * text, its image's text or its entities.
 *
 * @param classified how many of the classifier's labels
 */
export function chooseCandidates(
  evidence: Evidence,
  { labels, phrasebook }: Knowledge,
  classified: number,
): readonly Candidate[] {
  const { generated, voted, shared, places, texts } = evidence;
  const first = new Set([...evidence.classified.keys()].slice(0, classified));
  const written = [...generated.keys()].map((phrase) => ({
    phrase,
    label: phrasebook.labelOf(phrase) ?? -1,
  }));

  const candidate = (found: Omit<Candidate, 'origin'>): Candidate => {
    const stands = readable.some((part) => found.places[part] !== undefined);
    const origins: readonly (readonly [Origin, boolean])[] = [
      ['classified', first.has(found.label)],
      ['generated', generated.has(found.phrase) && !stands],
      ['copied', stands],
      // What goes with the post's terms is known from labelled posts, as what the neighbours have.
      ['neighbour', voted.has(found.label) || shared.has(found.label)],
    ];
    return { ...found, origin: origins.filter(([, isSo]) => isSo).map(([origin]) => origin) };
  };

  const known = new Set([
    ...first,
    ...written.map(({ label }) => label).filter((label) => label >= 0),
    ...voted.keys(),
    ...shared.keys(),
    ...readable.flatMap((part) => [...places[part].keys()]),
  ]);
  const knownCandidates = [...known].map((label) =>
    candidate({
      phrase: labels[label] ?? '',
      label,
      stems: phrasebook.stemsOf(label),
      places: eachReadable((part) => places[part].get(label)),
    }),
  );
  const newCandidates = written
    .filter(({ label }) => label < 0)
    .map(({ phrase, label }) => {
      const { stems } = stemText(phrase);
      return candidate({
        phrase,
        label,
        stems,
        places: eachReadable((part) => phrasebook.locate(stems, texts[part])),
      });
    });
  return [...knownCandidates, ...newCandidates];
}
