// Posts are strangers' text. Everything of theirs goes into the page as text nodes, never as markup.

const maxCards = 50;
/** Posts that may wait to be drawn: fewer than the agent remembers by default, so that their photos are still there. */
const maxWaiting = 40;
const cardsAtOnce = 2;
const drawEveryMs = 600;

const absences = {
  none: 'no photo',
  given: 'described upstream',
  not_matching: 'does not match the text',
  unreachable: 'could not be reached',
  timed_out: 'took too long',
  too_large: 'too large',
  not_an_image: 'not an image',
  undecodable: 'could not be decoded',
  blocked_address: 'address not allowed',
  circuit_open: 'host is failing',
};

const rejections = {
  not_json: 'not JSON',
  invalid_post: 'not a valid post',
  unsupported_format: 'unsupported format',
  empty: 'nothing to tag',
  too_long: 'too long',
  language: 'other language',
  duplicate: 'duplicate',
  result_too_large: 'result too large',
  undecodable_batch: 'undecodable record batch',
};

const at = (id) => document.getElementById(id);
const posts = at('posts');

/** Makes an element of a class, with text or elements inside. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const percent = (score) => (score > 0 && score < 0.005 ? '<1%' : `${Math.round(score * 100)}%`);

function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** A post's text with the parts that keyphrases cover marked. */
function markedText(text, marks) {
  const paragraph = element('p', 'text');
  paragraph.dir = 'auto';
  let shownTo = 0;
  for (const { start, end } of marks) {
    paragraph.append(text.slice(shownTo, start), element('mark', '', text.slice(start, end)));
    shownTo = end;
  }
  paragraph.append(text.slice(shownTo));
  return paragraph;
}

function keyphraseChip({ phrase, score, present, origin, span }) {
  const bar = element('span', 'bar');
  bar.style.setProperty('--score', String(score));
  const chip = element('li', present ? 'chip present' : 'chip', element('span', 'phrase', phrase), bar);
  chip.append(element('span', 'score', percent(score)));
  const where = present
    ? `stands in ${span?.of === 'imageText' ? 'the image’s text' : 'the text'}`
    : 'not in the text';
  chip.title = `${origin.join(', ')}; ${where}`;
  return chip;
}

function entityList(entities) {
  const list = element('p', 'entities', element('span', 'label', 'seen'));
  for (const { label, score } of entities) {
    const entity = element('span', 'entity', label);
    if (score !== undefined) entity.append(' ', element('span', 'score', percent(score)));
    list.append(entity);
  }
  return list;
}

