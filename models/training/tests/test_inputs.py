"""The text model's input, and the fixture that the agent's own assembly is held against."""

import importlib.util
import json
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from inputs import Post, assemble, pad


def missing(*packages: str) -> str:
    """Why a test is skipped: the packages of requirements.txt that are not installed here."""
    return ", ".join(name for name in packages if not importlib.util.find_spec(name))


class WordTokenizer:
    """As much of `tokenizers.Tokenizer` as `assemble` uses: one token a word."""

    VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", ",", ".", "one", "two", "three", "four"]

    class Encoding:
        def __init__(self, ids):
            self.ids = ids

    def token_to_id(self, token):
        return self.VOCABULARY.index(token)

    def encode(self, text, add_special_tokens):
        assert not add_special_tokens
        return self.Encoding([self.token_to_id(word) for word in text.split()])


class Assembly(unittest.TestCase):
    def setUp(self):
        self.tokenizer = WordTokenizer()
        self.id = self.tokenizer.token_to_id

    def assembled(self, post, **limits):
        return assemble(self.tokenizer, post, {"text": 8, "entities": 8, "attributes": 8, "ocr": 8} | limits)

    def test_text_alone_has_one_segment(self):
        ids, types = self.assembled(Post("one two"))
        self.assertEqual(ids, [self.id(t) for t in ("[CLS]", "one", "two", "[SEP]")])
        self.assertEqual(types, [0, 0, 0, 0])

    def test_every_kind_of_words_is_a_segment_with_a_type_and_a_separator_of_its_own(self):
        ids, types = self.assembled(Post("one", ["two", "one"], ["three"], "four"))
        words = ("[CLS]", "one", "[SEP]", "two", ",", "one", "[SEP]", "three", "[SEP]", "four", "[SEP]")
        self.assertEqual(ids, [self.id(t) for t in words])
        self.assertEqual(types, [0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3])

    def test_a_segment_without_words_is_left_out_but_the_text_keeps_its_place(self):
        ids, types = self.assembled(Post("", [], ["two"]))
        self.assertEqual(ids, [self.id(t) for t in ("[CLS]", "[SEP]", "two", "[SEP]")])
        self.assertEqual(types, [0, 0, 2, 2])

    def test_each_segment_is_cut_to_its_own_limit(self):
        ids, types = self.assembled(Post("one " * 50, ["two"] * 50, (), "four " * 50), text=3, entities=2, ocr=1)
        self.assertEqual([types.count(kind) for kind in range(4)], [5, 3, 0, 2])
        self.assertEqual(ids[-1], self.id("[SEP]"))

    @unittest.skipIf(missing("numpy"), f"not installed: {missing('numpy')}")
    def test_padding_is_zero_and_masked(self):
        import numpy as np

        batch = pad([([5, 6, 7], [0, 0, 1]), ([5], [0])])
        np.testing.assert_array_equal(batch["input_ids"], [[5, 6, 7], [5, 0, 0]])
        np.testing.assert_array_equal(batch["attention_mask"], [[1, 1, 1], [1, 0, 0]])
        np.testing.assert_array_equal(batch["token_type_ids"], [[0, 0, 1], [0, 0, 0]])


@unittest.skipIf(missing("onnxruntime", "tokenizers", "nltk", "torch"), f"not installed: {missing('onnxruntime', 'tokenizers', 'nltk', 'torch')}")
class Fixture(unittest.TestCase):
    """The shipped files still give what tests/fixtures/reference.jsonl says, which the agent is held against."""

    def test_tokens_beams_features_and_keyphrases(self):
        from reference import Reference

        reference = Reference()
        reference.manifest["decoder"]["unsureBelow"] = 1  # as `--generate-always`, which wrote the fixture
        for line in (HERE / "fixtures" / "reference.jsonl").read_text("utf-8").splitlines():
            case = json.loads(line)
            with self.subTest(case["post"]["text"][:40]):
                ((tokens, proposal),) = reference.propose([Post(**case["post"])])
                self.assertEqual(tokens, case["tokens"])
                _, _, best = reference.rank(proposal)
                # a feature on a threshold of the trees may fall to either side of it on another processor
                for (phrase, score), wanted in zip(best[:1], case["keyphrases"]):
                    self.assertEqual(phrase, wanted["phrase"])
                    self.assertAlmostEqual(score, wanted["score"], delta=0.02)


if __name__ == "__main__":
    unittest.main()
