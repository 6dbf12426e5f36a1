// Prints each post's keyphrases as they come, until it is told to stop. Needs the packages kafkajs and lz4-napi.
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';

interface Result {
  readonly id: string;
  readonly keyphrases: readonly { readonly phrase: string; readonly score: number }[];
}

const { BROKERS = '127.0.0.1:9092', TOPIC = 'keyphrases', GROUP = 'my-trends' } = process.env;

// The output is compressed with lz4 unless kafka.compression says otherwise; kafkajs itself reads gzip alone.
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => compressFrame(buffer),
  decompress: (buffer: Buffer) => decompressFrame(buffer),
});

const kafka = new Kafka({ brokers: BROKERS.split(','), logLevel: logLevel.ERROR });
// readUncommitted is false by default: results of transactions that were aborted are left out.
const consumer = kafka.consumer({ groupId: GROUP });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void consumer.disconnect());

await consumer.connect();
await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message: { key, value } }) => {
    if (value === null) {
      console.log(`${key?.toString()}: withdrawn`); // The post was deleted.
      return;
    }
    const { id, keyphrases } = JSON.parse(value.toString()) as Result;
    const phrases = keyphrases.map(({ phrase, score }) => `${phrase} (${score.toFixed(2)})`);
    console.log(`${id}: ${phrases.join(', ')}`);
  },
});
