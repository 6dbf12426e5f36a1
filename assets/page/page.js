import { cardOf } from './card.js';
import { addSample, beginCharts } from './charts.js';
import './composer.js';
import { at } from './elements.js';
import { showStats } from './figures.js';
import { choose } from './filter.js';
import { followAddress } from './permalink.js';
import { begin, show } from './stream.js';
import { showTrends } from './trends.js';

function showConnection(state, text) {
  at('connection').dataset.state = state;
  if (at('connection').textContent !== text) at('connection').textContent = text;
}

function catchUp({ stats, trends, history }) {
  showConnection('live', 'live');
  showStats(stats);
  showTrends(trends);
  beginCharts(history);
}

// On a narrow screen the panels would stand between the reader and the stream.
if (matchMedia('(max-width: 52rem)').matches)
  for (const panel of document.querySelectorAll('details.panel')) panel.open = false;

const stream = new EventSource(new URL('/api/stream', location.origin));
/** The agent has not met this page, or was started anew: what it remembers replaces what stands here. */
stream.addEventListener('opened', ({ data }) => {
  const opened = JSON.parse(data);
  catchUp(opened);
  begin(opened.posts);
});
/** The stream had broken off: what came meanwhile follows. */
stream.addEventListener('resumed', ({ data }) => catchUp(JSON.parse(data)));
stream.addEventListener('post', ({ data }) => show(JSON.parse(data)));
stream.addEventListener('trends', ({ data }) => showTrends(JSON.parse(data)));
stream.addEventListener('stats', ({ data }) => {
  const stats = JSON.parse(data);
  showStats(stats);
  addSample(stats.sample);
});
stream.addEventListener('error', () => {
  // A refused stream is closed for good; one that broke off is tried again by the browser.
  if (stream.readyState === EventSource.CLOSED) showConnection('lost', 'refused: reload to try again');
  else showConnection('lost', 'reconnecting');
});

followAddress((post) => cardOf(post, choose));
