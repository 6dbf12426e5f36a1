import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** The requests of a transaction, and of what comes before it, by their numbers in Kafka's protocol. */
export const apis = {
  FindCoordinator: 10,
  InitProducerId: 22,
  OffsetFetch: 9,
  AddOffsetsToTxn: 25,
  TxnOffsetCommit: 28,
  AddPartitionsToTxn: 24,
  Produce: 0,
  EndTxn: 26,
} as const;
export type Api = keyof typeof apis;

/** A way to a broker on which replies get lost. */
export interface Proxy {
  readonly port: number;
  /**
   * Loses the reply to the next request of a kind, once the broker has answered it; resolves then.
   *
   * @param how `broken`: the connection ends in its place. `silent`: nothing comes in its place.
   */
  loseReply(api: Api, how: 'broken' | 'silent'): Promise<void>;
  stop(): Promise<void>;
}

/** Requests and replies begin with their length; both name the same number, a request after its kind and version. */
const lengthBytes = 4;

export async function startProxy(brokerPort: number): Promise<Proxy> {
  let wanted: { readonly api: number; readonly how: string; readonly lost: () => void } | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(brokerPort, '127.0.0.1');
    const kinds = new Map<number, number>();
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    frames(client, (frame) => {
      kinds.set(frame.readInt32BE(lengthBytes + 4), frame.readInt16BE(lengthBytes));
      broker.write(frame);
    });
    frames(broker, (frame) => {
      const number = frame.readInt32BE(lengthBytes);
      const isWanted = wanted !== undefined && kinds.get(number) === wanted.api;
      kinds.delete(number);
      if (!isWanted) return void client.write(frame);
      const { how, lost } = wanted!;
      wanted = undefined;
      if (how === 'broken') end();
      lost();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    loseReply: (api, how) =>
      new Promise((resolve) => {
        wanted = { api: apis[api], how, lost: resolve };
      }),
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Cuts what comes in into whole requests or replies. */
function frames(socket: Socket, take: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= lengthBytes && rest.length >= lengthBytes + rest.readInt32BE(0)) {
      const length = lengthBytes + rest.readInt32BE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}
