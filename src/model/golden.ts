import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ModelBundle } from './bundle.js';
import type { KeyphraseModel } from './keyphrase/keyphrase-model.js';

const goldenSchema = z.array(
  z.object({
    post: z.object({
      text: z.string(),
      entities: z.array(z.string()),
      attributes: z.array(z.string()),
      imageText: z.string(),
    }),
    /** Best first. */
    keyphrases: z.array(z.object({ phrase: z.string(), score: z.number() })),
  }),
);

/** Phrases of a post that are looked for. */
const looked = 20;

/**
 * Has a model tag the bundle's golden set: a few posts with the keyphrases that its training's reference gives them. The
 * best of each has to come out with the same score, within a tolerance that covers what the products of integers differ
 * by between processors.
 *
 * @throws Error naming the first post that comes out otherwise
 */
export async function checkGoldenSet(bundle: ModelBundle, predict: KeyphraseModel): Promise<void> {
  const { file, tolerance } = bundle.manifest.golden;
  const golden = goldenSchema.parse(JSON.parse(readFileSync(bundle.path(file), 'utf8')));
  const predictions = await predict(
    golden.map(({ post }) => post),
    looked,
  );
  golden.forEach(({ post, keyphrases: [best] }, at) => {
    if (best === undefined) return;
    const found = predictions[at]?.phrases.find(({ phrase }) => phrase === best.phrase)?.score ?? 0;
    if (Math.abs(found - best.score) <= tolerance) return;
    throw new Error(
      `it does not tag as it was trained to: "${best.phrase}" has ${found.toFixed(2)} for "${post.text}", and ${best.score.toFixed(2)} in ${file}`,
    );
  });
}
