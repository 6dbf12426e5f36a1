/** Something that went wrong beside the data, for people. */
export interface Trouble {
  /** When, in ISO 8601. */
  readonly at: string;
  readonly what: string;
  readonly detail: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** What to do, by what the error's name, type and message say: the first that fits. */
const remedies: readonly (readonly [sign: RegExp, remedy: string])[] = [
  [/SASL|authentication/i, 'Check kafka.sasl: the brokers refuse this user or password.'],
  [/certificate|\bTLS\b|\bSSL\b|self.signed/i, 'Check kafka.tls: the connection is not trusted by one side.'],
  [
    /AUTHORIZATION|not authorized/i,
    'Give kafka.sasl’s user the rights to topics, group and transactional ids.',
  ],
  [
    /UNKNOWN_TOPIC|does not host this topic/i,
    'Create the topic, or correct its name: tagstream doctor names it.',
  ],
  [/TOO_LARGE|larger than the max/i, 'Set kafka.maxRecordBytes to what the brokers take.'],
  [/ENOSPC|STORAGE_ERROR|no space/i, 'Make room on the brokers’ disks, or on that of the output.'],
  [/OffsetMismatch/, 'Nothing: the partition is read on from where the outcomes end.'],
  [/Fenced|INVALID_PRODUCER_EPOCH|fenced/i, 'Start this agent again: another one has its place.'],
  [/inference|worker|ONNX/i, 'Start the agent again; where it stays so, tagstream doctor tries the model.'],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|Connection|broker|timed? ?out|NumberOfRetries/i,
    'Check that the brokers run and can be reached at kafka.brokers. The agent keeps trying.',
  ],
];

/** Tells of an error as trouble. */
export function troubleOf(what: string, error: unknown, now: Date = new Date()): Trouble {
  const known: { name?: string; message?: string; type?: string; code?: string } =
    error instanceof Error ? error : {};
  const { name = '', message = String(error), type = '', code = '' } = known;
  const signs = `${name} ${type} ${code} ${message}`;
  const [, remedy] = remedies.find(([sign]) => sign.test(signs)) ?? [
    undefined,
    'The log has the whole error. The agent tries again by itself.',
  ];
  return { at: now.toISOString(), what, detail: message, remedy };
}
