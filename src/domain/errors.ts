/** Exit codes, after sysexits.h where it has one (EX_USAGE 64, EX_TEMPFAIL 75, EX_CONFIG 78). */
export const exitCodes = {
  done: 0,
  failed: 1,
  badInput: 2,
  usage: 64,
  /** Another agent has taken this one's place: to be started again. */
  fenced: 75,
  configuration: 78,
} as const;

/** What can go wrong without a fault in the program: its message is for the user, and it knows its exit code. */
export abstract class ExpectedError extends Error {
  abstract readonly exitCode: number;
}

/** A setting that cannot be used: which one, what is wrong with it, and what to do. */
export interface ConfigurationFault {
  readonly key: string;
  readonly problem: string;
}

/** The settings cannot be used. Every fault is named at once, before anything starts. */
export class ConfigurationError extends ExpectedError {
  override readonly name = 'ConfigurationError';
  override readonly exitCode = exitCodes.configuration;

  constructor(readonly faults: readonly ConfigurationFault[]) {
    super(
      ['The configuration cannot be used:', ...faults.map(({ key, problem }) => `  ${key}: ${problem}`)].join(
        '\n',
      ),
    );
  }
}

/** Infrastructure failed (a broker, the inference worker): what was under way is not committed. */
export class InfrastructureError extends ExpectedError {
  override readonly name: string = 'InfrastructureError';
  override readonly exitCode: number = exitCodes.failed;
}

/** That no broker answers. */
export function brokersUnreachable(brokers: readonly string[], cause: unknown): InfrastructureError {
  return new InfrastructureError(
    `Kafka at ${brokers.join(', ')} cannot be reached: ${(cause as Error).message}; check kafka.brokers, kafka.tls and kafka.sasl`,
    { cause },
  );
}

/** That topics are not there. */
export function topicsMissing(
  brokers: readonly string[],
  topics: readonly string[],
  cause?: unknown,
): InfrastructureError {
  return new InfrastructureError(
    `there is no topic "${topics.join('", "')}" on ${brokers.join(', ')}: create what is missing, or name another`,
    { cause },
  );
}

/** Another process writes for this partition now: whatever this one still had under way is that one's work. */
export class FencedError extends InfrastructureError {
  override readonly name = 'FencedError';
  override readonly exitCode = exitCodes.fenced;
}

/** The batch does not begin where the committed outcomes end: the partition is to be read on from there. */
export class OffsetMismatchError extends InfrastructureError {
  override readonly name = 'OffsetMismatchError';

  constructor(readonly nextOffset: bigint) {
    super(`the partition is to be read on from offset ${nextOffset}`);
  }
}

/** Nobody waits for a batch any more: one before it was not delivered, or the source stops. It will be read again. */
export class GivenUpError extends InfrastructureError {
  override readonly name = 'GivenUpError';

  constructor() {
    super('given up: the batch will be read again');
  }
}

/** A file or pipe takes no more results and never will again: another attempt could only write some of them twice. */
export class OutputLostError extends InfrastructureError {
  override readonly name = 'OutputLostError';
  /** Whether it is a pipe whose reader has ended. */
  readonly readerGone: boolean;

  constructor(cause: Error) {
    super(`results cannot be written: ${cause.message}`, { cause });
    this.readerGone = 'code' in cause && cause.code === 'EPIPE';
  }
}

/** A command was stopped before it could do what it was asked for. */
export class StoppedError extends ExpectedError {
  override readonly name = 'StoppedError';
  override readonly exitCode = exitCodes.failed;
}

/** A file that was given to a command cannot be used; the message names the place. */
export class InputError extends ExpectedError {
  override readonly name: string = 'InputError';
  override readonly exitCode = exitCodes.badInput;
}
