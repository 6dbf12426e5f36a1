import { KafkaJSConnectionError, KafkaJSProtocolError } from 'kafkajs';
import { expect, it } from 'vitest';
import { InfrastructureError, FencedError, OffsetMismatchError } from '../../src/domain/errors.js';
import { troubleOf } from '../../src/telemetry/troubles.js';

const protocolError = (type: string) =>
  new KafkaJSProtocolError(Object.assign(new Error('refused'), { type, code: 1, retriable: false }));

it.each([
  [new KafkaJSConnectionError('connect ECONNREFUSED 127.0.0.1:9092'), 'kafka.brokers'],
  [new KafkaJSConnectionError('SASL PLAIN authentication failed'), 'kafka.sasl'],
  [new KafkaJSConnectionError('self signed certificate in chain'), 'kafka.tls'],
  [protocolError('TOPIC_AUTHORIZATION_FAILED'), 'rights'],
  [protocolError('UNKNOWN_TOPIC_OR_PARTITION'), 'doctor'],
  [protocolError('MESSAGE_TOO_LARGE'), 'kafka.maxRecordBytes'],
  [protocolError('INVALID_PRODUCER_EPOCH'), 'another one has its place'],
  [new FencedError('gone'), 'another one has its place'],
  [new OffsetMismatchError(7n), 'Nothing'],
  [new InfrastructureError('the inference worker ended'), 'doctor'],
  [Object.assign(new Error('write failed'), { code: 'ENOSPC' }), 'Make room'],
  ['no error at all', 'log'],
])('%s: the remedy names %s', (error, expected) => {
  const trouble = troubleOf('it failed', error, new Date(0));
  expect(trouble).toMatchObject({ at: '1970-01-01T00:00:00.000Z', what: 'it failed' });
  expect(trouble.remedy).toContain(expected);
});
