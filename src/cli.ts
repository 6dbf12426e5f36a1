#!/usr/bin/env node
import { Argument, Command, CommanderError, Option } from 'commander';
import { bench, suites, type BenchOptions, type Suite } from './commands/bench.js';
import { completion, shells, type Shell } from './commands/completion.js';
import { cudaInstall } from './commands/cuda.js';
import { demo } from './commands/demo.js';
import { doctor } from './commands/doctor.js';
import { evaluateFile } from './commands/eval.js';
import { replay, type ReplayOptions } from './commands/replay.js';
import { run } from './commands/run.js';
import { tag } from './commands/tag.js';
import { choicesOf, loadConfig, settingFromText, type Config } from './config/load.js';
import { exitCodes, ExpectedError, OutputLostError } from './domain/errors.js';
import { reasons } from './domain/outcome.js';
import { examplesOf } from './commands/examples.js';
import {
  ablationFlags,
  brokerFlags,
  concurrencyFlags,
  formatFlags,
  kafkaFlags,
  logFlags,
  modelFlags,
  settingFlags,
  threadFlags,
  webFlags,
  type SettingFlag,
} from './config/flags.js';
import { packageVersion } from './config/package-version.js';
import { merge, type Settings } from './config/sources.js';

/** Commands whose output is for people or pipes log only what went wrong, and take every post they are given. */
const quiet: Settings = { log: { level: 'error' } };
const everyPost: Settings = { ...quiet, noise: { duplicateWindow: 0 } };
/** The demo shows a duplicate, but streams its posts over and over: it remembers fewer of them than there are. */
const demoPosts: Settings = { ...quiet, noise: { duplicateWindow: 20 } };

let exitCode: number = exitCodes.done;

const program = new Command('tagstream')
  .description('Tags live social media posts with keyphrases.')
  .version(packageVersion)
  .addHelpText('after', examplesOf('tagstream'))
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride();

command(
  'run',
  'tag posts from Kafka to Kafka until a signal ends it',
  [...kafkaFlags, ...webFlags, ...threadFlags, ...modelFlags, ...formatFlags],
  async (made) => {
    exitCode = await run(configOf(made, { required: ['kafka.brokers'] }));
  },
);

command(
  'demo',
  'tag the bundled posts and show them on the live page',
  [...webFlags, ...threadFlags, ...modelFlags, ...formatFlags],
  async (made) => {
    const { once } = made.opts<{ once?: boolean }>();
    exitCode = await demo(configOf(made, { defaults: demoPosts }), once === true);
  },
).option('--once', 'tag them once, print them and exit');

command(
  'tag',
  'tag NDJSON posts: one result a line',
  [...concurrencyFlags, ...threadFlags, ...modelFlags, ...formatFlags],
  async (made, file) => {
    const { text, image } = made.opts<{ text?: string; image?: string }>();
    if (file !== undefined && text !== undefined) made.error('error: give a file or --text, not both');
    if (image !== undefined && text === undefined) made.error('error: --image goes with --text');
    const given = text === undefined ? { file: file ?? '-' } : { text, image };
    exitCode = await tag(configOf(made, { defaults: everyPost }), given);
  },
)
  .argument('[file]', 'NDJSON file of posts; - is standard input')
  .option('--text <text>', 'tag this text instead')
  .option('--image <path or URL>', 'and this image');

command(
  'eval',
  'tag posts whose keyphrases are known and measure the result',
  [...concurrencyFlags, ...threadFlags, ...ablationFlags, ...modelFlags],
  async (made, file = '') => {
    const config = configOf(made, { defaults: everyPost, forced: { format: 'plain' } });
    exitCode = await evaluateFile(config, { ...made.opts(), file });
  },
)
  .argument('<file>', 'NDJSON file of posts with their true keyphrases')
  .option('--predictions <file>', 'measure these instead: "a;b;c" lines or results')
  .addOption(
    new Option('--text-only', 'leave out images and what upstream services gave for them').conflicts(
      'predictions',
    ),
  )
  .addOption(new Option('--results <file>', 'also write the results as NDJSON').conflicts('predictions'))
  .option('--json', 'print JSON instead of a table');

command('bench', 'measure this machine, as JSON', [...brokerFlags, ...modelFlags], async (made) => {
  exitCode = await bench(
    made.processedArgs[0] as readonly Suite[],
    made.opts<BenchOptions>(),
    (forced) => configOf(made, { defaults: quiet, forced }),
    (message) => made.error(`error: ${message}`),
  );
})
  .addArgument(new Argument('[suite...]', 'what is measured').choices(suites).default(['posts']))
  .option('--rounds <n>', 'how often each figure is measured', '5')
  .option('--posts <n>', 'posts of a measurement, in the place of each suite’s own number')
  .option('--old <folder>', 'older version to compare with, built')
  .option('--svg <folder>', 'also draw the curves');

