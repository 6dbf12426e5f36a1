import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeadLetter } from '../../src/domain/outcome.js';
import { toDeadLetterMessage } from '../../src/sink/dead-letter.js';
import { recordBytes } from '../../src/kafka/record-size.js';

function deadLetter(raw: Partial<DeadLetter['raw']>, detail = 'no JSON at position 0'): DeadLetter {
  const position = { topic: 'posts', partition: 3, offset: 42n };
  return {
    kind: 'dead-letter',
    position,
    reason: 'not_json',
    detail,
    raw: { position, key: null, value: null, headers: {}, timestamp: 1_700_000_000_000, ...raw },
  };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('A record that fits is carried untouched, with what is to be known about it', () => {
  const key = Buffer.from([0xff, 0x00]);
  const value = Buffer.from([0x80, 0x0a, 0x09]);
  const trace = Buffer.from([0xfe]);

  expect(toDeadLetterMessage(deadLetter({ key, value, headers: { trace } }), 10_000)).toEqual({
    key,
    value,
    headers: {
      trace,
      'tagstream-reason': 'not_json',
      'tagstream-detail': 'no JSON at position 0',
      'tagstream-source-topic': 'posts',
      'tagstream-source-partition': '3',
      'tagstream-source-offset': '42',
      'tagstream-source-timestamp': '1700000000000',
      'tagstream-attempt': '1',
    },
  });
});

test('A header that occurs several times keeps all its values in their order', () => {
  const twice = [Buffer.from('first'), Buffer.from('last')];
  const record = deadLetter({
    headers: { twice, 'tagstream-attempt': ['3', '4'].map((one) => Buffer.from(one)) },
  });

  expect(toDeadLetterMessage(record, 10_000).headers).toMatchObject({ twice, 'tagstream-attempt': '5' });
});

test.each([
  ['1', '2'],
  ['41', '42'],
  ['not a number', '1'],
])('A record that was dead-lettered before with attempt %s has attempt %s', (before, after) => {
  const { headers } = toDeadLetterMessage(
    deadLetter({ headers: { 'tagstream-attempt': Buffer.from(before) } }),
    10_000,
  );

  expect(headers?.['tagstream-attempt']).toBe(after);
});

test('Of a record that is too large the value goes first, then the headers, then the key, each with its trace', () => {
  const key = Buffer.alloc(11_000, 1);
  const value = Buffer.alloc(12_000, 2);
  const headers = { big: Buffer.alloc(13_000, 3) };
  const valueTrace = { 'tagstream-value-bytes': '12000', 'tagstream-value-sha256': sha256(value) };
  const headersTrace = { 'tagstream-headers-bytes': '13003' };
  const keyTrace = { 'tagstream-key-bytes': '11000', 'tagstream-key-sha256': sha256(key) };
  const raw = deadLetter({ key, value, headers });

  const withoutValue = toDeadLetterMessage(raw, 30_000);
  expect(withoutValue).toMatchObject({ key, value: null, headers: { ...headers, ...valueTrace } });
  expect(withoutValue.headers).not.toHaveProperty('tagstream-headers-bytes');

  const withoutHeaders = toDeadLetterMessage(raw, 20_000);
  expect(withoutHeaders).toMatchObject({ key, value: null, headers: { ...valueTrace, ...headersTrace } });
  expect(withoutHeaders.headers).not.toHaveProperty('big');

  expect(toDeadLetterMessage(raw, 10_000)).toMatchObject({
    key: null,
    value: null,
    headers: { ...valueTrace, ...headersTrace, ...keyTrace },
  });
});

test('No dead letter is larger than allowed, whatever the record and the detail', () => {
  const bytes = fc.nat(30_000).map((length) => Buffer.alloc(length, 7));
  const raw = fc.record({
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.record({ some: bytes }),
  });
  fc.assert(
    fc.property(
      raw,
      fc.nat(20_000),
      fc.integer({ min: 10_000, max: 60_000 }),
      (record, detailLength, maxBytes) => {
        const message = toDeadLetterMessage(deadLetter(record, '語'.repeat(detailLength)), maxBytes);

        expect(recordBytes(message)).toBeLessThanOrEqual(maxBytes);
        expect(message.headers?.['tagstream-reason']).toBe('not_json');
      },
    ),
  );
});
