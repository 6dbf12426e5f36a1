import type { VisualEntity } from '../domain/entity.js';
import type { Keyphrase } from '../domain/keyphrase.js';
import type { ImageUse, Outcome } from '../domain/outcome.js';
import type { Paint } from './paint.js';

/** More code points of a text are not shown. */
const mostText = 280;
/** Blocks of a whole bar, and what a cell that is only partly filled looks like, in eighths. */
const barCells = 10;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** An outcome as people read it in a pipe or a file: a line for the text, one for the photo, one for the keyphrases. */
export function describeOutcome(outcome: Outcome): string {
  return draw(
    outcome,
    (_style, text) => text,
    (keyphrases) => [
      `  tags   ${keyphrases.map(({ phrase, score }) => onOneLine(phrase) + percent(score)).join(', ')}`,
    ],
  );
}

/** An outcome as people read it on a terminal: each keyphrase on a line of its own, with its score as a bar. */
export function drawOutcome(outcome: Outcome, paint: Paint): string {
  return draw(outcome, paint, (keyphrases) => {
    const width = Math.max(0, ...keyphrases.map(({ phrase }) => [...onOneLine(phrase)].length));
    return keyphrases.map(({ phrase, score }, index) => {
      const shown = onOneLine(phrase);
      const padding = ' '.repeat(width - [...shown].length);
      return `  ${index === 0 ? 'tags ' : '     '}  ${paint('name', shown)}${padding}  ${paint('bar', bar(score))} ${percent(score).padStart(4)}`;
    });
  });
}

function draw(
  outcome: Outcome,
  paint: Paint,
  tags: (keyphrases: readonly Keyphrase[]) => readonly string[],
): string {
  switch (outcome.kind) {
    case 'tagged': {
      const { result, post } = outcome;
      const photo = [describeUse(result.image), ...result.entities.map(nameOf)].filter((part) => part !== '');
      return [
        `${paint('aside', onOneLine(result.id))}  ${shortened(onOneLine(post.post.text))}`,
        ...(photo.length === 0 ? [] : [`  photo  ${paint('aside', photo.join(', '))}`]),
        ...tags(result.keyphrases),
        '\n',
      ].join('\n');
    }
    case 'dead-letter': {
      const what = `not tagged (${outcome.reason}): ${onOneLine(outcome.detail)}`;
      return `line ${outcome.position.offset + 1n}  ${paint('bad', what)}\n\n`;
    }
    case 'tombstone':
      return `${paint('aside', onOneLine(outcome.id))}  deleted\n\n`;
    case 'skipped':
      return `line ${outcome.position.offset + 1n}  skipped (${outcome.reason})\n\n`;
  }
}

/** A score in [0, 1] as blocks, always as wide. */
function bar(score: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, score)) * barCells * 8);
  return ('█'.repeat(filled >> 3) + (eighths[filled & 7] ?? '')).padEnd(barCells);
}

/** A score as the live page shows it. */
function percent(score: number | undefined): string {
  if (score === undefined) return '';
  return score > 0 && score < 0.005 ? ' <1%' : ` ${Math.round(score * 100)}%`;
}

/** What strangers wrote, with nothing in it that a terminal would obey: no line ends, escapes or turned directions. */
export function onOneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u202A-\u202E\u2066-\u2069]+/gu, ' ').trim();
}

function shortened(text: string): string {
  const points = [...text];
  return points.length > mostText ? `${points.slice(0, mostText - 1).join('')}…` : text;
}

function describeUse({ used, reason = 'none', match }: ImageUse): string {
  const matching = match === undefined ? '' : `match${percent(match)}`;
  if (used || reason === 'none') return matching;
  return [`not used: ${reason}`, ...(matching === '' ? [] : [matching])].join(', ');
}

const nameOf = ({ label, score }: VisualEntity): string => onOneLine(label) + percent(score);
