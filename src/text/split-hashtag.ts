/**
 * Costs are natural logarithms in thousandths, as integers, so that sums are exact in every language. A word that
 * is not in the list costs `unknownWord` and `unknownLetter` for each letter: measured on the labels.
 */
const unknownWord = 12_000;
const unknownLetter = 2_300;
/** What is longer (Instagram's limit for hashtags) is no word and stays as it is. */
export const longestWord = 100;

/** What each word costs, by Zipf's law: the logarithm of its rank times the logarithm of their number. */
export function wordCosts(words: readonly string[]): ReadonlyMap<string, number> {
  const scale = Math.log(words.length + 1);
  return new Map(words.map((word, rank) => [word, Math.floor(1000 * Math.log((rank + 1) * scale) + 0.5)]));
}

/**
 * The words of a hashtag: parts between underscores, runs of digits, and runs of letters that are split where the
 * word list makes it cheapest. Letters beyond a to z keep their run whole.
 *
 * @param tag lower case, without its "#"
 */
export function splitHashtag(tag: string, costs: ReadonlyMap<string, number>): readonly string[] {
  const joined = tag.replaceAll('_', '');
  if (costs.has(joined) || tag.length > longestWord) return [joined];
  const runs = tag.match(/[0-9]+|[^0-9_]+/g) ?? [];
  return runs.flatMap((run) => (/^[a-z]+$/.test(run) ? cheapestWords(run, costs) : [run]));
}

/** The cheapest way (Viterbi) to read `letters` as words; of two equal ones that with the longer last word. */
function cheapestWords(letters: string, costs: ReadonlyMap<string, number>): readonly string[] {
  /** For each prefix of `letters`: what it costs, and where its last word begins. */
  const best = [{ cost: 0, begin: 0 }];
  for (let end = 1; end <= letters.length; end++) {
    let cheapest = { cost: Infinity, begin: 0 };
    best.forEach((prefix, begin) => {
      const word = letters.slice(begin, end);
      const cost = prefix.cost + (costs.get(word) ?? unknownWord + unknownLetter * word.length);
      if (cost < cheapest.cost) cheapest = { cost, begin };
    });
    best.push(cheapest);
  }
  const words: string[] = [];
  for (let end = letters.length; end > 0;) {
    const begin = best[end]?.begin ?? 0;
    words.unshift(letters.slice(begin, end));
    end = begin;
  }
  return words;
}
