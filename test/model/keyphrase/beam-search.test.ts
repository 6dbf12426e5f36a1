import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  begin,
  createWordpieceVocabulary,
  end,
  searchPhrases,
  type Hypothesis,
  type NextWordpiece,
  type Prefix,
  type Source,
} from '../../../src/model/keyphrase/beam-search.js';

/** Tokens the decoder can write by itself; 20 and 21 can only be copied. */
const written = [10, 11, 12];
const copyOnly = [20, 21];
const tokens = [...written, ...copyOnly];
const vocabulary = createWordpieceVocabulary(written);

/** A decoder without weights: the probabilities after a prefix are drawn at random, the same for the same prefix. */
function decoder(seed: number, sources: readonly Source[]): (prefix: Prefix) => NextWordpiece {
  return ({ post, ids }) => {
    const { tokens: places, predicted } = sources[post]!;
    let state = [seed, post, ...ids].reduce((sum, value) => Math.imul(sum ^ value, 0x9e3779b1) >>> 0, 1);
    const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 1;
    const weights = [
      Array.from({ length: vocabulary.size }, draw),
      // Special tokens have no probability.
      places.map((token) => (token === undefined ? 0 : draw())),
      predicted.map(draw),
    ];
    const all = weights.flat().reduce((sum, weight) => sum + weight, 0);
    const [written, copied, chosen] = weights.map((part) =>
      Float32Array.from(part, (weight) => weight / all),
    );
    return { vocabulary: written!, copied: copied!, chosen: chosen! };
  };
}

/** The tokens that a phrase of the post can have. */
const tokensOf = ({ tokens: places, predicted }: Source) =>
  new Set([...written, ...places.filter((token) => token !== undefined), ...predicted]);

const idsOf = (phrase: readonly number[]) => [begin, ...phrase.map(vocabulary.idOf)];

/** The probability of a token after a phrase, added up from everywhere it can come from. */
function probabilityOf(token: number, next: NextWordpiece, source: Source): number {
  const own = written.includes(token) ? next.vocabulary[vocabulary.idOf(token)]! : 0;
  const copied = source.tokens.map((place, at) => (place === token ? next.copied[at]! : 0));
  const chosen = source.predicted.map((place, at) => (place === token ? next.chosen[at]! : 0));
  return [...copied, ...chosen].reduce((sum, part) => sum + part, own);
}

const log = (probability: number) => Math.log(probability + 1e-9);

/** Every phrase of up to `longest` tokens with its log-probability, best first. */
function everyPhrase(post: number, source: Source, next: (prefix: Prefix) => NextWordpiece, longest: number) {
  const found: Hypothesis[] = [];
  const visit = (phrase: readonly number[], logProbability: number): void => {
    const after = next({ post, ids: idsOf(phrase) });
    if (phrase.length > 0)
      found.push({ tokens: phrase, logProbability: logProbability + log(after.vocabulary[end]!) });
    if (phrase.length === longest) return;
    for (const token of tokensOf(source))
      visit([...phrase, token], logProbability + log(probabilityOf(token, after, source)));
  };
  visit([], 0);
  return found.sort((a, b) => b.logProbability - a.logProbability);
}

/** Beam search as it is defined: of all ways to go on from what is kept, the likeliest are kept. */
function plainBeamSearch(
  post: number,
  source: Source,
  next: (prefix: Prefix) => NextWordpiece,
  { beams, longest }: { beams: number; longest: number },
) {
  const finished: Hypothesis[] = [];
  let open: Hypothesis[] = [{ tokens: [], logProbability: 0 }];
  for (let length = 0; length <= longest; length++) {
    const grown = open.flatMap(({ tokens: phrase, logProbability }) => {
      const after = next({ post, ids: idsOf(phrase) });
      const ending = {
        tokens: phrase,
        logProbability: logProbability + log(after.vocabulary[end]!),
        ended: true,
      };
      const longer = [...tokensOf(source)].map((token) => ({
        tokens: [...phrase, token],
        logProbability: logProbability + log(probabilityOf(token, after, source)),
        ended: false,
      }));
      return [...(phrase.length > 0 ? [ending] : []), ...(phrase.length < longest ? longer : [])];
    });
    const kept = grown.sort((a, b) => b.logProbability - a.logProbability).slice(0, beams - finished.length);
    finished.push(...kept.filter(({ ended }) => ended));
    open = kept.filter(({ ended }) => !ended);
  }
  return finished.sort((a, b) => b.logProbability - a.logProbability);
}

