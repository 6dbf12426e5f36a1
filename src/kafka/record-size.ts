import type { IHeaders, Message } from 'kafkajs';

/** The lengths and deltas of one record and the head of its batch, each at its longest. */
const overheadBytes = 100;
/** The lengths before a header's name and value. */
const headerOverheadBytes = 10;
/** What a codec adds to data that it cannot make smaller: gzip 5 bytes in 16 KiB, the others less. */
const growth = 1.001;

/** The most bytes that a record takes in a batch of its own, however it is compressed. */
export function recordBytes({ key, value, headers = {} }: Message): number {
  const bytes = length(key) + length(value) + headersBytes(headers);
  return overheadBytes + Math.ceil(bytes * growth);
}

function headersBytes(headers: IHeaders): number {
  return Object.entries(headers)
    .flatMap(([name, value]) => [value].flat().map((one) => length(name) + length(one) + headerOverheadBytes))
    .reduce((sum, bytes) => sum + bytes, 0);
}

const length = (part: Buffer | string | null | undefined): number => Buffer.byteLength(part ?? '');

/** Cuts records into runs of at most `maxBytes` each, as a record that is larger by itself stands alone. */
export function* withinBytes<T extends { readonly message: Message }>(
  records: readonly T[],
  maxBytes: number,
): Generator<readonly T[]> {
  let run: T[] = [];
  let total = 0;
  for (const record of records) {
    const bytes = recordBytes(record.message);
    if (run.length > 0 && total + bytes > maxBytes) {
      yield run;
      run = [];
      total = 0;
    }
    run.push(record);
    total += bytes;
  }
  if (run.length > 0) yield run;
}
