import type { ImageAbsence } from '../../src/domain/image.js';
import type { Reason } from '../../src/domain/outcome.js';
import { errorRows, type ErrorRow } from './error-rows.js';

/** What a reason means and what to do. The records complete a type: a reason without a row does not compile. */
type Meaning = readonly [meaning: string, todo: string];

export const deadLetterMeanings: Readonly<Record<Reason, Meaning>> = {
  not_json: ['The value is no JSON.', 'Mend the producer.'],
  invalid_post: [
    'It is JSON of a known format, but a field is missing, wrong or too large; the detail names it.',
    'Mend the producer.',
  ],
  unsupported_format: [
    'It is none of the formats that are read.',
    'Convert it to the plain format, or replay it with a version that reads it.',
  ],
  empty: ['Neither text nor image is left.', 'Nothing; `noise.skip` counts such posts instead.'],
  too_long: ['The text is longer than `noise.maxTextLength`.', 'Raise it and replay, or let it be.'],
  language: [
    'The post names a language that `noise.languages` lacks.',
    'Add the language and replay, or let it be.',
  ],
  duplicate: [
    'Id, text and images are those of an earlier post.',
    'Nothing; `noise.skip` counts such posts instead.',
  ],
  result_too_large: [
    'The result would exceed `kafka.maxRecordBytes`.',
    'Raise it together with the topic’s `max.message.bytes`, and replay.',
  ],
  undecodable_batch: [
    'The record batch is damaged, or holds more than 128 MiB: only its place is known.',
    'Look at the producer, and send the posts again.',
  ],
};

export const absenceMeanings: Readonly<Record<ImageAbsence, Meaning>> = {
  none: ['The post has no image.', 'Nothing.'],
  given: ['The post came with its entities, so the photo was not fetched.', 'Nothing.'],
  not_matching: ['Photo and text do not belong together.', 'Nothing; `image.match` says how little.'],
  unreachable: [
    'The host gave no proper answer, or there is no such file.',
    'Look whether the address still works.',
  ],
  timed_out: ['It took longer than `images.timeoutMs`.', 'Raise it, or let it be.'],
  too_large: [
    'More bytes than `images.maxBytes` or more pixels than `images.maxPixels`.',
    'Raise them; memory grows with both.',
  ],
  not_an_image: ['It is no JPEG, PNG, WebP or GIF.', 'Nothing.'],
  undecodable: ['The file is damaged, or made to be slow.', 'Nothing.'],
  blocked_address: [
    'The address is not public, or a path leads out of the posts’ folder.',
    'Where it is your own: `images.allow`.',
  ],
  circuit_open: [
    'The host failed several times and is left alone for `images.hostPauseMs`.',
    'Look at the host, or wait.',
  ],
};

const codes: readonly (readonly [code: number, title: string])[] = [
  [64, '64: wrong usage'],
  [78, '78: wrong configuration'],
  [2, '2: some input was bad'],
  [1, '1: failed or stopped'],
  [75, '75: another agent has its place'],
];

/** docs/errors.md, as the code has it. `npm run generate` writes it anew. */
export function errorsPage(): string {
  const sections = codes.map(([code, title]) => {
    const rows = errorRows.filter((row) => row.code === code).map(rowOf);
    return `## ${title}\n\n| message | what to do | tried |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Errors

<!-- Generated from test/docs/error-rows.ts by \`npm run generate\`; a test holds it against the code. -->

What \`tagstream\` tells on standard error when a command ends, by its exit code. \`…\` stands for what differs. A
message that is not here, with a stack below it, is a fault of tagstream: report it. The last column says where a test
makes it happen: here means \`test/docs/errors.test.ts\`.

${sections.join('\n')}
\`tag\` and \`eval\` end with 2 as well when they told of lines or posts that were not tagged, with a reason of the table
below: \`posts.ndjson, line 7: not_json: the value is no JSON\`. \`doctor\` ends with 1 when a line of it begins with
\`WRONG\`; what follows are these messages.

## Why a post was not tagged

The header \`tagstream-reason\` of a dead letter, \`error.code\` or \`skipped\` of a line of \`tag\`, the label of
\`tagstream_posts_dead_lettered_total\`. \`tagstream replay --reason REASON\` brings them back.

| reason | means | what to do |
| --- | --- | --- |
${meaningsOf(deadLetterMeanings)}

## Why an image was not used

\`image.reason\` of a result. The post is tagged from its text.

| reason | means | what to do |
| --- | --- | --- |
${meaningsOf(absenceMeanings)}
`;
}

function rowOf({ message, todo, made }: ErrorRow): string {
  const tried = typeof made === 'function' ? 'here' : 'by' in made ? `\`${made.by}\`` : `no: ${made.not}`;
  return `| \`${message}\` | ${todo} | ${tried === '`test/docs/errors.test.ts`' ? 'here' : tried} |`;
}

const meaningsOf = (meanings: Readonly<Record<string, Meaning>>): string =>
  Object.entries(meanings)
    .map(([reason, [means, todo]]) => `| \`${reason}\` | ${means} | ${todo} |`)
    .join('\n');
