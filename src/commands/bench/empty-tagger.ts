import type { ConsumedRecord } from '../../domain/record.js';
import { ModelSlot } from '../../serving/model-slot.js';
import type { Tagger } from './suite.js';

/** A result of a post in which nothing was found. */
export const emptyResultOf = (id: string) => ({
  id,
  keyphrases: [],
  image: { used: false, reason: 'none' as const },
  entities: [],
  model: { name: 'none', version: '0' },
});

/** The id of a post as it came. */
export const idOf = (value: Buffer | null): string => (JSON.parse(String(value)) as { id: string }).id;

/** A tagger without a model: each post has an empty result at once. What is measured with it is what is around it. */
export function emptyTagger(): Tagger {
  const image = { kind: 'absent', reason: 'none' } as const;
  const steps = {
    decodeRecord({ position, value }: ConsumedRecord) {
      const post = { id: idOf(value), text: '', images: [] };
      return { position, value: { post, cleanText: '' } };
    },
    loadImages: () => Promise.resolve([image]),
    analyzeImage: () => Promise.resolve({ image, entities: [] }),
    predictKeyphrases: ({ post }: { readonly post: { readonly id: string } }) =>
      Promise.resolve({ image, result: emptyResultOf(post.id) }),
  };
  const model = {
    model: {
      ...{ name: 'none', version: '0', provider: 'cpu' as const },
      ...{ cleaning: { words: [] }, maxTokens: 1, imageGeometry: { resize: 1, size: 1, features: 1 } },
    },
    workers: 0,
    died: new Promise<never>(() => undefined),
    waitingMs: () => 0,
    ...{ steps, loneSteps: steps },
    close: () => Promise.resolve(),
  };
  const slot = new ModelSlot(model);
  return {
    slot,
    load: () => Promise.resolve(model),
    replace: () => Promise.resolve(),
    close: () => slot.close(),
  };
}
