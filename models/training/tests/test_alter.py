"""What is taken from the benchmark's posts, and what must stay."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alter import KINDS

POSTS = [
    {"text": f"text {i}", "ocr": f"ocr {i}", "attributes": [f"a{i}"], "entities": [f"e{i}"], "keyphrases": [f"k{i}"]}
    for i in range(7)
]


class Alter(unittest.TestCase):
    def test_changes_nothing_but_what_it_says(self):
        changed = {
            "no-entities": {"entities"}, "random-entities": {"entities"}, "attributes-as-entities": {"entities", "attributes"},
            "no-image-text": {"ocr"}, "image-words": {"text"},
        }  # fmt: skip
        self.assertEqual(set(changed), set(KINDS))
        for kind, alter in KINDS.items():
            for before, after in zip(POSTS, alter(POSTS), strict=True):
                self.assertEqual({name for name in before if before[name] != after[name]}, changed[kind], kind)

    def test_gives_every_post_the_entities_of_another(self):
        given = [post["entities"] for post in KINDS["random-entities"](POSTS)]
        self.assertCountEqual(given, [post["entities"] for post in POSTS])


if __name__ == "__main__":
    unittest.main()
