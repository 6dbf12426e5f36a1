import type { IHeaders, KafkaMessage } from 'kafkajs';
import { reasons, type Reason } from '../domain/outcome.js';

/** A record of the dead-letter topic, with what its headers say. */
export interface Letter {
  readonly partition: number;
  readonly offset: bigint;
  readonly reason: Reason;
  readonly detail: string;
  /** Where the record stood that it carries, as in "posts/0/17". */
  readonly source: string;
  /** The topic that it came from, `undefined` where no header says so. */
  readonly sourceTopic: string | undefined;
  readonly sourcePartition: number;
  /** How often that record was tried. */
  readonly attempt: number;
  /** Milliseconds since the epoch, when it was written. */
  readonly timestamp: number;
  /** Whether it carries all of the record. */
  readonly complete: boolean;
  readonly message: KafkaMessage;
}

/** Reads a record of the dead-letter topic; `undefined` where it is none that tagstream wrote. */
export function readLetter(partition: number, message: KafkaMessage): Letter | undefined {
  const header = (name: string): string | undefined =>
    [message.headers?.[`tagstream-${name}`]].flat().at(-1)?.toString();
  const reason = reasons.find((known) => known === header('reason'));
  if (reason === undefined) return undefined;
  const sourceTopic = header('source-topic');
  const [sourcePartition, offset] = ['partition', 'offset'].map((name) => header(`source-${name}`) ?? '');
  const omitted = ['value', 'headers', 'key'].some((part) => header(`${part}-bytes`) !== undefined);
  return {
    partition,
    offset: BigInt(message.offset),
    reason,
    detail: header('detail') ?? '',
    source: `${sourceTopic ?? ''}/${sourcePartition}/${offset}`,
    sourceTopic,
    sourcePartition: Number(sourcePartition),
    attempt: Number(header('attempt') ?? 1),
    timestamp: Number(message.timestamp),
    complete: !omitted && reason !== 'undecodable_batch',
    message,
  };
}

/** The headers of the record as it was, and how often it was tried: the next dead letter counts on from there. */
export function headersOf({ message, attempt }: Letter): IHeaders {
  const own = Object.entries(message.headers ?? {}).filter(([name]) => !name.startsWith('tagstream-'));
  return { ...Object.fromEntries(own), 'tagstream-attempt': String(attempt) };
}
