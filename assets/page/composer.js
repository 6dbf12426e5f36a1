import { cardOf } from './card.js';
import { at, element } from './elements.js';
import { choose } from './filter.js';

/** The largest photo that may be sent, in bytes; the agent takes no more. */
const maxPhotoBytes = 6_000_000;
/** Side of the photo's picture, in pixels. */
const side = 448;

const form = at('composer');
const text = at('composer-text');
const chooser = at('composer-file');

let photo;

function say(what) {
  at('composer-status').textContent = what;
}

function take(file) {
  if (file === undefined) return;
  if (!file.type.startsWith('image/')) return say('That file is no image.');
  if (file.size > maxPhotoBytes) return say('That photo is larger than 6 MB.');
  photo = file;
  say('');
  showPhoto();
}

function showPhoto() {
  at('composer-photo').hidden = photo === undefined;
  at('composer-photo-name').textContent = photo?.name ?? '';
}

const dataUriOf = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(reader.result));
    reader.addEventListener('error', () => reject(reader.error));
    reader.readAsDataURL(file);
  });

/** The part of the photo that the model saw. It is drawn here, since the agent keeps nothing of it. */
async function pictureOf(file, [left, top, right, bottom]) {
  const bitmap = await createImageBitmap(file);
  const canvas = element('canvas', 'picture');
  canvas.width = canvas.height = side;
  const { width, height } = bitmap;
  canvas
    .getContext('2d')
    .drawImage(
      bitmap,
      left * width,
      top * height,
      (right - left) * width,
      (bottom - top) * height,
      0,
      0,
      side,
      side,
    );
  bitmap.close();
  return canvas;
}

async function send() {
  const file = photo;
  const image = file === undefined ? {} : { image: await dataUriOf(file) };
  const answer = await fetch(new URL('/api/trials', location.origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: text.value, ...image }),
  });
  const result = await answer.json();
  if (!answer.ok) throw new Error(result.error);
  const box = result.image?.regions?.box;
  const picture = file && box ? await pictureOf(file, box).catch(() => undefined) : undefined;
  at('composer-result').replaceChildren(cardOf(result, choose, picture));
  at('composer-clear').hidden = false;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  at('composer-send').disabled = true;
  say('The model reads it…');
  try {
    await send();
    say('Tagged. It went nowhere else.');
  } catch (error) {
    say(`Not tagged: ${error.message}.`);
  } finally {
    at('composer-send').disabled = false;
  }
});

at('composer-clear').addEventListener('click', () => {
  at('composer-result').replaceChildren();
  at('composer-clear').hidden = true;
  form.reset();
  photo = undefined;
  showPhoto();
  say('');
  text.focus();
});

text.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
text.addEventListener('paste', ({ clipboardData }) => take(clipboardData.files[0]));
chooser.addEventListener('change', () => {
  take(chooser.files[0]);
  chooser.value = '';
});
at('composer-photo-remove').addEventListener('click', () => {
  photo = undefined;
  showPhoto();
});

// A photo may be dropped anywhere: a browser would leave the page for it otherwise.
addEventListener('dragover', (event) => {
  event.preventDefault();
  form.classList.add('awaiting');
});
addEventListener('dragleave', ({ relatedTarget }) => {
  if (relatedTarget === null) form.classList.remove('awaiting');
});
addEventListener('drop', (event) => {
  event.preventDefault();
  form.classList.remove('awaiting');
  at('panel-composer').open = true;
  take(event.dataTransfer.files[0]);
});
