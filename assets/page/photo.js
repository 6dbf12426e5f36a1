import { element } from './elements.js';
import { absences, percent } from './wording.js';

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

/** The photo that the agent keeps of a post. */
function keptPicture({ photo }) {
  const image = element('img');
  image.src = photo;
  image.decoding = 'async';
  image.addEventListener('error', () =>
    image.parentElement?.replaceWith(element('figcaption', '', 'Photo no longer kept')),
  );
  return image;
}

/**
 * A post's photo with what the model made of it.
 *
 * @param picture the photo as an element, where the agent does not keep it
 */
export function photo(use, entities, picture = use.photo ? keptPicture(use) : undefined) {
  const { used, reason, detail, match, regions } = use;
  const figure = element('figure', used ? 'photo' : 'photo unused');
  if (picture) {
    const name = used ? 'The post’s photo' : 'The post’s photo, not used';
    picture.setAttribute('role', 'img');
    picture.setAttribute(picture.tagName === 'IMG' ? 'alt' : 'aria-label', name);
    const shown = element('div', 'shown', picture);
    if (regions !== undefined) {
      const marks = used ? [veil(regions), ...boxes(entities, regions.box)] : [];
      for (const mark of marks) mark.setAttribute('aria-hidden', 'true');
      shown.append(...marks);
    }
    figure.append(shown);
  }
  const matching = match === undefined ? '' : `${percent(match)} match`;
  const caption = used
    ? matching || 'Photo used'
    : [`Photo not used: ${absences[reason] ?? reason}`, matching].filter(Boolean).join(', ');
  figure.append(element('figcaption', '', caption));
  figure.title = detail ?? matching;
  return figure;
}
