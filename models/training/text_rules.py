"""The rules that bring a text to the form of the training data, in their order.

`src/text/text-rules.ts` holds the same tables letter by letter: patterns use only what the two
regular-expression languages share, that is explicit classes and never `\\w`, `\\d` or `\\b`.
"""

from __future__ import annotations

# A name, a pattern, and its replacement: text with "$1" for the first group, or in parentheses an action's name.
Rule = tuple[str, str, str]

# A letter, a digit or "_", once FOLDED has left no character beyond ASCII that is not part of a word.
W = r"[^\x00-/:-^\x60{-\x7f]"
# A letter or "_".
LETTER = r"[^\x00-^\x60{-\x7f]"

# The training data writes "450th" as "4 5 0 th": before these endings, digits stay.
ENDING = r"(?:st|nd|rd|th|bn|cm|ft|hr|kg|km|mm|yo|fps|mph|x[0-9]{1,9}|[b-hj-z])(?!" + W + ")"
# "May" is missing because the training data never took it for a month.
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
AMOUNT = r"[0-9]+(?:[.,'][0-9]+)?"

# For the text as it came.
RAW: list[Rule] = [
    ("entity", r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,6});", "(decode)"),
    ("invisible", r"[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]", ""),
    ("apostrophe", r"[\u00b4\u02bc\u2018-\u201b\u2032]", "'"),
    ("quote", r"[\u00ab\u00bb\u201c-\u201f\u2033]", '"'),
    ("dash", r"[\u2010-\u2015\u2212]", "-"),
    ("currency", r"[\u00a2\u00a3\u00a5\u20a0-\u20cf]", "(dollar)"),
    ("trademark", r"[\u2120\u2122]", " "),
]

# What a Latin letter loses, in NFKD.
ACCENT = r"(?<=[A-Za-z])[\u0300-\u036f]+"
# Symbols, punctuation, surrogates and private use, as first and last code points in turn: whole blocks, and the
# commonest marks of some scripts. No letter or decimal digit that NFKC leaves as it is lies within them.
SYMBOLS = [
    0x80, 0xbf, 0xd7, 0xd7, 0xf7, 0xf7, 0x2c2, 0x2c5, 0x2d2, 0x2df, 0x589, 0x58a, 0x5be, 0x5be, 0x5f3, 0x5f4,
    0x606, 0x60f, 0x61b, 0x61f, 0x66a, 0x66d, 0x6d4, 0x6d4, 0x964, 0x965, 0xe3f, 0xe3f, 0x1360, 0x1368, 0x2000,
    0x206f, 0x20a0, 0x20cf, 0x20dd, 0x20e4, 0x2100, 0x2131, 0x2133, 0x214d, 0x2190, 0x2bff, 0x2e00, 0x2e2e,
    0x2e30, 0x3004, 0x3008, 0x3020, 0x3030, 0x3030, 0x3036, 0x3037, 0x303d, 0x303f, 0x309b, 0x309c, 0x30a0,
    0x30a0, 0x30fb, 0x30fb, 0x3200, 0x33ff, 0x4dc0, 0x4dff, 0xd800, 0xf8ff, 0xfe10, 0xfe6f, 0xffe0, 0xffff,
    0x1d000, 0x1d35f, 0x1f000, 0x1ffff, 0xe0000, 0x10ffff,
]  # fmt: skip
SYMBOL_RANGES = "".join(f"{chr(first)}-{chr(last)}" for first, last in zip(SYMBOLS[::2], SYMBOLS[1::2]))

