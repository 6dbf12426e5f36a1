import { expect, test } from 'vitest';
import { isOutage } from '../../src/kafka/outage.js';

const named = (name: string, cause?: unknown): Error => Object.assign(new Error(name, { cause }), { name });

test('A broker that is away is an outage, also as the cause of another error; a mistake or a refusal is none', () => {
  expect(isOutage(named('KafkaJSGroupCoordinatorNotFound'))).toBe(true);
  expect(isOutage(named('KafkaJSNonRetriableError', named('KafkaJSConnectionError')))).toBe(true);
  expect(isOutage(named('KafkaJSNonRetriableError', new TypeError('a mistake')))).toBe(false);
  expect(isOutage(named('KafkaJSProtocolError'))).toBe(false);
  expect(isOutage(undefined)).toBe(false);
});
