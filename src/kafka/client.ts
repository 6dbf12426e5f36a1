import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Kafka, logLevel, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Logger } from '../telemetry/logger.js';
import { registerCodecs } from './codecs.js';

/** A value that must not be printed. */
interface Hidden {
  reveal(): string;
}

export interface KafkaClientOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls: {
    readonly enabled: boolean;
    /** PEM text, or a path to it; likewise `cert` and `key`. */
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: Hidden | undefined;
    readonly keyPassphrase?: Hidden | undefined;
  };
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: Hidden;
      }
    | undefined;
}

/** Milliseconds for a TCP connection with its TLS handshake; kafkajs's own 1,000 are short for brokers far away. */
const connectionTimeout = 5_000;

/** kafkajs's own defaults, which it forgets where `NODE_ENV` is `test`: six attempts within some ten seconds. */
const retry = { retries: 5, initialRetryTime: 300, maxRetryTime: 30_000 } as const;

/**
 * A Kafka client. Source and sink need one each: kafkajs shares committed offsets among all that one client makes.
 *
 * @throws Error where a certificate or key cannot be read
 */
export function createKafka({ brokers, clientId, tls, sasl }: KafkaClientOptions, logger: Logger): Kafka {
  registerCodecs();
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout,
    retry,
    ssl: tls.enabled && tlsOptions(tls),
    logLevel: logLevel.INFO,
    logCreator: () => logTo(logger),
  };
  if (sasl !== undefined) config.sasl = { ...sasl, password: sasl.password.reveal() } as SASLOptions;
  return new Kafka(config);
}

function tlsOptions({ ca, cert, key, keyPassphrase }: KafkaClientOptions['tls']): ConnectionOptions {
  return {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined ? {} : { cert: pem(cert) }),
    ...(key === undefined ? {} : { key: pem(key.reveal()) }),
    ...(keyPassphrase === undefined ? {} : { passphrase: keyPassphrase.reveal() }),
  };
}

const pem = (textOrPath: string): string =>
  textOrPath.includes('-----BEGIN') ? textOrPath : readFileSync(textOrPath, 'utf8');

/** kafkajs calls errors what it retries and information what only its authors read: each goes one level down. */
function logTo(logger: Logger): (entry: LogEntry) => void {
  return ({ namespace, level, log: { message, timestamp: _time, logger: _logger, ...about } }) => {
    const line = { kafkajs: namespace, ...about };
    if (level === logLevel.ERROR || level === logLevel.WARN) logger.warn(line, message);
    else logger.debug(line, message);
  };
}
