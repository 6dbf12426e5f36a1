import type { EnrichedPost, AnalyzedImage } from '../domain/entity.js';
import { gridSide, type DecodedImage, type Image, type PhotoUse } from '../domain/image.js';
import { placePhrase } from '../domain/keyphrase.js';
import type { ModelVersion } from '../domain/model-version.js';
import type { ImageUse, TaggedPost } from '../domain/outcome.js';
import type { ModelInput, Prediction } from '../model/input.js';

export interface PredictionOptions {
  readonly model: ModelVersion;
  readonly maxPhrases: number;
  readonly minScore: number;
  /** Brings words to the form the model was trained on. */
  cleanText(text: string): string;
  /** The phrases the model proposes, best first, and how it used the photos where there are any. */
  predict(input: ModelInput, signal?: AbortSignal): Promise<Prediction>;
}

/** Asks the model for a post's keyphrases and finds each in the post. */
export function createKeyphrasePredictor(
  options: PredictionOptions,
): (
  post: EnrichedPost,
  signal?: AbortSignal,
) => Promise<{ readonly image: Image; readonly result: TaggedPost }> {
  const cleanNames = (names: readonly string[]) => names.map(options.cleanText).filter((name) => name !== '');
  const namesOf = ({ entities }: AnalyzedImage) => cleanNames(entities.map(({ label }) => label));
  const foundIn = ({ entities }: AnalyzedImage) =>
    entities
      .map(({ label, score = 1 }) => ({ name: options.cleanText(label), score }))
      .filter(({ name }) => name !== '');
  return async ({ post, cleanText, analyzedImages }, signal) => {
    const { attributes = [], imageText = '', match } = post.enrichment ?? {};
    const photos = analyzedImages.flatMap((analyzed, number) => {
      const { image, regions } = analyzed;
      return image.kind === 'decoded' && regions !== undefined ? [{ analyzed, number, image, regions }] : [];
    });
    const [first = nothingSeen] = analyzedImages;
    const { phrases, photo } = await options.predict(
      {
        text: cleanText,
        entities: photos.length === 0 ? namesOf(first) : [],
        attributes: cleanNames(attributes),
        imageText: options.cleanText(imageText),
        ...(match === undefined ? {} : { match }),
        photos: photos.map(({ analyzed, regions }) => ({
          entities: foundIn(analyzed),
          imageText: options.cleanText(analyzed.imageText ?? ''),
          regions,
          ...(analyzed.model === undefined ? {} : { model: analyzed.model }),
        })),
      },
      signal,
    );
    const best = photo === undefined ? undefined : photos[photo.number];
    const read = photo?.used === true ? best?.analyzed.imageText : undefined;
    const kept = phrases.filter(({ score }) => score >= options.minScore).slice(0, options.maxPhrases);
    return {
      image: best?.image ?? first.image,
      result: {
        id: post.id,
        keyphrases: kept.map((phrase) => placePhrase(phrase, post.text, imageText || (read ?? ''))),
        image:
          photo === undefined || best === undefined
            ? imageUse(first.image, match)
            : {
                ...photoUse(best.image, photo),
                ...(analyzedImages.length > 1 ? { number: best.number } : {}),
                ...(read === undefined ? {} : { text: read }),
              },
        entities: photo?.used === false ? [] : (best?.analyzed ?? first).entities,
        model: options.model,
      },
    };
  };
}

const nothingSeen: AnalyzedImage = { image: { kind: 'absent', reason: 'none' }, entities: [] };

function photoUse({ view }: DecodedImage, { used, match, weights }: PhotoUse): ImageUse {
  return {
    used,
    ...(used ? {} : { reason: 'not_matching' as const }),
    ...(match === undefined ? {} : { match }),
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
