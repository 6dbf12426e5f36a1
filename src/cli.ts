#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { bench } from './commands/bench.js';
import { demo } from './commands/demo.js';
import { doctor } from './commands/doctor.js';
import { evaluateFile } from './commands/eval.js';
import { run } from './commands/run.js';
import { tag } from './commands/tag.js';
import { loadConfig, settingFromText, type Config } from './config.js';
import { ConfigurationError, exitCodes, InfrastructureError, InputError } from './domain/errors.js';
import { modelParts } from './domain/keyphrase.js';
import { packageVersion } from './package-version.js';
import { merge, type Settings } from './settings.js';

/** Flags that stand for settings: flag, keys, description. */
type SettingFlag = readonly [flag: string, keys: readonly string[], description: string];

const commonFlags: readonly SettingFlag[] = [
  ['--provider <name>', ['inference.provider'], 'execution provider: auto, cpu, cuda'],
  ['--threads <n>', ['inference.threads'], 'threads of a model run; 0: all cores'],
  ['--model <folder>', ['model.path'], 'model bundle'],
  ['--format <name>', ['format'], 'wire format of the posts: auto, plain, x-v2'],
  ['--log-level <level>', ['log.level'], 'trace, debug, info, warn, error, silent'],
];
const kafkaFlags: readonly SettingFlag[] = [
  ['--brokers <host:port,...>', ['kafka.brokers'], 'Kafka brokers to start from'],
  ['--input-topic <name>', ['kafka.inputTopic'], 'topic the posts come from'],
  ['--output-topic <name>', ['kafka.outputTopic'], 'topic the keyphrases go to'],
  ['--dead-letter-topic <name>', ['kafka.deadLetterTopic'], 'topic for what cannot be tagged'],
  ['--group <id>', ['kafka.groupId'], 'consumer group'],
  ['--delivery <guarantee>', ['delivery'], 'at-least-once (exactly-once comes later)'],
];
const webFlags: readonly SettingFlag[] = [['--port <n>', ['web.port'], 'port of the live page; 0: any']];
const concurrencyFlags: readonly SettingFlag[] = [
  ['--concurrency <n>', ['images.concurrency', 'inference.concurrency'], 'posts under way at the same time'],
];
const ablationFlags: readonly SettingFlag[] = [
  ['--without <parts>', ['model.without'], `parts of the model to leave out: ${modelParts.join(', ')}`],
];

/** Commands whose output is for people or pipes log only what went wrong, and take every post they are given. */
const quiet: Settings = { log: { level: 'error' } };
const everyPost: Settings = { ...quiet, noise: { duplicateWindow: 0 } };

let exitCode: number = exitCodes.done;

const program = new Command('tagstream')
  .description('Tags live social media posts with keyphrases.')
  .version(packageVersion)
  .exitOverride();

command(
  'run',
  'tag posts from Kafka to Kafka until a signal ends it',
  [...kafkaFlags, ...webFlags],
  async (made) => {
    exitCode = await run(configOf(made, {}, ['kafka.brokers']));
  },
);

command('demo', 'tag the bundled posts and show them on the live page', webFlags, async (made) => {
  exitCode = await demo(configOf(made, everyPost), made.opts<{ once?: boolean }>().once === true);
}).option('--once', 'tag them once, print them and exit');

command('tag', 'tag NDJSON posts: one result a line', concurrencyFlags, async (made, file = '-') => {
  exitCode = await tag(configOf(made, everyPost), {
    file,
    ...made.opts<{ text?: string; image?: string }>(),
  });
})
  .argument('[file]', 'NDJSON file of posts; - is standard input')
  .option('--text <text>', 'tag this text instead')
  .option('--image <path or URL>', 'and this image');

command(
  'eval',
  'tag posts whose keyphrases are known and measure the result',
  [...concurrencyFlags, ...ablationFlags],
  async (made, file) => {
    exitCode = await evaluateFile(configOf(made, everyPost), { ...made.opts(), file: file ?? '' });
  },
)
  .argument('<file>', 'NDJSON file of posts with their true keyphrases')
  .option('--predictions <file>', 'measure these instead: "a;b;c" lines or results')
  .option('--text-only', 'leave out what upstream services gave for the image')
  .option('--results <file>', 'also write the results as NDJSON')
  .option('--json', 'print JSON instead of a table');

command('bench', 'measure this machine: CPU a post and posts a second, as JSON', [], async (made) => {
  exitCode = await bench((defaults) => configOf(made, merge(everyPost, defaults)));
});

command(
  'doctor',
  'look at Node, models, brokers and topics: what is wrong, what to do',
  kafkaFlags,
  async (made) => {
    exitCode = await doctor(() => configOf(made, quiet));
  },
);

/** Adds a command that takes settings. */
function command(
  name: string,
  description: string,
  flags: readonly SettingFlag[],
  action: (made: Command, argument?: string) => Promise<void>,
): Command {
  const made = program.command(name).description(description).exitOverride().allowExcessArguments(false);
  made.option('--config <file>', 'settings in YAML or JSON');
  for (const [flag, , about] of [...flags, ...commonFlags]) made.option(flag, about);
  return made.action(() => action(made, made.args[0]));
}

/** A command's configuration: its own defaults, then file, environment and flags. */
function configOf(made: Command, defaults: Settings, required: readonly string[] = []): Config {
  const given = made.opts<Record<string, string | undefined>>();
  const flags = [...kafkaFlags, ...webFlags, ...concurrencyFlags, ...ablationFlags, ...commonFlags].flatMap(
    ([flag, keys]) => {
      const text = given[new Option(flag).attributeName()];
      return text === undefined ? [] : keys.map((key) => settingFromText(key, text));
    },
  );
  const file = given['config'] ?? process.env['TAGSTREAM_CONFIG'];
  return loadConfig({ defaults, file, environment: process.env, flags: flags.reduce(merge, {}), required });
}

/** The exit code for what went wrong, with a message on standard error where commander has not given one. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (
    error instanceof ConfigurationError ||
    error instanceof InfrastructureError ||
    error instanceof InputError
  ) {
    process.stderr.write(`tagstream: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(
    `tagstream: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return exitCodes.failed;
}

// A rejection nobody waits for is a fault in the agent: better to stop and be restarted than to live on without a part.
process.on('unhandledRejection', (error) => {
  process.exit(explain(error));
});

process.exitCode = await program.parseAsync().then(
  () => exitCode,
  (error: unknown) => explain(error),
);
