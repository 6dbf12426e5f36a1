import { createHash } from 'node:crypto';
import type { NoiseFound } from '../domain/outcome.js';
import type { Post } from '../domain/post.js';
import type { Position } from '../domain/record.js';

/** What counts as nothing to tag. */
export interface ScreenOptions {
  /** Primary subtags of the languages to tag, lower case ("pt"); empty: all. */
  readonly languages: readonly string[];
  /** How many of the latest posts are remembered; 0: none. */
  readonly duplicateWindow: number;
  /** The longest text, in UTF-16 units. */
  readonly maxTextLength: number;
}

/**
 * Tells posts that are nothing to tag. It remembers the posts it saw, so each agent has one, and posts go
 * through it in their order.
 */
export interface Screen {
  /** Whether a post's text is too long: asked before the text is cleaned, which takes time. */
  checkLength(post: Post): NoiseFound | undefined;
  /** @param cleanText the post's text as the model reads it */
  check(post: Post, cleanText: string, position: Position): NoiseFound | undefined;
}

export function createScreen({ languages, duplicateWindow, maxTextLength }: ScreenOptions): Screen {
  // By hash, since a post can hold megabytes of images. A map iterates in the order of insertion: its first key is the
  // oldest post remembered.
  const seen = new Map<string, string>();

  function firstPosition(post: Post, position: Position): string | undefined {
    const content = createHash('sha256').update(JSON.stringify([post.id, post.text, post.images]));
    const hash = content.digest('base64');
    const own = `${position.topic}/${position.partition}/${position.offset}`;
    const first = seen.get(hash);
    // The same position again is not a second post but a batch that is read again.
    if (first !== undefined) return first === own ? undefined : first;
    seen.set(hash, own);
    const [oldest] = seen.keys();
    if (seen.size > duplicateWindow && oldest !== undefined) seen.delete(oldest);
    return undefined;
  }

  return {
    checkLength({ text }) {
      if (text.length <= maxTextLength) return undefined;
      return { reason: 'too_long', detail: `text: ${text.length} UTF-16 units, more than ${maxTextLength}` };
    },
    check(post, cleanText, position) {
      // Java and POSIX part the subtags with an underscore.
      const language = post.language?.toLowerCase().split(/[-_]/)[0];
      if (
        languages.length > 0 &&
        language !== undefined &&
        language !== 'und' &&
        !languages.includes(language)
      ) {
        return {
          reason: 'language',
          detail: `language: ${post.language} is not among ${languages.join(', ')}`,
        };
      }
      if (cleanText === '' && post.images.length === 0 && !saysSomething(post)) {
        return { reason: 'empty', detail: 'text: nothing is left after cleaning, and there is no image' };
      }
      const first = duplicateWindow === 0 ? undefined : firstPosition(post, position);
      return first === undefined
        ? undefined
        : { reason: 'duplicate', detail: `id, text and images are those of the post at ${first}` };
    },
  };
}

/** Whether an upstream service gave words for the post's image. */
function saysSomething({ enrichment = {} }: Post): boolean {
  const { entities = [], attributes = [], imageText = '' } = enrichment;
  return entities.length > 0 || attributes.length > 0 || imageText !== '';
}
