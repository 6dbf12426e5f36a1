import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { mulberry32 } from '../../domain/random.js';

const folder = fileURLToPath(new URL('../../../assets/demo', import.meta.url));

/** A post to measure with, and the file of its photo. */
export interface Sample {
  readonly text: string;
  readonly photo?: Buffer;
}

/** The demo's posts: those with text, and those of them whose photo is bundled. */
export interface Samples {
  readonly texts: readonly Sample[];
  readonly photos: readonly Required<Sample>[];
}

/** Reads the demo's posts. */
export async function readSamples(): Promise<Samples> {
  const posts = (await readFile(`${folder}/posts.ndjson`, 'utf8')).split('\n').flatMap(asPost);
  const bundled = (await readdir(`${folder}/photos`)).map((name) => `photos/${name}`);
  const photos = await Promise.all(
    posts.flatMap(({ text, images = [] }) => {
      const name = images.find((image) => bundled.includes(image));
      return name === undefined ? [] : [readFile(`${folder}/${name}`).then((photo) => ({ text, photo }))];
    }),
  );
  return { texts: posts.map(({ text }) => ({ text })), photos };
}

interface DemoPost {
  readonly text: string;
  readonly images?: readonly string[];
}

/** The post on a line of the demo's file; those lines that are bad on purpose give none. */
function asPost(line: string): DemoPost[] {
  try {
    const post = JSON.parse(line) as DemoPost;
    return typeof post.text === 'string' && post.text !== '' ? [post] : [];
  } catch {
    return [];
  }
}

/** The sample of this number, from the beginning again after the last. */
export function sampleAt<S extends Sample>(samples: readonly S[], index: number): S {
  const sample = samples[index % samples.length];
  if (sample === undefined) throw new RangeError('there are no posts to measure with');
  return sample;
}

let postsMade = 0;

/** A post of its own as JSON: none has the id or the photo of another, so that nothing is known from a cache. */
export function postOf({ text, photo }: Sample): string {
  const id = `bench-${(postsMade += 1)}`;
  if (photo === undefined) return JSON.stringify({ id, text });
  // What stands behind a JPEG's end is not looked at.
  const file = Buffer.concat([photo, Buffer.from(id)]).toString('base64');
  return JSON.stringify({ id, text, images: [`data:image/jpeg;base64,${file}`] });
}

/**
 * Posts of the demo's words.
 *
 * @param words of a post on average; the shortest have half as many and the longest half more
 */
export function textsOfLength(texts: readonly Sample[], words: number, count: number): readonly Sample[] {
  const all = texts.flatMap(({ text }) => text.split(/\s+/)).filter((word) => word !== '');
  const random = mulberry32(words);
  return Array.from({ length: count }, () => {
    const length = Math.max(1, Math.round(words * (0.5 + random())));
    const from = Math.floor(random() * all.length);
    return { text: Array.from({ length }, (_, at) => all[(from + at) % all.length]).join(' ') };
  });
}
