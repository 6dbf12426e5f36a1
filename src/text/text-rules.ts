/**
 * The rules that bring a text to the form of the training data, in their order.
 *
 * `models/training/text_rules.py` holds the same tables letter by letter: patterns use only what the two
 * regular-expression languages share, that is explicit classes and never `\w`, `\d` or `\b`.
 */

/** A name, a pattern, and its replacement: text with "$1" for the first group, or in parentheses an action's name. */
export type Rule = readonly [name: string, pattern: string, replacement: string];

/** A letter, a digit or "_", once `folded` has left no character beyond ASCII that is not part of a word. */
const W = String.raw`[^\x00-/:-^\x60{-\x7f]`;
/** A letter or "_". */
const letter = String.raw`[^\x00-^\x60{-\x7f]`;

/** The training data writes "450th" as "4 5 0 th": before these endings, digits stay. */
const ending = `(?:st|nd|rd|th|bn|cm|ft|hr|kg|km|mm|yo|fps|mph|x[0-9]{1,9}|[b-hj-z])(?!${W})`;
/** "May" is missing because the training data never took it for a month. */
const month =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|' +
  'sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)';
const amount = "[0-9]+(?:[.,'][0-9]+)?";

/** For the text as it came. */
export const raw: readonly Rule[] = [
  ['entity', '&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,6});', '(decode)'],
  [
    'invisible',
    String.raw`[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]`,
    '',
  ],
  ['apostrophe', String.raw`[\u00b4\u02bc\u2018-\u201b\u2032]`, "'"],
  ['quote', String.raw`[\u00ab\u00bb\u201c-\u201f\u2033]`, '"'],
  ['dash', String.raw`[\u2010-\u2015\u2212]`, '-'],
  ['currency', String.raw`[\u00a2\u00a3\u00a5\u20a0-\u20cf]`, '(dollar)'],
  ['trademark', String.raw`[\u2120\u2122]`, ' '],
];

/** What a Latin letter loses, in NFKD. */
export const accent = String.raw`(?<=[A-Za-z])[\u0300-\u036f]+`;

/**
 * Symbols, punctuation, surrogates and private use, as first and last code points in turn: whole blocks, and the
 * commonest marks of some scripts. No letter or decimal digit that NFKC leaves as it is lies within them.
 */
const symbols = [
  0x80, 0xbf, 0xd7, 0xd7, 0xf7, 0xf7, 0x2c2, 0x2c5, 0x2d2, 0x2df, 0x589, 0x58a, 0x5be, 0x5be, 0x5f3, 0x5f4,
  0x606, 0x60f, 0x61b, 0x61f, 0x66a, 0x66d, 0x6d4, 0x6d4, 0x964, 0x965, 0xe3f, 0xe3f, 0x1360, 0x1368, 0x2000,
  0x206f, 0x20a0, 0x20cf, 0x20dd, 0x20e4, 0x2100, 0x2131, 0x2133, 0x214d, 0x2190, 0x2bff, 0x2e00, 0x2e2e,
  0x2e30, 0x3004, 0x3008, 0x3020, 0x3030, 0x3030, 0x3036, 0x3037, 0x303d, 0x303f, 0x309b, 0x309c, 0x30a0,
  0x30a0, 0x30fb, 0x30fb, 0x3200, 0x33ff, 0x4dc0, 0x4dff, 0xd800, 0xf8ff, 0xfe10, 0xfe6f, 0xffe0, 0xffff,
  0x1d000, 0x1d35f, 0x1f000, 0x1ffff, 0xe0000, 0x10ffff,
];
const symbolRanges = symbols.map((code, i) => (i % 2 === 0 ? '' : '-') + String.fromCodePoint(code)).join('');

/** For the folded text. */
export const folded: readonly Rule[] = [
  ['symbol', `[${symbolRanges}]+`, ' '],
  ['camel case', '#[0-9A-Za-z_]+', '(underscore)'],
];

