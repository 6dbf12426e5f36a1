/** A flag that stands for settings: what it looks like, the keys it sets, and what it is. */
export interface SettingFlag {
  readonly flag: string;
  readonly keys: readonly string[];
  readonly description: string;
}

const flag = (text: string, keys: readonly string[], description: string): SettingFlag => ({
  flag: text,
  keys,
  description,
});

/** Of every command that loads the model. */
export const modelFlags = [
  flag('--provider <name>', ['inference.provider'], 'execution provider'),
  flag('--model <folder>', ['model.path'], 'model bundle'),
];
/** Of every command that takes posts in more than one format. */
export const formatFlags = [flag('--format <name>', ['format'], 'wire format of the posts')];
export const logFlags = [flag('--log-level <level>', ['log.level'], 'least grave lines that are logged')];
export const threadFlags = [
  flag('--workers <n>', ['inference.workers'], 'threads that hold a model each, or auto'),
  flag('--threads <n>', ['inference.threads'], 'threads of a model run; 0: all cores'),
];
export const brokerFlags = [
  flag('--brokers <host:port,...>', ['kafka.brokers'], 'Kafka brokers to start from'),
];
export const kafkaFlags = [
  ...brokerFlags,
  flag('--input-topic <name>', ['kafka.inputTopic'], 'topic the posts come from'),
  flag('--output-topic <name>', ['kafka.outputTopic'], 'topic the keyphrases go to'),
  flag('--dead-letter-topic <name>', ['kafka.deadLetterTopic'], 'topic for what cannot be tagged'),
  flag('--group <id>', ['kafka.groupId'], 'consumer group'),
  flag('--delivery <guarantee>', ['delivery'], 'what holds after a crash'),
];
export const webFlags = [flag('--port <n>', ['web.port'], 'port of the live page; 0: any')];
export const concurrencyFlags = [
  flag(
    '--concurrency <n>',
    ['images.concurrency', 'inference.concurrency'],
    'posts under way at the same time',
  ),
];

export const ablationFlags = [
  flag('--without <part,...>', ['model.without'], 'parts of the model to leave out'),
];

/** Every flag there is that stands for settings. */
export const settingFlags: readonly SettingFlag[] = [
  ...kafkaFlags,
  ...webFlags,
  ...concurrencyFlags,
  ...threadFlags,
  ...ablationFlags,
  ...modelFlags,
  ...formatFlags,
  ...logFlags,
];
