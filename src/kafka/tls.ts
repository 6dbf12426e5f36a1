import { readFileSync } from 'node:fs';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { ConfigurationError, type ConfigurationFault } from '../domain/errors.js';

/** A value that must not be printed. */
export interface Hidden {
  reveal(): string;
}

/** The settings under `kafka.tls`. */
export interface TlsSettings {
  readonly enabled: boolean;
  /** PEM text, or a path to it; likewise `cert` and `key`. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: Hidden | undefined;
  readonly keyPassphrase?: Hidden | undefined;
}

/**
 * Reads the files that the settings name, and tries what is in them.
 *
 * @throws ConfigurationError naming what cannot be used by its key and error code alone: a "path" can be a secret that
 * was meant as text, and errors of the file system quote it
 */
export function tlsOptions({ ca, cert, key, keyPassphrase }: TlsSettings): ConnectionOptions {
  const faults: ConfigurationFault[] = [];
  const given = { ca, cert, key: key?.reveal() };
  const options: ConnectionOptions =
    keyPassphrase === undefined ? {} : { passphrase: keyPassphrase.reveal() };
  for (const name of ['ca', 'cert', 'key'] as const) {
    const textOrPath = given[name];
    if (textOrPath === undefined) continue;
    try {
      options[name] = pem(textOrPath);
    } catch (error) {
      const problem = `is no PEM text, and as a path cannot be read (${codeOf(error)}); give either`;
      faults.push({ key: `kafka.tls.${name}`, problem });
    }
  }
  if (faults.length === 0) {
    try {
      createSecureContext(options);
    } catch (error) {
      const problem = `cannot be used (${codeOf(error)}); check ca, cert, key and keyPassphrase`;
      faults.push({ key: 'kafka.tls', problem });
    }
  }
  if (faults.length > 0) throw new ConfigurationError(faults);
  return options;
}

const pem = (textOrPath: string): string =>
  textOrPath.includes('-----BEGIN') ? textOrPath : readFileSync(textOrPath, 'utf8');

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'no code';
