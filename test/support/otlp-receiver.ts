import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it was received. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where there is none. */
  readonly parentId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Its duration in seconds. */
  readonly seconds: number;
  readonly failed: boolean;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Attributes of the resources that sent them. */
  readonly resources: readonly Readonly<Record<string, string | number>>[];
  readonly requests: () => number;
  stop(): Promise<void>;
}

/** A collector for tests: takes OTLP over HTTP in protobuf, on a free port of the loopback; answers `status`. */
export async function startOtlpReceiver(status = 200): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const resources: Record<string, string | number>[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      requests += 1;
      const isTraces = request.url === '/v1/traces';
      if (isTraces && status === 200) {
        for (const resourceSpans of fieldsOf(Buffer.concat(pieces)).all(1)) {
          const [resource = fieldsOf(Buffer.alloc(0))] = resourceSpans.all(1);
          resources.push(attributesOf(resource.all(1)));
          for (const scope of resourceSpans.all(2)) spans.push(...scope.all(2).map(spanOf));
        }
      }
      response.writeHead(isTraces ? status : 404, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resources,
    requests: () => requests,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spanOf(span: Fields): ReceivedSpan {
  const nanoseconds = (field: number) => span.bytes(field).readBigUInt64LE();
  return {
    traceId: span.bytes(1).toString('hex'),
    spanId: span.bytes(2).toString('hex'),
    parentId: span.bytes(4).toString('hex'),
    name: span.bytes(5).toString(),
    attributes: attributesOf(span.all(9)),
    seconds: Number(nanoseconds(8) - nanoseconds(7)) / 1e9,
    failed: span.all(15).some((state) => state.number(3) === 2),
  };
}

function attributesOf(pairs: readonly Fields[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value = fieldsOf(Buffer.alloc(0))] = pair.all(2);
      const text = value.bytes(1).toString();
      return [pair.bytes(1).toString(), text === '' ? value.number(3) : text];
    }),
  );
}

/** The fields of a protobuf message, by their number. */
interface Fields {
  all(field: number): Fields[];
  bytes(field: number): Buffer;
  number(field: number): number;
}

/** Reads protobuf's wire format: each field is a key and then a number, eight or four bytes, or a length and bytes. */
function fieldsOf(message: Buffer): Fields {
  const found: { readonly field: number; readonly value: Buffer | number }[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.length) {
    const key = varint();
    const value = [varint, () => take(8), () => take(varint()), undefined, undefined, () => take(4)][key % 8];
    if (value === undefined) throw new Error(`wire type ${key % 8}`);
    found.push({ field: key >> 3, value: value() });
  }
  const values = (field: number) => found.filter((one) => one.field === field).map(({ value }) => value);
  return {
    all: (field) => values(field).map((value) => fieldsOf(value as Buffer)),
    bytes: (field) => (values(field)[0] as Buffer | undefined) ?? Buffer.alloc(0),
    number: (field) => Number(values(field)[0] ?? 0),
  };
}