/** How much each region of the photo counted, as a veil over those that counted little. */
function veil({ rows, columns, weights }) {
  const canvas = element('canvas', 'weights');
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext('2d');
  const most = Math.max(...weights);
  const pixels = context.createImageData(columns, rows);
  weights.forEach((weight, region) => (pixels.data[region * 4 + 3] = Math.round(190 * (1 - weight / most))));
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** The boxes of entities, on the part of the photo that is shown. */
function boxes(entities, [left, top, right, bottom]) {
  const labels = new Map();
  for (const { label, box } of entities) {
    if (box === undefined) continue;
    const key = box.join();
    labels.set(key, { box, label: labels.has(key) ? `${labels.get(key).label}, ${label}` : label });
  }
  return [...labels.values()].map(({ label, box }, number) => {
    const frame = element('span', number % 2 === 0 ? 'box' : 'box named-above', element('span', '', label));
    const across = (x) => `${(100 * (x - left)) / (right - left)}%`;
    const down = (y) => `${(100 * (y - top)) / (bottom - top)}%`;
    frame.style.left = across(box[0]);
    frame.style.top = down(box[1]);
    frame.style.width = across(left + box[2] - box[0]);
    frame.style.height = down(top + box[3] - box[1]);
    return frame;
  });
}

function photo({ used, reason, detail, photo: source, match, regions }, entities) {
  const figure = element('figure', used ? 'photo' : 'photo unused');
  if (source) {
    const image = element('img');
    image.src = source;
    image.alt = used ? 'The post’s photo' : 'The post’s photo, not used';
    image.loading = 'lazy';
    image.decoding = 'async';
    image.addEventListener('error', () =>
      image.parentElement.replaceWith(element('figcaption', '', 'Photo no longer kept')),
    );
    const shown = element('div', 'shown', image);
    if (regions !== undefined) {
      const marks = used ? [veil(regions), ...boxes(entities, regions.box)] : [];
      for (const mark of marks) mark.setAttribute('aria-hidden', 'true');
      shown.append(...marks);
    }
    figure.append(shown);
  }
  const matching = match === undefined ? '' : `${percent(match)} match`;
  const caption = used ? matching : `Photo not used: ${absences[reason] ?? reason}`;
  if (caption) figure.append(element('figcaption', '', caption));
  figure.title = detail ?? matching;
  return figure;
}

/** The line under a card: which post, from where, and how long it took. */
function provenance(post) {
  const { topic, partition, offset } = post.position;
  const line = element('footer', 'provenance');
  if (post.id !== undefined) line.append(element('span', 'id', post.id));
  line.append(element('span', 'place', `${topic}/${partition}/${offset}`));
  const time = element('time', '', new Date(post.at).toLocaleTimeString());
  time.dateTime = post.at;
  line.append(time, element('span', '', duration(post.seconds)));
  return line;
}

function taggedCard(post) {
  const body = element('div', 'body', markedText(post.text, post.marks));
  if (post.keyphrases.length > 0) {
    const chips = element('ol', 'keyphrases', ...post.keyphrases.map(keyphraseChip));
    chips.setAttribute('aria-label', 'Keyphrases');
    body.append(chips);
  } else {
    body.append(element('p', 'entities', 'no keyphrase'));
  }
  if (post.entities.length > 0) body.append(entityList(post.entities));
  body.append(provenance(post));
  const card = element('article', 'card tagged');
  if (post.image.used || post.image.reason !== 'none') card.append(photo(post.image, post.entities));
  card.append(body);
  return card;
}

function quietCard(post, title, detail, excerpt) {
  const heading = element('p', 'reason', element('strong', '', title));
  if (detail) heading.append(' ', detail);
  const card = element('article', `card quiet ${post.kind}`, heading);
  if (excerpt) {
    const quoted = element('p', 'excerpt', excerpt);
    quoted.dir = 'auto';
    card.append(quoted);
  }
  card.append(provenance(post));
  return card;
}

function cardOf(post) {
  switch (post.kind) {
    case 'tagged':
      return taggedCard(post);
    case 'dead-letter':
      return quietCard(
        post,
        `Dead letter: ${rejections[post.reason] ?? post.reason}.`,
        post.detail,
        post.excerpt,
      );
    case 'skipped':
      return quietCard(post, `Skipped: ${rejections[post.reason] ?? post.reason}.`, '', '');
    default:
      return quietCard(post, 'Withdrawn.', 'The post was deleted; so is its result.', '');
  }
}

function tallyRows(counts, names) {
  const rows = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return [element('div', 'nothing', element('dt', '', 'none yet'))];
  return rows.map(([name, count]) =>
    element('div', '', element('dt', '', names[name] ?? name), element('dd', '', count.toLocaleString())),
  );
}

function showStats(stats) {
  const { about, latencySeconds: latency } = stats;
  at('input').textContent = about.input;
  at('output').textContent = about.output;
  at('model').textContent = `${about.model.name} ${about.model.version}`;
  at('provider').textContent = about.provider;
  at('version').textContent = about.version;
  at('uptime').textContent = duration(Math.floor(stats.uptimeSeconds));
  at('tagged').textContent = stats.tagged.toLocaleString();
  at('rate').textContent = stats.postsPerSecond.toFixed(stats.postsPerSecond < 10 ? 1 : 0);
  at('p50').textContent = latency === undefined ? '–' : duration(latency.p50);
  at('p95').textContent = latency === undefined ? '–' : duration(latency.p95);
  at('images').replaceChildren(...tallyRows(stats.images, { used: 'used', ...absences }));
  const untagged = { ...stats.deadLettered };
  for (const [reason, count] of Object.entries(stats.skipped))
    untagged[`skipped: ${rejections[reason]}`] = count;
  if (stats.tombstones > 0) untagged['withdrawn'] = stats.tombstones;
  at('untagged').replaceChildren(...tallyRows(untagged, rejections));
}

/** Posts that have come and are not drawn yet, oldest first. */
let waiting = [];
let passedBy = 0;
let paused = false;

/** Puts posts, oldest first, on top of the stream. */
function draw(arrived) {
  posts.prepend(...arrived.map(cardOf).reverse());
  while (posts.childElementCount > maxCards) posts.lastElementChild.remove();
  at('empty').hidden = posts.childElementCount > 0;
}

/** Draws at a pace that can be read. When more comes than that, the posts that wait longest are passed by. */
setInterval(() => {
  if (!paused && !document.hidden) draw(waiting.splice(0, cardsAtOnce));
}, drawEveryMs);

function show(post) {
  waiting.push(post);
  if (waiting.length > maxWaiting) {
    waiting.shift();
    passedBy += 1;
    at('passed').hidden = false;
    at('passed').textContent =
      `Posts come faster than they can be read here: ${passedBy.toLocaleString()} went by without being shown.`;
  }
  if (paused) showPause();
}

function showPause() {
  at('pause').setAttribute('aria-pressed', String(paused));
  at('pause').textContent = paused ? 'Resume' : 'Pause';
  if (paused && waiting.length > 0) at('pause').append(` (${waiting.length})`);
}

function showConnection(state, text) {
  at('connection').dataset.state = state;
  if (at('connection').textContent !== text) at('connection').textContent = text;
}

at('pause').addEventListener('click', () => {
  paused = !paused;
  showPause();
});

const stream = new EventSource('/api/stream');
stream.addEventListener('opened', ({ data }) => {
  const opened = JSON.parse(data);
  showConnection('live', 'live');
  showStats(opened.stats);
  // The stream may have broken off: what the agent remembers now replaces what stands here.
  posts.replaceChildren();
  waiting = [];
  draw(opened.posts.reverse());
});
stream.addEventListener('post', ({ data }) => show(JSON.parse(data)));
stream.addEventListener('stats', ({ data }) => showStats(JSON.parse(data)));
stream.addEventListener('error', () => {
  // A refused stream is closed for good; one that broke off is tried again by the browser.
  if (stream.readyState === EventSource.CLOSED) showConnection('lost', 'refused: reload to try again');
  else showConnection('lost', 'reconnecting');
});