command('replay', 'bring dead letters back to the input topic, each once', kafkaFlags, async (made) => {
  const config = configOf(made, { defaults: quiet, required: ['kafka.brokers'] });
  exitCode = await replay(config, made.opts<ReplayOptions>(), (message) => made.error(`error: ${message}`));
})
  .addOption(
    withChoices(new Option('--reason <reason,...>', 'only those with these reasons'), reasons).argParser<
      readonly string[] | undefined
    >((text, before) => [...(before ?? []), ...text.split(',')]),
  )
  .option('--since <time>', 'only those written at this time or later')
  .option('--until <time>', 'only those written before this time')
  .option('--max-attempts <n>', 'leave out what was tried so often', '3')
  .option('--dry-run', 'only show what would be done');

command(
  'doctor',
  'look at Node, GPU, models, brokers and topics: what is wrong, what to do',
  [...kafkaFlags, ...threadFlags, ...modelFlags],
  async (made) => {
    exitCode = await doctor(() => configOf(made, { defaults: quiet }));
  },
);

program
  .command('cuda')
  .description('install what ONNX Runtime needs for an NVIDIA GPU')
  .addArgument(new Argument('<action>', 'what to do').choices(['install']))
  .option('--from <file>', 'take this wheel of onnxruntime-gpu; nothing is downloaded')
  .addHelpText('after', examplesOf('cuda'))
  .action(async (_action: string, { from }: { from?: string }) => {
    exitCode = await cudaInstall({ from });
  });

program
  .command('completion')
  .description('print what makes a shell complete commands, flags and values')
  .addArgument(new Argument('<shell>', 'the shell').choices(shells))
  .addHelpText('after', examplesOf('completion'))
  .action((shell: Shell) => {
    process.stdout.write(completion(program, shell));
  });

/** Adds a command that takes settings. */
function command(
  name: string,
  description: string,
  flags: readonly SettingFlag[],
  action: (made: Command, argument?: string) => Promise<void>,
): Command {
  const made = program.command(name).description(description).exitOverride().allowExcessArguments(false);
  made.option('--config <file>', 'settings in YAML or JSON').addHelpText('after', examplesOf(name));
  for (const { flag, keys, description: about } of [...flags, ...logFlags]) {
    made.addOption(withChoices(new Option(flag, about), keys.flatMap(choicesOf)));
  }
  return made.action(() => action(made, made.args[0]));
}

/**
 * Names the values of an option, or of the entries of its list, for help and completion alone: a wrong one is refused
 * where it is read, with what else is wrong.
 */
function withChoices(option: Option, choices: readonly string[]): Option {
  if (choices.length > 0) option.argChoices = [...choices];
  return option;
}

interface ConfigNeeds {
  /** What the command sets where nobody else does. */
  readonly defaults?: Settings;
  /** What it sets whatever anybody else says. */
  readonly forced?: Settings;
  readonly required?: readonly string[];
}

/** A command's configuration: its own defaults, then file, environment and flags, then what it must have. */
function configOf(made: Command, { defaults = {}, forced = {}, required = [] }: ConfigNeeds = {}): Config {
  const given = made.opts<Record<string, string | undefined>>();
  const flags = settingFlags.flatMap(({ flag, keys }) => {
    const text = given[new Option(flag).attributeName()];
    return text === undefined ? [] : keys.map((key) => settingFromText(key, text));
  });
  const file =
    given['config'] ?? (process.env['TAGSTREAM_CONFIG'] === '' ? undefined : process.env['TAGSTREAM_CONFIG']);
  const environment = process.env;
  return loadConfig({ defaults, file, environment, flags: [...flags, forced].reduce(merge, {}), required });
}

/** The exit code for what went wrong, with a message on standard error where commander has not given one. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  // Whoever closes the pipe (`| head`) has seen enough.
  if (error instanceof OutputLostError && error.readerGone) return exitCodes.done;
  if (error instanceof ExpectedError) {
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

// Without a listener the streams would end the process in the middle of its work. Of standard error nothing is left to
// be said, and nowhere to say it.
process.stderr.on('error', () => undefined);
let outputError: Error | undefined;
process.stdout.on('error', (error) => {
  outputError ??= error;
});

exitCode = await program.parseAsync().then(
  () => exitCode,
  (error: unknown) => explain(error),
);
// Only then it is known whether all could be written.
await new Promise((written) => process.stdout.write('', written));
process.exitCode =
  exitCode === exitCodes.done && outputError !== undefined
    ? explain(new OutputLostError(outputError))
    : exitCode;