# For the folded text.
FOLDED: list[Rule] = [
    ("symbol", f"[{SYMBOL_RANGES}]+", " "),
    ("camel case", r"#[0-9A-Za-z_]+", "(underscore)"),
]
# For the lower-case text.
LOWERED: list[Rule] = [
    ("link", r"https?://[!-~]*", " <url> "),
    ("space", r"[\x00- \x7f]+", " "),
    ("repeats", r"([!-/:-@\[-^\x60{-~])(?=\1)", ""),
    (
        "not",
        rf"(?<!{W})(are|could|did|does|do|had|has|have|is|might|must|should|were|would)n ?'t(?!{W})",
        "$1 not",
    ),
    ("cannot", rf"(?<!{W})can ?'t(?!{W})", "can not"),
    ("will not", rf"(?<!{W})won ?'t(?!{W})", "will not"),
    ("shall not", rf"(?<!{W})shan ?'t(?!{W})", "shall not"),
    ("am", rf"(?<!{W})i ?'m(?!{W})", "i am"),
    ("are", rf"(?<!{W})(they|we|what|who|you) ?'re(?!{W})", "$1 are"),
    ("have", rf"(?<!{W})(i|should|they|we|what|who|would|you) ?'ve(?!{W})", "$1 have"),
    ("will", rf"(?<!{W})(he|i|she|they|we|what|who|you) ?'ll(?!{W})", "$1 will"),
    ("let us", rf"(?<!{W})let ?'s(?!{W})", "let us"),
    ("you all", rf"(?<!{W})y(?: ?'all|a'll)(?!{W})", "you all"),
]
# Cuts a text into tokens: at each place the first rule that fits wins. What no rule takes is a space. Quantifiers
# that several tokens' attempts could run over again are bounded, so that hostile text takes linear time.
TOKENS: list[Rule] = [
    (
        "token",
        r"<(?:number|url|user|time|date|money|percent|phone|email|censored|emphasis|"
        r"happy|sad|wink|laugh|tong|surprise)>",
        "(keep)",
    ),
    ("email", rf"[a-z0-9][a-z0-9._%+-]{{0,63}}@[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}}){{1,4}}(?!{W})", "<email>"),
    ("www", r"www\.[a-z0-9][!-~]*", "<url>"),
    ("domain", rf"[a-z0-9](?:[a-z0-9-]{{0,62}}\.){{1,4}}(?:com|org|net|edu|gov|io|co\.uk)(?!{W})(?:/[!-~]*)?", "<url>"),
    ("mention", rf"@{W}+(?:@[a-z0-9.-]+|\.[a-z0-9-]+\.[a-z]+)?", ""),
    ("hashtag", rf"#[0-9]*{LETTER}{W}*", "(split)"),
    ("happy", r"(?<![^ ])[:=]-?[)\]]", "<happy>"),
    ("sad", rf"(?<![^ ])[:=]'?-?[(\[](?!{W})", "<sad>"),
    ("wink", r"(?<![^ ]);-?[)\]]", "<wink>"),
    ("laugh", rf"(?<![^ ]):-?d(?!{W})", "<laugh>"),
    ("tong", rf"(?<![^ ])[:;]-?p(?!{W})", "<tong>"),
    ("surprise", rf"(?<![^ ]):-?o(?!{W})", "<surprise>"),
    ("spelled", rf"[0-9](?: [0-9]){{0,9}} {ENDING}", "(keep)"),
    ("money", rf"\${AMOUNT}(?:(?:k|mn?|bn?|mil(?:lion)?|bil(?:lion)?)(?!{W}))?", "<money>"),
    ("percent", rf"{AMOUNT}%", "<percent>"),
    ("phone", rf"(?:\+[0-9]{{1,3}}[ -]?)?\(?[0-9]{{3}}\)?[ .-]?[0-9]{{3}}[ .-]?[0-9]{{4}}(?!{W})", "<phone>"),
    (
        "month first",
        rf"{MONTH}(?:, ?| )[0-9]{{1,4}}(?:st|nd|rd|th)?(?!{W})(?! (?:[0-9] ){{0,9}}{ENDING})(?:,? ?[0-9]{{4}}(?!{W}))?",
        "<date>",
    ),
    ("day first", rf"[0-9]{{1,4}},? {MONTH}(?!{W})(?:,? [0-9]{{4}}(?!{W}))?", "<date>"),
    ("date", rf"[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-](?:[0-9]{{4}}|[0-9]{{2}})(?!{W})", "<date>"),
    ("iso date", rf"[12][0-9]{{3}}[./-][0-9]{{1,2}}[./-][0-9]{{1,2}}(?!{W})", "<date>"),
    (
        "time",
        rf"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?: ?(?:[ap]m|[ap]\.m\.))?(?!{W})",
        "<time>",
    ),
    ("hour", rf"[0-9]{{1,2}}(?:\.[0-9]{{2}})?(?:[ap]m|[ap]\.m\.)(?!{W})", "<time>"),
    ("ordinal", rf"[0-9]{{1,10}}{ENDING}", "(spell)"),
    ("number", rf"{AMOUNT}(?!{W})", "<number>"),
    ("word", rf"{W}+", "(shorten)"),
    ("punctuation", r"[!-/:-@\[-\x60{-~]", "(keep)"),
]
