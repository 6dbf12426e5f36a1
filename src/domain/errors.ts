/** The closed table of what can go wrong beyond bad data, and the exit code each kind ends the process with. */

/** Exit codes, after sysexits.h where it has one (EX_USAGE 64, EX_TEMPFAIL 75, EX_CONFIG 78). */
export const exitCodes = {
  done: 0,
  failed: 1,
  badInput: 2,
  usage: 64,
  lostPlace: 75,
  configuration: 78,
} as const;

/** A setting that cannot be used: which one, what is wrong with it, and what to do. */
export interface ConfigurationFault {
  readonly key: string;
  readonly problem: string;
}

/** The settings cannot be used. Every fault is named at once, before anything starts. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly exitCode = exitCodes.configuration;

  constructor(readonly faults: readonly ConfigurationFault[]) {
    super(
      ['The configuration cannot be used:', ...faults.map(({ key, problem }) => `  ${key}: ${problem}`)].join(
        '\n',
      ),
    );
  }
}

/** Infrastructure failed (a broker, the inference worker): the batch is not committed and will be read again. */
export class InfrastructureError extends Error {
  override readonly name = 'InfrastructureError';
  readonly exitCode = exitCodes.failed;
}

/** A file that was given to a command cannot be used; the message names the place. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
  readonly exitCode = exitCodes.badInput;
}
