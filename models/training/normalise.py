"""Brings a post's text to the form of the training data; `src/text/clean-text.ts` does the same, exactly.

1. `RAW` rules on the text as it came: entities, invisible characters, typographic marks
2. folding: NFKC, and Latin letters lose their accents
3. `FOLDED` rules: symbols go, camel case in hashtags becomes underscores
4. lower case
5. `LOWERED` rules: addresses, white space, repeated punctuation, contractions
6. `TOKENS`: the text is cut into tokens, from left to right

Normalised text is a fixed point: normalising it again changes nothing. So are 98.3% of train.jsonl's texts; in
the others a digit that came from a hashtag ("cwc 19") becomes `<number>`, or marks written as one are parted.

The Unicode version of the runtime matters to steps 2 and 4 alone, and there only for characters younger than the
older runtime (Python 3.11 has Unicode 14): Unicode never changes the normal form or the case of a character once
it is assigned.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import unicodedata
from pathlib import Path
from typing import Callable, Iterator, Sequence

from text_rules import ACCENT, FOLDED, LOWERED, RAW, TOKENS, Rule

# Costs are natural logarithms in thousandths, as integers, so that sums are exact in every language. A word that is
# not in the list costs UNKNOWN_WORD and UNKNOWN_LETTER for each letter: measured on the labels.
UNKNOWN_WORD = 12_000
UNKNOWN_LETTER = 2_300
# What is longer (Instagram's limit for hashtags) is no word and stays as it is.
LONGEST_WORD = 100

ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " ", "hellip": "..."}
ELONGATION = re.compile(r"([a-z])\1\1+")
ACCENTS = re.compile(ACCENT)

Step = Callable[[str], str]


def load_words(file: Path | str) -> list[str]:
    """The word list: one a line, most frequent first."""
    return Path(file).read_text("utf-8").split()


class Normaliser:
    """Normalises texts with one word list: `Normaliser(load_words(file))(text)`."""

    def __init__(self, words: Sequence[str]) -> None:
        self._costs = word_costs(words)
        actions: dict[str, Step] = {
            "(decode)": decode_entity,
            "(dollar)": lambda found: "$",
            "(underscore)": underscore_camel_case,
            "(keep)": lambda found: found,
            "(split)": lambda tag: self._clean_tokens(" ".join(split_hashtag(tag[1:], self._costs))),
            "(spell)": spell_digits,
            "(shorten)": self._shorten,
        }
        self._raw, self._folded, self._lowered = (list(compiled(rules, actions)) for rules in (RAW, FOLDED, LOWERED))
        self._token = re.compile("|".join(f"({pattern})" for _, pattern, _ in TOKENS))
        self._outputs = [actions.get(new, lambda found, new=new: new) for _, _, new in TOKENS]

    def __call__(self, text: str) -> str:
        """The text in the form of the training data: lower-case tokens with single spaces between them."""
        plain = apply(self._folded, fold(apply(self._raw, text)))
        return self._clean_tokens(apply(self._lowered, unicodedata.normalize("NFKC", plain.lower())))

    def _clean_tokens(self, text: str) -> str:
        found = (self._outputs[match.lastindex - 1](match[0]) for match in self._token.finditer(text))
        return " ".join(output for output in found if output)

    def _shorten(self, word: str) -> str:
        """Letters said thrice or more ("sooo", "goood") become one or two, whichever makes the commoner word."""
        if len(word) > LONGEST_WORD or not ELONGATION.search(word):
            return word
        twice = ELONGATION.sub(r"\1\1", word)
        once = ELONGATION.sub(r"\1", word)
        return once if self._costs.get(once, sys.maxsize) < self._costs.get(twice, sys.maxsize) else twice


def compiled(rules: Sequence[Rule], actions: dict[str, Step]) -> Iterator[Step]:
    """Each rule as a function from text to text."""
    for _, pattern, replacement in rules:
        action = actions.get(replacement)
        new = (lambda match, action=action: action(match[0])) if action else replacement.replace("$", "\\")
        yield lambda text, pattern=re.compile(pattern), new=new: pattern.sub(new, text)


def apply(steps: Sequence[Step], text: str) -> str:
    for step in steps:
        text = step(text)
    return text


def fold(text: str) -> str:
    """NFKC, without the accents of Latin letters: the training data has "pokemon"."""
    return unicodedata.normalize("NFKC", ACCENTS.sub("", unicodedata.normalize("NFKD", text)))


def decode_entity(entity: str) -> str:
    """`&amp;` as `&`, `&#233;` as `é`; what names no character is left as it is."""
    name = entity[1:-1]
    if name[0] != "#":
        return ENTITIES.get(name, entity)
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return chr(code) if code <= sys.maxunicode else entity


def underscore_camel_case(tag: str) -> str:
    """`#GameOfThrones` as `#Game_Of_Thrones`, `#BTSArmy` as `#BTS_Army`."""
    tag = re.sub(r"([a-z])([A-Z])", r"\1_\2", tag)
    return re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", tag)


def spell_digits(number: str) -> str:
    """`450th` as `4 5 0 th`."""
    ending = number.lstrip("0123456789")
    return " ".join([*number[: len(number) - len(ending)], ending])


def word_costs(words: Sequence[str]) -> dict[str, int]:
    """What each word costs, by Zipf's law: the logarithm of its rank times the logarithm of their number."""
    scale = math.log(len(words) + 1)
    return {word: math.floor(1000 * math.log((rank + 1) * scale) + 0.5) for rank, word in enumerate(words)}


def split_hashtag(tag: str, costs: dict[str, int]) -> list[str]:
    """The words of a hashtag, which is given in lower case and without its "#".

    Parts between underscores, runs of digits, and runs of letters that are split where the
    word list makes it cheapest. Letters beyond a to z keep their run whole.
    """
    joined = tag.replace("_", "")
    if joined in costs or len(tag) > LONGEST_WORD:
        return [joined]
    runs = re.findall("[0-9]+|[^0-9_]+", tag)
    return [word for run in runs for word in (cheapest_words(run, costs) if re.fullmatch("[a-z]+", run) else [run])]


def cheapest_words(letters: str, costs: dict[str, int]) -> list[str]:
    """The cheapest way (Viterbi) to read `letters` as words; of two equal ones that with the longer last word."""
    best = [(0, 0)]  # for each prefix of `letters`: what it costs, and where its last word begins
    for end in range(1, len(letters) + 1):
        choices = []
        for begin in range(end):
            word = letters[begin:end]
            cost = costs.get(word, UNKNOWN_WORD + UNKNOWN_LETTER * len(word))
            choices.append((best[begin][0] + cost, begin))
        best.append(min(choices))
    words, end = [], len(letters)
    while end > 0:
        begin = best[end][1]
        words.append(letters[begin:end])
        end = begin
    return words[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Normalises JSON strings, one a line, from stdin to stdout.")
    parser.add_argument("--words", required=True, help="the word list, most frequent first")
    parser.add_argument("--rules", action="store_true", help="print the tables of rules as JSON and leave")
    arguments = parser.parse_args()
    if arguments.rules:
        print(json.dumps({"raw": RAW, "accent": ACCENT, "folded": FOLDED, "lowered": LOWERED, "tokens": TOKENS}))
        return
    normalise = Normaliser(load_words(arguments.words))
    for line in sys.stdin:
        print(json.dumps(normalise(json.loads(line))))


if __name__ == "__main__":
    main()
