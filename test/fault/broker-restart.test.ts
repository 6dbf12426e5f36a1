import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';
import { startJavaBroker } from '../support/kafka-broker.js';
import { findJavaTools } from '../support/kafka-tools.js';
import { echo, kafkaTransport } from '../support/transport.js';

describeWithKafka('A broker that dies and comes back', () => {
  test('costs no record: what was under way is read again', { timeout: 240_000 }, async () => {
    const tools = await findJavaTools();
    const process = await startJavaBroker(tools);
    onTestFinished(() => process.stop());
    const broker = connectTo(process.brokers, tools);
    const transport = await kafkaTransport(broker, 2);
    const ids = Array.from({ length: 400 }, (_, index) => `post-${index}`);
    await transport.feed(ids);
    // Back again, the broker waits for the members it remembers until their sessions end.
    const source = transport.source(10, { sessionTimeoutMs: 6_000 });
    const sink = transport.sink();
    await sink.open();
    const write = echo(sink);
    const out = new Set<string>();
    let killed: Promise<void> | undefined;

    const run = source.run(async (batch, turn) => {
      if (out.size >= 100) await (killed ??= process.kill());
      await write(batch, turn);
      for (const { value } of batch.records) out.add(String(value));
    });
    while (killed === undefined) await sleep(50);
    await killed;
    await process.start();
    while (out.size < ids.length) await sleep(50);
    await source.stop();
    await run;
    await sink.close();

    expect([...new Set(await transport.resultIds())].sort()).toEqual(ids.toSorted());
  });
});
