import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createGate, isLoopback } from '../../src/web/gate.js';

it('the gate has an answer to whatever headers say, and lets no one in who lacks the token', () => {
  const gate = createGate({ host: '127.0.0.1', hosts: [], token: 'a token nobody guesses' });
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('localhost', '[::1]', '[', 'Basic Og==', 'Bearer a token'),
  );
  fc.assert(
    fc.property(text, text, text, fc.constantFrom('GET', 'POST'), (host, authorization, site, method) => {
      const refusal = gate({ host, authorization, 'sec-fetch-site': site }, method);
      expect([401, 403]).toContain(refusal?.code);
    }),
    { numRuns: 10_000 },
  );
});

it.each([
  [{}, undefined],
  [{ origin: 'http://127.0.0.1:8080' }, undefined],
  [{ origin: 'https://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' }, undefined],
  [{ origin: 'http://127.0.0.1' }, 403],
  [{ origin: 'http://evil.test:8080' }, 403],
  [{ origin: 'null' }, 403],
  [{ origin: '' }, 403],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
])('what is sent with %o is let in or refused: %s', (headers, code) => {
  const gate = createGate({ host: '127.0.0.1', hosts: [] });
  expect(gate({ host: '127.0.0.1:8080', ...headers }, 'POST')?.code).toBe(code);
});

it.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.evil.test', false],
  ['192.168.0.1', false],
])('%s: only this machine can reach it: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
