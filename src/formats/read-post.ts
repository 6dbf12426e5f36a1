import type { Reason } from '../domain/outcome.js';
import type { Post } from '../domain/post.js';

/** What a message turned out to be. */
export type ReadResult =
  | { readonly kind: 'post'; readonly post: Post }
  /** The post with this id was deleted. */
  | { readonly kind: 'tombstone'; readonly id: string }
  | { readonly kind: 'rejected'; readonly reason: Reason; readonly detail: string };

export function rejected(reason: Reason, detail: string): ReadResult {
  return { kind: 'rejected', reason, detail };
}
