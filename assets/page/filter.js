import { at } from './elements.js';

const words = at('filter-keyphrase');
const origin = at('filter-origin');

/** Whether a post is to be shown: one of its keyphrases has the words in it and came from the chosen origin. */
export function matches(post) {
  const wanted = words.value.trim().toLowerCase();
  if (wanted === '' && origin.value === '') return true;
  if (post.kind !== 'tagged') return false;
  return post.keyphrases.some(
    (keyphrase) =>
      keyphrase.phrase.toLowerCase().includes(wanted) &&
      (origin.value === '' || keyphrase.origin.includes(origin.value)),
  );
}

export const isFiltering = () => words.value.trim() !== '' || origin.value !== '';

/** Asks for posts with a keyphrase. */
export function choose(phrase) {
  words.value = phrase;
  words.dispatchEvent(new Event('input'));
}

/** Calls `changed` whenever other posts are asked for. */
export function onFilter(changed) {
  const change = () => {
    at('filter-clear').hidden = !isFiltering();
    changed();
  };
  words.addEventListener('input', change);
  origin.addEventListener('input', change);
  at('filter').addEventListener('submit', (event) => event.preventDefault());
  at('filter').addEventListener('reset', () => setTimeout(change));
}
