import type { JavaTools } from './kafka-tools.js';

/** A record as the Java console consumer reads it. */
export interface OracleRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null>>;
}

/** A record for the Java console producer. Without a key the producer chooses the partition. */
export interface ProducedRecord {
  readonly key?: string;
  readonly value: string;
}

/** Characters that Kafka's `Bytes` prints escaped, so that they stand for themselves nowhere else in the output. */
const fieldSeparator = '\t';
const headerSeparator = '\u0001';
/** `Bytes` prints this one too, so it has to be something that no test writes. */
const nullLiteral = 'there-is-no-value';

/** Reads with `ConsoleConsumer`; every byte string is printed by Kafka's `Bytes`, which loses nothing. */
export async function consume(
  tools: JavaTools,
  brokers: readonly string[],
  topic: string,
  options: { readonly maxMessages: number; readonly isolation: string; readonly idleMs: number },
): Promise<readonly OracleRecord[]> {
  const bytes = 'org.apache.kafka.common.serialization.BytesDeserializer';
  const properties = {
    ...{ 'print.partition': true, 'print.offset': true, 'print.headers': true, 'print.key': true },
    ...{ 'key.deserializer': bytes, 'value.deserializer': bytes, 'headers.deserializer': bytes },
    ...{ 'key.separator': fieldSeparator, 'headers.separator': headerSeparator, 'null.literal': nullLiteral },
  };
  const output = await tools.run('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', brokers.join(), '--topic', topic, '--from-beginning'],
    ...['--isolation-level', options.isolation, '--max-messages', String(options.maxMessages)],
    ...['--timeout-ms', String(options.idleMs)],
    ...Object.entries(properties).flatMap(([name, value]) => ['--property', `${name}=${value}`]),
  ]);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

/** Writes with `ConsoleProducer`. */
export async function produce(
  tools: JavaTools,
  brokers: readonly string[],
  topic: string,
  records: readonly ProducedRecord[],
  codec: string,
): Promise<void> {
  const lines = records.map(({ key, value }) => `${key ?? nullLiteral}${fieldSeparator}${value}\n`);
  await tools.run(
    'org.apache.kafka.tools.ConsoleProducer',
    [
      ...['--bootstrap-server', brokers.join(), '--topic', topic, '--compression-codec', codec],
      ...['--property', 'parse.key=true', '--property', `key.separator=${fieldSeparator}`],
      ...['--property', `null.marker=${nullLiteral}`],
    ],
    lines.join(''),
  );
}

function parseLine(line: string): OracleRecord {
  const [partition = '', offset = '', headers = '', key = '', value = ''] = line.split(fieldSeparator);
  return {
    partition: Number(partition.replace('Partition:', '')),
    offset: BigInt(offset.replace('Offset:', '')),
    headers:
      headers === 'NO_HEADERS' ? {} : Object.fromEntries(headers.split(headerSeparator).map(parseHeader)),
    key: parseBytes(key),
    value: parseBytes(value),
  };
}

function parseHeader(header: string): [string, Buffer | null] {
  const colon = header.indexOf(':');
  return [header.slice(0, colon), parseBytes(header.slice(colon + 1))];
}

/** Undoes `Bytes.toString`: what is not printable ASCII, and the backslash, stands as `\xNN`. */
function parseBytes(printed: string): Buffer | null {
  if (printed === nullLiteral) return null;
  return Buffer.from(
    printed.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}
