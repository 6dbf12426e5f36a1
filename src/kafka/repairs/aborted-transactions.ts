/** What this file reads of a record that kafkajs decoded. */
interface DecodedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  /** Control records count as read and are never handed out. */
  isControlRecord: boolean;
  /** Absent in the formats from before there were transactions. */
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}

interface DecodedPartition {
  readonly messages: readonly DecodedRecord[];
  abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
}

interface DecodedFetch {
  readonly responses: readonly { readonly partitions: readonly DecodedPartition[] }[];
}

/** kafkajs's decoder of the answers to a fetch, in the version of it that all brokers since 2.3 speak. */
interface FetchDecoder {
  decode(data: unknown): Promise<DecodedFetch>;
}

/** The second half of a control record's key tells its kind: 0 is the end of an aborted transaction. */
const isAbortMarker = ({ isControlRecord, key }: DecodedRecord): boolean =>
  isControlRecord && key?.length === 4 && key.readInt16BE(2) === 0;

/**
 * kafkajs hands out records of aborted transactions where those of several producers interleave, and where a record's
 * key is four zero bytes: it takes them in the order of the broker, one a record, and any such key for their end. This
 * does it as Java's consumer does, before kafkajs sees them.
 */
export function repairAbortedTransactions(require: NodeJS.Require): void {
  const decoder = require('kafkajs/src/protocol/requests/fetch/v11/response.js') as FetchDecoder;
  const decode = decoder.decode.bind(decoder);
  decoder.decode = async (data) => {
    const fetched = await decode(data);
    for (const partition of fetched.responses.flatMap(({ partitions }) => partitions)) hideAborted(partition);
    return fetched;
  };
}

/** Makes control records of the aborted ones: kafkajs steps over both. */
function hideAborted(partition: DecodedPartition): void {
  const starts = partition.abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const aborted = new Set<string>();
  for (const record of partition.messages) {
    const { offset, batchContext } = record;
    while (starts[0] !== undefined && starts[0].firstOffset <= BigInt(offset)) {
      aborted.add(starts[0].producerId);
      starts.shift();
    }
    if (batchContext === undefined) continue;
    if (isAbortMarker(record)) aborted.delete(batchContext.producerId);
    else if (batchContext.inTransaction && aborted.has(batchContext.producerId))
      record.isControlRecord = true;
  }
  partition.abortedTransactions = [];
}