const arbitrarySource: fc.Arbitrary<Source> = fc.record({
  tokens: fc.array(fc.constantFrom(undefined, ...tokens), { minLength: 1, maxLength: 6 }),
  predicted: fc.array(fc.constantFrom(...tokens), { maxLength: 5 }),
});
const someSources = fc.array(arbitrarySource, { minLength: 1, maxLength: 4 });

const search = (
  sources: readonly Source[],
  next: (prefix: Prefix) => NextWordpiece,
  beams: number,
  longest: number,
) =>
  searchPhrases(sources, (prefixes) => Promise.resolve(prefixes.map(next)), { vocabulary, beams, longest });

/** Sums in another order may differ in the last digits. */
function expectSame(found: readonly Hypothesis[], expected: readonly Hypothesis[]): void {
  expect(found.map(({ tokens: phrase }) => phrase)).toEqual(expected.map(({ tokens: phrase }) => phrase));
  found.forEach(({ logProbability }, rank) =>
    expect(logProbability).toBeCloseTo(expected[rank]!.logProbability, 9),
  );
}

describe('the beam search', () => {
  it('finds every phrase there is, best first, when its beams are as many', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitrarySource,
        fc.nat(),
        fc.integer({ min: 1, max: 2 }),
        async (source, seed, longest) => {
          const next = decoder(seed, [source]);
          const expected = everyPhrase(0, source, next, longest);
          const [found] = await search([source], next, 40, longest);
          expectSame(found!, expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps at each step the likeliest of all continuations, however few its beams', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitrarySource,
        fc.nat(),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        async (source, seed, beams, longest) => {
          const next = decoder(seed, [source]);
          const [found] = await search([source], next, beams, longest);
          expectSame(found!, plainBeamSearch(0, source, next, { beams, longest }));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('finds the same for a post alone and together with others', async () => {
    await fc.assert(
      fc.asyncProperty(someSources, fc.nat(), async (sources, seed) => {
        const next = decoder(seed, sources);
        const together = await search(sources, next, 4, 3);
        for (const [post, source] of sources.entries()) {
          const [alone] = await searchPhrases(
            [source],
            (prefixes) => Promise.resolve(prefixes.map(({ ids }) => next({ post, ids }))),
            { vocabulary, beams: 4, longest: 3 },
          );
          expect(together[post]).toEqual(alone);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('asks for one step at a time, with prefixes of one length and no more of them than beams', async () => {
    const lengths: number[][] = [];
    const source: Source = { tokens: [10, 20, undefined], predicted: [11, 11] };
    const next = decoder(1, [source, source]);
    await searchPhrases(
      [source, source],
      (prefixes) => {
        lengths.push(prefixes.map(({ ids }) => ids.length));
        expect(prefixes.filter(({ post }) => post === 0).length).toBeLessThanOrEqual(3);
        return Promise.resolve(prefixes.map(next));
      },
      { vocabulary, beams: 3, longest: 4 },
    );
    expect(lengths.map((row) => [...new Set(row)])).toEqual(lengths.map((_, step) => [step + 1]));
  });

  it('puts the smaller of equally likely tokens first', async () => {
    const even = new Float32Array(vocabulary.size).fill(1 / vocabulary.size);
    const source: Source = { tokens: [], predicted: [] };
    const nowhere = new Float32Array();
    const [found] = await search(
      [source],
      () => ({ vocabulary: even, copied: nowhere, chosen: nowhere }),
      3,
      1,
    );
    expect(found!.map(({ tokens: phrase }) => phrase)).toEqual([[10], [11], [12]]);
  });

  it('finds nothing where there are no posts', async () => {
    expect(await search([], () => expect.fail('no step is needed'), 3, 4)).toEqual([]);
  });
});
