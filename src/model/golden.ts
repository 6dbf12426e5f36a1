import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ModelBundle } from './bundle.js';
import type { KeyphraseModel } from './keyphrase/keyphrase-model.js';

const goldenSchema = z
  .array(
    z.object({
      post: z.object({
        text: z.string(),
        entities: z.array(z.string()),
        attributes: z.array(z.string()),
        imageText: z.string(),
      }),
      /** Best first. */
      keyphrases: z.array(z.object({ phrase: z.string(), score: z.number() })).min(1),
    }),
  )
  .min(1);

/** Phrases of a post that are looked for. */
const looked = 20;

/**
 * Has a model tag the bundle's golden set: a few posts without photos, with the first five keyphrases that the reference
 * gives them. Each has to come out with the same score, within a tolerance that covers what the products of integers
 * differ by between processors.
 *
 * @throws Error naming the first post that comes out otherwise
 */
export async function checkGoldenSet(bundle: ModelBundle, predict: KeyphraseModel): Promise<void> {
  const { file, tolerance } = bundle.manifest.golden;
  const golden = readGoldenSet(bundle.path(file), file);
  const predictions = await predict(
    golden.map(({ post }) => post),
    looked,
  );
  golden.forEach(({ post, keyphrases }, at) => {
    for (const { phrase, score } of keyphrases) {
      const found = predictions[at]?.phrases.find((one) => one.phrase === phrase)?.score ?? 0;
      if (Math.abs(found - score) <= tolerance) continue;
      throw new Error(
        `it does not tag as it was trained to: "${phrase}" has ${found.toFixed(2)} for "${post.text}", and ${score.toFixed(2)} in ${file}`,
      );
    }
  });
}

function readGoldenSet(path: string, file: string): z.output<typeof goldenSchema> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = goldenSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${file} is no golden set (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''})`);
}
