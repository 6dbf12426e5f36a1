"""The normaliser and the word list; the test of `src/text/clean-text.ts` holds the two implementations together."""

import json
import os
import random
import sys
import unicodedata
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from normalise import Normaliser, load_words
from text_rules import SYMBOLS
from words import word_list

REPOSITORY = HERE.parents[2]
POSTS = json.loads((REPOSITORY / "test" / "text" / "fixtures" / "posts.json").read_text("utf-8"))
TRAIN = Path(os.environ.get("TAGSTREAM_DATA", "")) / "tweets" / "train.jsonl"


class Normalising(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.normalise = staticmethod(Normaliser(load_words(REPOSITORY / "models" / "bundle" / "words.txt")))

    def test_raw_posts_take_the_form_of_the_training_data(self):
        for post in POSTS:
            if "clean" in post:
                self.assertEqual(self.normalise(post["text"]), post["clean"])

    def test_normalised_text_is_a_fixed_point(self):
        chance = random.Random(5)
        pieces = [piece for post in POSTS for piece in post["text"].split(" ")] + ["4 th", "jan", "12", "'t", "#", "@"]
        for _ in range(2000):
            once = self.normalise(chance.choice(["", " "]).join(chance.choices(pieces, k=8)))
            self.assertEqual(self.normalise(once), once)

    def test_no_symbol_is_a_letter_or_a_decimal_digit(self):
        dropped = (chr(code) for a, b in zip(SYMBOLS[::2], SYMBOLS[1::2]) for code in range(a, b + 1))
        kept = [c for c in dropped if unicodedata.category(c)[0] == "L" or unicodedata.category(c) == "Nd"]
        self.assertEqual([c for c in kept if unicodedata.normalize("NFKC", c) == c], [])

    @unittest.skipUnless(TRAIN.exists(), "TAGSTREAM_DATA names no data")
    def test_nearly_all_training_texts_stay_as_they_are(self):
        texts = [json.loads(line)["text"] for line in TRAIN.read_text("utf-8").splitlines()]
        self.assertGreater(sum(self.normalise(text) == text for text in texts) / len(texts), 0.98)


class WordList(unittest.TestCase):
    def test_words_come_most_frequent_first_without_compounds_and_rare_ones(self):
        post = {"text": "the art of the <url>", "ocr": "", "entities": ["art"], "attributes": [], "keyphrases": ["art day"]}
        tweets = ["Oil of oil #OilPaint #OilPaint oilpaint @paint https://x.y/art paint paint…", "artday once"]
        words = word_list([post], ["art day", "ps4"], tweets)
        self.assertEqual(words, ["art", "day", "oil", "paint", "ps4", "of", "the"])


if __name__ == "__main__":
    unittest.main()
