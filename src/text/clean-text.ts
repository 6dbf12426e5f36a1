import { longestWord, splitHashtag, wordCosts } from './split-hashtag.js';
import { accent, folded, lowered, raw, tokens, type Rule } from './text-rules.js';

/**
 * Makes the function that brings a post's text to the form of the training data: lower-case tokens with single
 * spaces between them, `<url>`, `<number>` and the like in place of what varies, hashtags split into words,
 * mentions and emoji gone, letters of every script kept.
 *
 * Cleaning a clean text changes nothing. `models/training/normalise.py` does the same, exactly; the Unicode version
 * of the runtime matters only for characters younger than the older of the two (Python 3.11 has Unicode 14), since
 * Unicode never changes the normal form or the case of a character once it is assigned.
 *
 * @param words the word list that hashtags are split with, most frequent first
 */
export function createTextCleaner(words: readonly string[]): (text: string) => string {
  const costs = wordCosts(words);
  const actions: Readonly<Record<string, (found: string) => string>> = {
    '(decode)': decodeEntity,
    '(dollar)': () => '$',
    '(underscore)': underscoreCamelCase,
    '(keep)': (found) => found,
    '(split)': (tag) => cleanTokens(splitHashtag(tag.slice(1), costs).join(' ')),
    '(spell)': spellDigits,
    '(shorten)': shorten,
  };
  const steps = { raw: compile(raw), folded: compile(folded), lowered: compile(lowered) };
  const token = new RegExp(tokens.map(([, pattern]) => `(${pattern})`).join('|'), 'gu');
  const outputs = tokens.map(([, , replacement]) => actions[replacement] ?? (() => replacement));

  return (text) => {
    const plain = apply(steps.folded, fold(apply(steps.raw, text)));
    return cleanTokens(apply(steps.lowered, plain.toLowerCase().normalize('NFKC')));
  };

  function compile(rules: readonly Rule[]): readonly Step[] {
    return rules.map(([, pattern, replacement]) => {
      const regexp = new RegExp(pattern, 'gu');
      const action = actions[replacement];
      return action === undefined
        ? (text) => text.replace(regexp, replacement)
        : (text) => text.replace(regexp, (found) => action(found));
    });
  }

  function cleanTokens(text: string): string {
    const found: string[] = [];
    for (const match of text.matchAll(token)) {
      const groups: readonly (string | undefined)[] = match.slice(1);
      const output = outputs[groups.findIndex((group) => group !== undefined)]?.(match[0]);
      if (output !== undefined && output !== '') found.push(output);
    }
    return found.join(' ');
  }

  /** Letters said thrice or more ("sooo", "goood") become one or two, whichever makes the commoner word. */
  function shorten(word: string): string {
    if (word.length > longestWord || !elongation.test(word)) return word;
    const twice = word.replace(elongations, '$1$1');
    const once = word.replace(elongations, '$1');
    return (costs.get(once) ?? Infinity) < (costs.get(twice) ?? Infinity) ? once : twice;
  }
}

type Step = (text: string) => string;

const elongation = /([a-z])\1\1/;
const elongations = /([a-z])\1\1+/g;
const accents = new RegExp(accent, 'gu');
const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  hellip: '...',
};

function apply(steps: readonly Step[], text: string): string {
  return steps.reduce((result, step) => step(result), text);
}

/** NFKC, without the accents of Latin letters: the training data has "pokemon". */
function fold(text: string): string {
  return text.normalize('NFKD').replace(accents, '').normalize('NFKC');
}

/** `&amp;` as `&`, `&#233;` as `é`; what names no character is left as it is. */
function decodeEntity(entity: string): string {
  const name = entity.slice(1, -1);
  if (!name.startsWith('#')) return Object.hasOwn(entities, name) ? (entities[name] ?? entity) : entity;
  const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
}

/** `#GameOfThrones` as `#Game_Of_Thrones`, `#BTSArmy` as `#BTS_Army`. */
function underscoreCamelCase(tag: string): string {
  return tag.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2');
}

/** `450th` as `4 5 0 th`. */
function spellDigits(number: string): string {
  const digits = /^[0-9]+/.exec(number)?.[0] ?? '';
  return [...digits, number.slice(digits.length)].join(' ');
}
