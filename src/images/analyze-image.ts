import type { ImageAnalysis, AnalyzedImage } from '../domain/entity.js';
import { boxWithin, type DecodedImage, type Image, type Raster } from '../domain/image.js';
import type { Post } from '../domain/post.js';

/** What is asked about an image. */
export interface ImageQueries {
  analyzeImage(image: DecodedImage): Promise<ImageAnalysis>;
  /** The text that it shows. Asked of images that come with a page, and only where the post doesn't give the text itself. */
  readText(page: Raster): Promise<string>;
}

/**
 * Looks at a post's image. Names that an upstream service gave stand in for what the image encoder would find. An image
 * that comes again from the cache is not asked about again, as long as anyone holds it.
 */
export function createImageAnalyzer({
  analyzeImage: encodeImage,
  readText,
}: ImageQueries): (post: Post, image: Image) => Promise<AnalyzedImage> {
  const encodeOnce = onceEach(encodeImage);
  const readOnce = onceEach(readText);

  return async (post, image) => {
    const given = post.enrichment?.entities;
    if (given !== undefined) return { image, entities: given.map((label) => ({ label })) };
    if (image.kind === 'absent') return { image, entities: [] };
    const [{ entities, regions, model }, imageText = ''] = await Promise.all([
      encodeOnce(image),
      image.page === undefined || post.enrichment?.imageText !== undefined ? undefined : readOnce(image.page),
    ]);
    return {
      image,
      regions,
      model,
      ...(imageText === '' ? {} : { imageText }),
      // The encoder sees the part of the photo that was cut out.
      entities: entities.map(({ box, ...entity }) =>
        box === undefined ? entity : { ...entity, box: boxWithin(image.view, box) },
      ),
    };
  };
}

/** Asks about a thing once, as long as anyone holds it; where there was no answer, again. */
function onceEach<K extends object, V>(ask: (key: K) => Promise<V>): (key: K) => Promise<V> {
  const answers = new WeakMap<K, Promise<V>>();
  return (key) => {
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = ask(key);
    answers.set(key, answer);
    // The model failed, not the image: another time it may run.
    answer.catch(() => answers.delete(key));
    return answer;
  };
}