/** For the lower-case text. */
export const lowered: readonly Rule[] = [
  ['link', 'https?://[!-~]*', ' <url> '],
  ['space', String.raw`[\x00- \x7f]+`, ' '],
  ['repeats', String.raw`([!-/:-@\[-^\x60{-~])(?=\1)`, ''],
  [
    'not',
    `(?<!${W})(are|could|did|does|do|had|has|have|is|might|must|should|were|would)n ?'t(?!${W})`,
    '$1 not',
  ],
  ['cannot', `(?<!${W})can ?'t(?!${W})`, 'can not'],
  ['will not', `(?<!${W})won ?'t(?!${W})`, 'will not'],
  ['shall not', `(?<!${W})shan ?'t(?!${W})`, 'shall not'],
  ['am', `(?<!${W})i ?'m(?!${W})`, 'i am'],
  ['are', `(?<!${W})(they|we|what|who|you) ?'re(?!${W})`, '$1 are'],
  ['have', `(?<!${W})(i|should|they|we|what|who|would|you) ?'ve(?!${W})`, '$1 have'],
  ['will', `(?<!${W})(he|i|she|they|we|what|who|you) ?'ll(?!${W})`, '$1 will'],
  ['let us', `(?<!${W})let ?'s(?!${W})`, 'let us'],
  ['you all', `(?<!${W})y(?: ?'all|a'll)(?!${W})`, 'you all'],
];

/**
 * Cuts a text into tokens: at each place the first rule that fits wins. What no rule takes is a space. Quantifiers
 * that several tokens' attempts could run over again are bounded, so that hostile text takes linear time.
 */
export const tokens: readonly Rule[] = [
  [
    'token',
    '<(?:number|url|user|time|date|money|percent|phone|email|censored|emphasis|' +
      'happy|sad|wink|laugh|tong|surprise)>',
    '(keep)',
  ],
  [
    'email',
    String.raw`[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?!${W})`,
    '<email>',
  ],
  ['www', String.raw`www\.[a-z0-9][!-~]*`, '<url>'],
  [
    'domain',
    String.raw`[a-z0-9](?:[a-z0-9-]{0,62}\.){1,4}(?:com|org|net|edu|gov|io|co\.uk)(?!${W})(?:/[!-~]*)?`,
    '<url>',
  ],
  ['mention', String.raw`@${W}+(?:@[a-z0-9.-]+|\.[a-z0-9-]+\.[a-z]+)?`, ''],
  ['hashtag', `#[0-9]*${letter}${W}*`, '(split)'],
  ['happy', String.raw`(?<![^ ])[:=]-?[)\]]`, '<happy>'],
  ['sad', String.raw`(?<![^ ])[:=]'?-?[(\[](?!${W})`, '<sad>'],
  ['wink', String.raw`(?<![^ ]);-?[)\]]`, '<wink>'],
  ['laugh', `(?<![^ ]):-?d(?!${W})`, '<laugh>'],
  ['tong', `(?<![^ ])[:;]-?p(?!${W})`, '<tong>'],
  ['surprise', `(?<![^ ]):-?o(?!${W})`, '<surprise>'],
  ['spelled', `[0-9](?: [0-9]){0,9} ${ending}`, '(keep)'],
  ['money', String.raw`\$${amount}(?:(?:k|mn?|bn?|mil(?:lion)?|bil(?:lion)?)(?!${W}))?`, '<money>'],
  ['percent', `${amount}%`, '<percent>'],
  ['phone', String.raw`(?:\+[0-9]{1,3}[ -]?)?\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{4}(?!${W})`, '<phone>'],
  [
    'month first',
    `${month}(?:, ?| )[0-9]{1,4}(?:st|nd|rd|th)?(?!${W})(?! (?:[0-9] ){0,9}${ending})(?:,? ?[0-9]{4}(?!${W}))?`,
    '<date>',
  ],
  ['day first', `[0-9]{1,4},? ${month}(?!${W})(?:,? [0-9]{4}(?!${W}))?`, '<date>'],
  ['date', `[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{4}|[0-9]{2})(?!${W})`, '<date>'],
  ['iso date', `[12][0-9]{3}[./-][0-9]{1,2}[./-][0-9]{1,2}(?!${W})`, '<date>'],
  [
    'time',
    String.raw`(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?: ?(?:[ap]m|[ap]\.m\.))?(?!${W})`,
    '<time>',
  ],
  ['hour', String.raw`[0-9]{1,2}(?:\.[0-9]{2})?(?:[ap]m|[ap]\.m\.)(?!${W})`, '<time>'],
  ['ordinal', `[0-9]{1,10}${ending}`, '(spell)'],
  ['number', `${amount}(?!${W})`, '<number>'],
  ['word', `${W}+`, '(shorten)'],
  ['punctuation', String.raw`[!-/:-@\[-\x60{-~]`, '(keep)'],
];
