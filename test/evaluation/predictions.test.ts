import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignPredictions, parsePredictions } from '../../src/evaluation/predictions.js';

describe('parsePredictions', () => {
  it('reads a line of phrases a post, an empty line being a post without any', () => {
    expect(parsePredictions('storm hour;ireland\n\n bts ; ;bts army\r\n')).toEqual([
      { phrases: ['storm hour', 'ireland'] },
      { phrases: [] },
      { phrases: ['bts', 'bts army'] },
    ]);
  });

  it('reads results as NDJSON', () => {
    const lines = [
      '{"id":"1","keyphrases":[{"phrase":"bts","score":0.8},{"phrase":"army","score":0.1}]}',
      '',
      '{"keyphrases":["storm hour"]}',
    ];
    expect(parsePredictions(lines.join('\n'))).toEqual([
      { id: '1', phrases: ['bts', 'army'], firstScore: 0.8 },
      { phrases: ['storm hour'] },
    ]);
  });

  it('takes a line that tag wrote for a post it could not tag as no prediction', () => {
    const line = '{"error":{"code":"not_json","detail":"the value is no JSON"},"line":1}';
    expect(parsePredictions(line)).toEqual([{ phrases: [], untagged: true }]);
  });

  it.each([
    ['{"keyphrases":[', 'line 2: it is not JSON'],
    ['[]', 'line 2: it is not a JSON object'],
    ['{"id":"1","error":"not_json"}', 'line 2: it has no list of keyphrases'],
    ['{"keyphrases":[{"score":1}]}', 'line 2: a keyphrase has no phrase'],
    ['{"keyphrases":[null]}', 'line 2: a keyphrase has no phrase'],
    [
      '{"keyphrases":[{"phrase":"a","score":1.5}]}',
      'line 2: the first keyphrase has a score that is not between',
    ],
  ])('names the line that is no result: %s', (line, message) => {
    expect(() => parsePredictions(`{"keyphrases":[]}\n${line}\n`)).toThrow(message);
  });

  it('gives back the phrases that were written, in either form', () => {
    const phrase = fc.stringMatching(/^[a-z]+( [a-z]+)?$/);
    fc.assert(
      fc.property(fc.array(fc.array(phrase, { minLength: 1 }), { minLength: 1 }), (posts) => {
        const expected = posts.map((phrases) => ({ phrases }));
        const lines = posts.map((phrases) => `${phrases.join(';')}\n`).join('');
        const ndjson = posts.map((keyphrases) => `${JSON.stringify({ keyphrases })}\n`).join('');
        expect(parsePredictions(lines)).toEqual(expected);
        expect(parsePredictions(ndjson)).toEqual(expected);
      }),
    );
  });
});

describe('alignPredictions', () => {
  it('goes by id where every prediction has one', () => {
    const predictions = [
      { id: 'b', phrases: ['second'] },
      { id: 'a', phrases: ['first'] },
    ];
    expect(alignPredictions(['a', 'b'], predictions)).toEqual([
      { id: 'a', phrases: ['first'] },
      { id: 'b', phrases: ['second'] },
    ]);
  });

  it('gives no phrases to the posts that could not be tagged, wherever their lines stand', () => {
    const untagged = { phrases: [], untagged: true } as const;
    const second = { id: 'b', phrases: ['second'] };
    expect(alignPredictions(['a', 'b'], [second, untagged])).toEqual([untagged, second]);
    expect(() => alignPredictions(['a', 'b', 'c'], [second, second, untagged])).toThrow('no prediction');
  });

  it('refuses two posts with one id', () => {
    const predictions = ['first', 'second'].map((phrase) => ({ id: 'a', phrases: [phrase] }));
    expect(() => alignPredictions(['a', 'a'], predictions)).toThrow('two posts have the id "a"');
  });

  it('goes line by line otherwise', () => {
    const predictions = [{ phrases: ['first'] }, { id: 'a', phrases: [] }];
    expect(alignPredictions(['a', 'b'], predictions)).toEqual(predictions);
  });

  it('refuses another number of predictions than posts, and a post without one', () => {
    const prediction = { id: 'a', phrases: [] };
    expect(() => alignPredictions(['a', 'b'], [prediction])).toThrow('1 predictions for 2 posts');
    expect(() => alignPredictions(['a', 'b'], [prediction, prediction])).toThrow(
      'no prediction for the post "b"',
    );
  });
});
