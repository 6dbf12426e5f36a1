import { at, button, element, moves } from './elements.js';
import { choose } from './filter.js';

const list = at('trends');
const periods = [...document.querySelectorAll('input[name="period"]')];
let trends = [];

function row({ phrase, posts }, most) {
  const name = button('phrase', phrase, () => choose(phrase));
  name.dir = 'auto';
  const bar = element('span', 'bar');
  bar.style.setProperty('--score', String(posts / most));
  const made = element('li', 'trend', name, bar, element('span', 'score', posts.toLocaleString()));
  made.dataset.phrase = phrase;
  return made;
}

/** Rows by their phrases, so that each moves to its new place instead of being replaced. */
function show() {
  const chosen = Number(periods.find(({ checked }) => checked)?.value);
  const phrases = trends.find(({ seconds }) => seconds === chosen)?.phrases ?? [];
  const most = phrases[0]?.posts ?? 1;
  const before = new Map([...list.children].map((item) => [item.dataset.phrase, item]));
  const places = new Map([...list.children].map((item) => [item, item.getBoundingClientRect().top]));
  const rows = phrases.map((trend) => {
    const known = before.get(trend.phrase);
    if (known === undefined) return row(trend, most);
    known.querySelector('.bar').style.setProperty('--score', String(trend.posts / most));
    known.querySelector('.score').textContent = trend.posts.toLocaleString();
    return known;
  });
  at('no-trends').hidden = rows.length > 0;
  // The keyboard's focus would be lost if its row were taken out and put back.
  const same = rows.length === list.childElementCount && rows.every((item, i) => list.children[i] === item);
  if (same || list.querySelector(':focus-visible') !== null) return;
  list.replaceChildren(...rows);
  if (!moves()) return;
  for (const item of rows) {
    const was = places.get(item);
    const by = was === undefined ? 0 : was - item.getBoundingClientRect().top;
    const from = was === undefined ? { opacity: 0 } : { transform: `translateY(${by}px)` };
    if (was === undefined || by !== 0) item.animate([from, {}], { duration: 400, easing: 'ease-out' });
  }
}

export function showTrends(latest) {
  trends = latest;
  show();
}

for (const period of periods) period.addEventListener('change', show);
