/**
 * Loaded into an agent's process before anything else (`node --import`): harms the process at a step of a transaction.
 * `FAULT` is `WHEN:STEP:SIGNAL:COUNT`, as in `before:commit:SIGKILL:3`: at the third commit of this process. It says so
 * on standard error first, since nothing can be said afterwards. `DETOUR` is `PORT:OTHER`: connections to one port of
 * this machine go to another. `FAULT_MODEL` is `HOW:COUNT`: what the COUNTth run of a model does in its thread, or
 * `slow` for ten times the time each takes.
 */
import { writeSync } from 'node:fs';
import net from 'node:net';
import { isMainThread } from 'node:worker_threads';
import kafkajs from 'kafkajs';

const [brokerPort, proxyPort] = (process.env.DETOUR ?? '').split(':').map(Number);
if (proxyPort !== undefined) {
  const { connect } = net;
  net.connect = (options, ...rest) =>
    connect(options.port === brokerPort ? { ...options, port: proxyPort } : options, ...rest);
}

const [when, step, signal, count] = (process.env.FAULT ?? '').split(':');

if (isMainThread && signal !== undefined) {
  const createProducer = kafkajs.Kafka.prototype.producer;
  let passed = 0;
  const harm = (now) => {
    if (now !== when || ++passed !== Number(count)) return;
    writeSync(2, `FAULT ${when} ${step}\n`);
    process.kill(process.pid, signal);
  };
  kafkajs.Kafka.prototype.producer = function (options) {
    const producer = createProducer.call(this, options);
    if (options.transactionalId === undefined) return producer;
    const begin = producer.transaction;
    producer.transaction = async () => {
      if (step === 'claim') harm('before');
      const transaction = await begin();
      if (step === 'claim') harm('after');
      const act = transaction[step];
      if (act === undefined) return transaction;
      transaction[step] = async (...given) => {
        harm('before');
        const done = await act(...given);
        harm('after');
        return done;
      };
      return transaction;
    };
    return producer;
  };
}

const [how, run] = (process.env.FAULT_MODEL ?? '').split(':');

if (!isMainThread && run !== undefined) {
  const { InferenceSession } = await import('onnxruntime-node');
  const { create } = InferenceSession;
  const sleep = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  const harms = {
    throws: () => {
      throw new Error('the run failed, as it was to');
    },
    ends: () => process.exit(1),
    aborts: () => process.kill(process.pid, 'SIGABRT'),
    hangs: () => sleep(Infinity),
  };
  let runs = 0;
  InferenceSession.create = async (...given) => {
    const session = await create.call(InferenceSession, ...given);
    const { run: act } = session;
    session.run = async (...inputs) => {
      if (++runs === Number(run)) {
        writeSync(2, `FAULT ${how}\n`);
        harms[how]();
      }
      const start = performance.now();
      const outputs = await act.apply(session, inputs);
      if (how === 'slow') sleep(9 * (performance.now() - start));
      return outputs;
    };
    return session;
  };
}
