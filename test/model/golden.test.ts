import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ModelBundle } from '../../src/model/bundle.js';
import { readBundle } from '../../src/model/bundle.js';
import { checkGoldenSet } from '../../src/model/golden.js';
import { shippedBundle } from '../support/bundle-copy.js';

const shipped = readBundle(shippedBundle);

/** The shipped bundle with another golden set. */
function bundleWith(golden: string): ModelBundle {
  const folder = mkdtempSync(join(tmpdir(), 'tagstream-golden-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'golden.json'), golden);
  return { ...shipped, path: (name) => join(folder, name) };
}
const post = { text: 'my cat sleeps', entities: [], attributes: [], imageText: '' };
const goldenOf = (score: number) => JSON.stringify([{ post, keyphrases: [{ phrase: 'caturday', score }] }]);
/** A model that finds one phrase in every post. */
const finding = (phrase: string, score: number) => () =>
  Promise.resolve([{ phrases: [{ phrase, score, origin: [] }] }]);

describe('the golden set', () => {
  it('passes a model whose scores are near those of the reference', async () => {
    await expect(
      checkGoldenSet(bundleWith(goldenOf(0.8)), finding('caturday', 0.75)),
    ).resolves.toBeUndefined();
  });

  it('refuses a model whose score is another, and names the post', async () => {
    const checked = checkGoldenSet(bundleWith(goldenOf(0.8)), finding('caturday', 0.3));
    await expect(checked).rejects.toThrow('"caturday" has 0.30 for "my cat sleeps", and 0.80 in golden.json');
  });

  it('refuses a model that does not find the phrase', async () => {
    await expect(checkGoldenSet(bundleWith(goldenOf(0.8)), finding('dog', 0.8))).rejects.toThrow('has 0.00');
  });

  it.each([
    ['{', 'golden.json is not JSON'],
    ['[]', 'golden.json is no golden set'],
    ['null', 'golden.json is no golden set'],
    [JSON.stringify([{ post, keyphrases: [] }]), 'golden.json is no golden set (0.keyphrases'],
  ])('is refused where it is %s', async (golden, problem) => {
    await expect(checkGoldenSet(bundleWith(golden), finding('caturday', 0.8))).rejects.toThrow(problem);
  });

  it('is of posts whose best scores are mostly above the tolerance, so that a model that finds nothing fails', async () => {
    const nothing = (posts: readonly unknown[]) => Promise.resolve(posts.map(() => ({ phrases: [] })));
    await expect(checkGoldenSet(shipped, nothing)).rejects.toThrow('has 0.00');
  });
});
