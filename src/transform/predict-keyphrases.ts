import type { EnrichedPost } from '../domain/entity.js';
import type { Image } from '../domain/image.js';
import { placePhrase, type ScoredPhrase } from '../domain/keyphrase.js';
import type { ImageUse, ModelVersion, TaggedPost } from '../domain/outcome.js';

export interface PredictionOptions {
  readonly model: ModelVersion;
  readonly maxPhrases: number;
  readonly minScore: number;
  /** Brings words to the form the model was trained on. */
  cleanText(text: string): string;
  /** The phrases the model proposes, best first. */
  predict(input: {
    readonly text: string;
    readonly entities: readonly string[];
    readonly attributes: readonly string[];
    readonly imageText: string;
    readonly match?: number;
  }): Promise<readonly ScoredPhrase[]>;
}

/** Asks the model for a post's keyphrases and finds each in the post. */
export function createKeyphrasePredictor(
  options: PredictionOptions,
): (post: EnrichedPost) => Promise<TaggedPost> {
  const cleanNames = (names: readonly string[]) => names.map(options.cleanText).filter((name) => name !== '');
  return async ({ post, cleanText, image, entities, imageText }) => {
    const { attributes = [], match } = post.enrichment ?? {};
    const proposed = await options.predict({
      text: cleanText,
      entities: cleanNames(entities.map(({ label }) => label)),
      attributes: cleanNames(attributes),
      imageText: options.cleanText(imageText),
      ...(match === undefined ? {} : { match }),
    });
    const kept = proposed.filter(({ score }) => score >= options.minScore).slice(0, options.maxPhrases);
    return {
      id: post.id,
      keyphrases: kept.map((phrase) => placePhrase(phrase, post.text, imageText)),
      image: imageUse(image, match),
      entities,
      model: options.model,
    };
  };
}

function imageUse(image: Image, match: number | undefined): ImageUse {
  return {
    used: image.kind === 'decoded',
    ...(image.kind === 'absent' ? { reason: image.reason } : {}),
    ...(match === undefined ? {} : { match }),
  };
}
