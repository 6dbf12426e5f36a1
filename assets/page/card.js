import { button, element } from './elements.js';
import { linkTo } from './permalink.js';
import { photo } from './photo.js';
import { absences, duration, percent, placeOf, rejections } from './wording.js';

/** A post's text with the parts that keyphrases cover marked. */
function markedText(text, marks) {
  const paragraph = element('p', 'text');
  paragraph.dir = 'auto';
  let shownTo = 0;
  for (const { start, end } of marks) {
    const mark = element('mark', '', text.slice(start, end));
    Object.assign(mark.dataset, { start, end });
    paragraph.append(text.slice(shownTo, start), mark);
    shownTo = end;
  }
  paragraph.append(text.slice(shownTo));
  return paragraph;
}

/** Lights up where a keyphrase stands in the text; of phrases that overlap, one mark stands for both. */
function light(text, span, lit) {
  if (span?.of !== 'text') return;
  for (const mark of text.querySelectorAll('mark')) {
    const overlaps = Number(mark.dataset.start) < span.end && span.start < Number(mark.dataset.end);
    mark.classList.toggle('lit', lit && overlaps);
  }
}

function keyphraseRow({ phrase, score, present, origin, span }, text, choose) {
  const name = button('phrase', phrase, () => choose(phrase));
  name.dir = 'auto';
  name.title = 'Show only posts with this keyphrase';
  const bar = element('span', 'bar');
  bar.style.setProperty('--score', String(score));
  const row = element('li', present ? 'keyphrase present' : 'keyphrase', name, bar);
  row.append(element('span', 'score', percent(score)), element('span', 'origin', origin.join(', ')));
  const where = present ? `stands in ${span?.of === 'imageText' ? 'the image’s text' : 'the text'}` : '';
  row.title = where || 'not in the text';
  for (const [event, lit] of [
    ['pointerenter', true],
    ['pointerleave', false],
    ['focusin', true],
    ['focusout', false],
  ])
    row.addEventListener(event, () => light(text, span, lit));
  return row;
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

/** The text that was read in the photo. */
function imageText(text) {
  const line = element('p', 'entities', element('span', 'label', 'reads'), element('span', 'entity', text));
  line.dir = 'auto';
  return line;
}

/** The post's result as it went out, or what is known of one that has none. */
function jsonOf(post) {
  if (post.kind !== 'tagged') return JSON.stringify(post, null, 2);
  const { used, reason, match, number, text, regions } = post.image;
  const { id, keyphrases, entities, model } = post;
  return JSON.stringify(
    { id, keyphrases, image: { used, reason, match, number, text, regions }, entities, model },
    null,
    2,
  );
}

function copyButton(post) {
  const copy = button('quiet-button', 'Copy JSON', async () => {
    // Where the page is not served over TLS or from this machine the browser has no clipboard for it.
    const done = await navigator.clipboard?.writeText(jsonOf(post)).then(
      () => true,
      () => false,
    );
    copy.textContent = done ? 'Copied' : 'Not allowed';
    setTimeout(() => (copy.textContent = 'Copy JSON'), 1_500);
  });
  copy.setAttribute('aria-live', 'polite');
  return copy;
}

/** The line under a card: which post, from where, how long it took, and what can be done with it. */
function provenance(post) {
  const line = element('footer', 'provenance');
  if (post.id !== undefined) line.append(element('span', 'id', post.id));
  if (!post.typed) {
    const link = element('a', 'place', placeOf(post));
    link.href = linkTo(post);
    link.title = 'Link to this post';
    line.append(link);
  }
  const time = element('time', '', new Date(post.at).toLocaleTimeString());
  time.dateTime = post.at;
  line.append(time, element('span', '', duration(post.seconds)), copyButton(post));
  return line;
}

function taggedCard(post, choose, picture) {
  const text = markedText(post.text, post.marks);
  const body = element('div', 'body', text);
  if (post.keyphrases.length > 0) {
    const rows = post.keyphrases.map((keyphrase) => keyphraseRow(keyphrase, text, choose));
    const list = element('ol', 'keyphrases', ...rows);
    list.setAttribute('aria-label', 'Keyphrases');
    body.append(list);
  } else {
    body.append(element('p', 'entities', 'no keyphrase'));
  }
  if (post.entities.length > 0) body.append(entityList(post.entities));
  if (post.image.text !== undefined) body.append(imageText(post.image.text));
  body.append(provenance(post));
  const card = element('article', 'card tagged');
  if (post.image.used || post.image.reason !== 'none') card.append(photo(post.image, post.entities, picture));
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

function bareCard(post, choose, picture) {
  switch (post.kind) {
    case 'tagged':
      return taggedCard(post, choose, picture);
    case 'dead-letter': {
      const title = `${post.typed ? 'Not tagged' : 'Dead letter'}: ${rejections[post.reason] ?? post.reason}.`;
      return quietCard(post, title, post.detail, post.typed ? '' : post.excerpt);
    }
    case 'skipped':
      return quietCard(post, `Skipped: ${rejections[post.reason] ?? post.reason}.`, '', '');
    default:
      return quietCard(post, 'Withdrawn.', 'The post was deleted; so is its result.', '');
  }
}

/**
 * What the page shows of a post.
 *
 * @param choose is told of a keyphrase that someone wants to see more of
 * @param picture the photo, where the agent does not keep it
 */
export function cardOf(post, choose, picture) {
  const card = bareCard(post, choose, picture);
  card.tabIndex = 0;
  card.setAttribute('aria-label', nameOf(post));
  return card;
}

function nameOf(post) {
  if (post.kind !== 'tagged') return `${post.kind} ${placeOf(post)}`;
  const { used, reason } = post.image;
  return `Post ${post.id}, ${used ? 'with its photo' : `photo: ${absences[reason] ?? reason}`}`;
}
