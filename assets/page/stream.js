import { cardOf } from './card.js';
import { at, moves } from './elements.js';
import { choose, isFiltering, matches, onFilter } from './filter.js';
import { posts as countOfPosts } from './wording.js';

const maxCards = 50;
/** Posts that may wait to be drawn: fewer than the agent remembers by default, so that their photos are still there. */
const maxWaiting = 40;
const cardsAtOnce = 2;
const drawEveryMs = 600;
/** Who has scrolled further than this, in pixels, is reading. */
const readingFrom = 80;

const posts = at('posts');

/** Posts that have been drawn or passed the filter by, newest first. */
let known = [];
/** Posts that have come and are not drawn yet, oldest first. */
let waiting = [];
let passedBy = 0;
let latestKey = 0;
let paused = false;
let pointed = false;

/** Cards that move away under a pointer, a reader or the keyboard's focus are a nuisance: the new ones wait. */
const isReading = () => pointed || scrollY > readingFrom || posts.querySelector(':focus-visible') !== null;

/** Puts posts, oldest first, on top of the stream. */
function draw(arrived) {
  if (arrived.length === 0) return;
  known = [...arrived.toReversed(), ...known].slice(0, maxCards);
  posts.prepend(...arrived.filter(matches).map(card).reverse());
  while (posts.childElementCount > maxCards) posts.lastElementChild.remove();
  showEmpty();
}

const card = (post) => cardOf(post, choose);

function drawAnew() {
  posts.replaceChildren(...known.filter(matches).map(card));
  showEmpty();
  showWaiting();
}

function showEmpty() {
  at('empty').hidden = posts.childElementCount > 0;
  at('empty').textContent = isFiltering()
    ? 'None of the latest posts has such a keyphrase. The next one that does appears here.'
    : 'No post yet. Each one appears here as soon as its result is out.';
}

function showWaiting() {
  const count = waiting.filter(matches).length;
  at('pause').setAttribute('aria-pressed', String(paused));
  at('pause').textContent = paused ? 'Resume' : 'Pause';
  if (paused && count > 0) at('pause').append(` (${count})`);
  at('newer').hidden = paused || count === 0 || !isReading();
  at('newer').textContent = `${count} new ${count === 1 ? 'post' : 'posts'}`;
}

function passBy(count) {
  passedBy += count;
  at('passed').hidden = false;
  at('passed').textContent = `${countOfPosts(passedBy)} went by without being shown here.`;
}

/** Draws at a pace that can be read. When more comes than that, the posts that wait longest are passed by. */
setInterval(() => {
  if (!paused && !document.hidden && !isReading()) draw(waiting.splice(0, cardsAtOnce));
  showWaiting();
}, drawEveryMs);

/** A new post. One that is shown already is no news; where numbers are missing between two, they were too many for us. */
export function show(post) {
  if (post.key <= latestKey) return;
  if (post.key > latestKey + 1) passBy(post.key - latestKey - 1);
  latestKey = post.key;
  waiting.push(post);
  if (waiting.length > maxWaiting) {
    waiting.shift();
    passBy(1);
  }
}

/** Begins anew with what the agent remembers, newest first. */
export function begin(remembered) {
  known = remembered;
  waiting = [];
  latestKey = remembered[0]?.key ?? 0;
  drawAnew();
}

posts.addEventListener('pointerenter', ({ pointerType }) => (pointed = pointerType === 'mouse'));
posts.addEventListener('pointerleave', () => (pointed = false));

/** Page Up and Page Down go from post to post, as in every feed. */
posts.addEventListener('keydown', (event) => {
  const step = { PageDown: 'nextElementSibling', PageUp: 'previousElementSibling' }[event.key];
  const next = step && event.target.closest('article')?.[step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

at('newer').addEventListener('click', () => {
  draw(waiting.splice(0));
  scrollTo({ top: 0, behavior: moves() ? 'smooth' : 'auto' });
  showWaiting();
});

at('pause').addEventListener('click', () => {
  paused = !paused;
  showWaiting();
});

onFilter(drawAnew);
