import { at, element } from './elements.js';
import { placeOf } from './wording.js';

const sign = '#post=';
/** In UTF-16 units: a topic's name has 249 at most, and two numbers follow. */
const longestPlace = 300;

/** A link that shows one post alone, by its place in the input: after a restart it is the same. */
export const linkTo = (post) => `${sign}${encodeURIComponent(placeOf(post))}`;

/** The place of the post that the address asks for. */
function asked() {
  if (!location.hash.startsWith(sign)) return undefined;
  try {
    return decodeURIComponent(location.hash.slice(sign.length));
  } catch {
    return location.hash.slice(sign.length);
  }
}

/** Shows the one post that the address asks for in the place of the stream, and the stream where it asks for none. */
export function followAddress(cardOf) {
  async function follow() {
    const place = asked();
    at('single').hidden = place === undefined;
    at('stream').hidden = place !== undefined;
    at('single-post').replaceChildren();
    if (place === undefined) return;
    const answer = await fetch(new URL('/api/posts', location.origin)).catch(() => undefined);
    const kept = answer?.ok ? await answer.json() : undefined;
    if (asked() !== place) return;
    const post = kept?.find((other) => placeOf(other) === place);
    at('single-post').replaceChildren(post ? cardOf(post) : absence(place, kept));
    at('back').focus();
  }
  addEventListener('hashchange', follow);
  void follow();
}

/** What the address asks for may be anything: it is shown cut, and its direction of writing turns nothing around it. */
function absence(place, kept) {
  if (!kept) return element('p', 'empty', 'The agent does not answer: try again.');
  const cut = place.length > longestPlace ? `${place.slice(0, longestPlace)}…` : place;
  const remembered = `: it remembers the latest ${kept.length.toLocaleString()}.`;
  return element('p', 'empty', 'The agent no longer keeps the post at ', element('bdi', '', cut), remembered);
}
