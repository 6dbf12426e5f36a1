import type { EnrichedPost } from '../domain/entity.js';
import type { DecodedImage, Image } from '../domain/image.js';
import { placePhrase, type ScoredPhrase } from '../domain/keyphrase.js';
import type { ImageUse, ModelVersion, TaggedPost } from '../domain/outcome.js';

/** The photo's regions are a grid of so many rows and columns. */
const gridSide = 7;

/** How the model used a photo: see inference/protocol.ts. */
interface PhotoUse {
  readonly used: boolean;
  readonly match: number;
  readonly weights: readonly number[];
}

export interface PredictionOptions {
  readonly model: ModelVersion;
  readonly maxPhrases: number;
  readonly minScore: number;
  /** Brings words to the form the model was trained on. */
  cleanText(text: string): string;
  /** The phrases the model proposes, best first, and what became of the photo where its regions were given. */
  predict(input: {
    readonly text: string;
    readonly entities: readonly string[];
    readonly attributes: readonly string[];
    readonly imageText: string;
    readonly match?: number;
    readonly regions?: Float32Array<ArrayBuffer>;
  }): Promise<{ readonly phrases: readonly ScoredPhrase[]; readonly photo?: PhotoUse }>;
}

/** Asks the model for a post's keyphrases and finds each in the post. */
export function createKeyphrasePredictor(
  options: PredictionOptions,
): (post: EnrichedPost) => Promise<TaggedPost> {
  const cleanNames = (names: readonly string[]) => names.map(options.cleanText).filter((name) => name !== '');
  return async ({ post, cleanText, image, entities, imageText, regions }) => {
    const { attributes = [], match } = post.enrichment ?? {};
    const { phrases, photo } = await options.predict({
      text: cleanText,
      entities: cleanNames(entities.map(({ label }) => label)),
      attributes: cleanNames(attributes),
      imageText: options.cleanText(imageText),
      ...(match === undefined ? {} : { match }),
      ...(regions === undefined ? {} : { regions }),
    });
    const kept = phrases.filter(({ score }) => score >= options.minScore).slice(0, options.maxPhrases);
    return {
      id: post.id,
      keyphrases: kept.map((phrase) => placePhrase(phrase, post.text, imageText)),
      image:
        image.kind === 'decoded' && photo !== undefined ? photoUse(image, photo) : imageUse(image, match),
      entities: photo?.used === false ? [] : entities,
      model: options.model,
    };
  };
}

function photoUse({ view }: DecodedImage, { used, match, weights }: PhotoUse): ImageUse {
  return {
    used,
    ...(used ? {} : { reason: 'not_matching' as const }),
    match,
    regions: { rows: gridSide, columns: gridSide, weights, box: view },
  };
}

function imageUse(image: Image, match: number | undefined): ImageUse {
  return {
    used: image.kind === 'decoded',
    ...(image.kind === 'absent' ? { reason: image.reason } : {}),
    ...(match === undefined ? {} : { match }),
  };
}
