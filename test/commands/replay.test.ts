import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectionOf, type ReplayOptions } from '../../src/commands/replay.js';

const select = (options: Partial<ReplayOptions>) =>
  selectionOf({ maxAttempts: '3', ...options }, (message) => {
    throw new Error(message);
  });

describe('the selection of replay', () => {
  it.each([
    ['2026-11-25', Date.UTC(2026, 10, 25)],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['2026-11-25T17:00Z', Date.UTC(2026, 10, 25, 17)],
    ['2026-11-25T17:00:30.25+02:00', Date.UTC(2026, 10, 25, 15, 0, 30, 250)],
    ['2026-11-25T17:00:30', new Date(2026, 10, 25, 17, 0, 30).getTime()],
  ])('takes %s as a time', (text, time) => {
    expect(select({ since: text }).since).toBe(time);
    expect(select({ until: text }).until).toBe(time);
  });

  it('takes any moment as JavaScript writes it', () => {
    const moments = fc.date({
      ...{ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true },
    });
    fc.assert(
      fc.property(moments, (moment) => {
        expect(select({ since: moment.toISOString() }).since).toBe(moment.getTime());
      }),
    );
  });

  it.each([
    ...['foo 1', '5', '', ' ', '2026', '2026-11', '20261125', '1764090000', 'Nov 25 2026', '2026-02-30'],
    ...['2026-13-01', '2026-11-25T25:00Z', '2026-11-25T17:61Z', '2026-11-25 17:00', '2026-11-25T17:00+0200'],
    ...['2026-11-25T17:00:00 Z', '2026-11-25T17:00:00Z ', '2026-11-25T17:00+99:00', '2026-11-25T17'],
  ])('refuses "%s" as a time', (text) => {
    const message = `${text}: give a time as in 2026-11-25T17:00:00Z`;
    expect(() => select({ since: text })).toThrow(`--since ${message}`);
    expect(() => select({ until: text })).toThrow(`--until ${message}`);
  });

  it('refuses a beginning that is not before the end', () => {
    const noon = '2026-11-25T12:00:00Z';
    expect(() => select({ since: noon, until: noon })).toThrow(
      `--since ${noon} is not before --until ${noon}`,
    );
    expect(() => select({ since: noon, until: '2026-11-25T12:00:00+01:00' })).toThrow('is not before');
    expect(select({ since: noon, until: '2026-11-25T12:00:00-01:00' }).since).toBe(Date.parse(noon));
  });

  it.each(['0x10', '1e3', '0', '00', '-1', '+3', '1.5', '', ' ', '3 ', 'three', '0b11', 'Infinity'])(
    'refuses "%s" attempts',
    (text) => {
      expect(() => select({ maxAttempts: text })).toThrow(
        `--max-attempts ${text}: give a whole number from 1`,
      );
    },
  );

  it('takes decimal attempts', () => {
    expect(select({ maxAttempts: '10' }).maxAttempts).toBe(10);
  });
});
