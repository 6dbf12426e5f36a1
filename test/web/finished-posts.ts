import type { VisualEntity } from '../../src/domain/entity.js';
import type { DecodedImage, Image } from '../../src/domain/image.js';
import type { Keyphrase } from '../../src/domain/keyphrase.js';
import type { DeadLetter, ImageUse, Reason, Tagged } from '../../src/domain/outcome.js';
import type { Position } from '../../src/domain/record.js';

/** Finished posts as the agent hands them to the page. */
export const position: Position = { topic: 'posts', partition: 2, offset: 9_007_199_254_740_993n };

export const photo: DecodedImage = {
  kind: 'decoded',
  pixels: new Uint8Array(12),
  width: 2,
  height: 2,
  view: [0, 0, 1, 1],
};

const none: Image = { kind: 'absent', reason: 'none' };

export interface TaggedOptions {
  readonly text?: string;
  readonly keyphrases?: readonly Keyphrase[];
  readonly photo?: Image;
  readonly use?: ImageUse;
  readonly entities?: readonly VisualEntity[];
}

export function tagged(id: string, options: TaggedOptions = {}): Tagged {
  const {
    text = 'a post',
    keyphrases = [],
    photo: image = none,
    use = { used: false, reason: 'none' },
    entities = [],
  } = options;
  const post = { id, text, images: [] };
  return {
    kind: 'tagged',
    position,
    post: { post, cleanText: text },
    image,
    result: { id, keyphrases, image: use, entities, model: { name: 'm', version: '0' } },
  };
}

export function deadLetter(code: Reason, value: Buffer | null): DeadLetter {
  const raw = { position, key: null, value, headers: {}, timestamp: 0 };
  return { kind: 'dead-letter', position, reason: code, detail: 'what is wrong', raw };
}
