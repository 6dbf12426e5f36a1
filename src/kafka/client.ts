import { Kafka, logLevel, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Logger } from '../telemetry/logger.js';
import { tlsOptions, type Hidden, type TlsSettings } from './tls.js';
import { registerCodecs } from './codecs.js';
import { applyRepairs } from './repairs/apply.js';

export interface KafkaClientOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls: TlsSettings;
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

/** Milliseconds for an answer, but for a fetch and for joining a group; kafkajs's own 30,000 are a long time without one. */
const requestTimeout = 15_000;

/** kafkajs's own defaults, which it forgets where `NODE_ENV` is `test`: six attempts within some ten seconds. */
const retry = { retries: 5, initialRetryTime: 300, maxRetryTime: 30_000 } as const;

/**
 * A Kafka client. Source and sink need one each: kafkajs shares committed offsets among all that one client makes.
 *
 * @throws ConfigurationError where a certificate or key cannot be used
 */
export function createKafka({ brokers, clientId, tls, sasl }: KafkaClientOptions, logger: Logger): Kafka {
  registerCodecs();
  applyRepairs();
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout,
    requestTimeout,
    retry,
    ssl: tls.enabled && tlsOptions(tls),
    logLevel: logLevel.INFO,
    logCreator: () => logTo(logger),
  };
  if (sasl !== undefined) config.sasl = { ...sasl, password: sasl.password.reveal() } as SASLOptions;
  return new Kafka(config);
}

/** What brokers answer to the first request of almost every transaction, until the one before is told everywhere. */
const everyday = 'while another concurrent operation on the same transaction was ongoing';

/** kafkajs calls errors what it retries and information what only its authors read: each goes one level down. */
function logTo(logger: Logger): (entry: LogEntry) => void {
  return ({ namespace, level, log: { message, timestamp: _time, logger: _logger, ...about } }) => {
    const line = { kafkajs: namespace, ...about };
    const isTrouble = level === logLevel.ERROR || level === logLevel.WARN;
    if (isTrouble && !String(about['error']).includes(everyday)) logger.warn(line, message);
    else logger.debug(line, message);
  };
}
