"""The text model's input, and the fixture that the agent's own assembly is held against."""

import importlib.util
import json
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from inputs import Post, assemble, image_words, pad

BUNDLE = HERE.parents[1] / "bundle"


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

    def assembled(self, post, max_tokens=32, max_text_tokens=8):
        return assemble(self.tokenizer, post, max_tokens, max_text_tokens)

    def test_image_words_join_with_the_separators_of_the_parts_that_are_there(self):
        self.assertEqual(image_words(["a", "b"], ["c"], "d e"), "a , b , c . d e")
        self.assertEqual(image_words([], ["c"], ""), "c")
        self.assertEqual(image_words([], [], "d e"), "d e")
        self.assertEqual(image_words([], [], ""), "")

    def test_text_alone_has_no_second_segment(self):
        ids, types = self.assembled(Post("one two"))
        self.assertEqual(ids, [self.id(t) for t in ("[CLS]", "one", "two", "[SEP]")])
        self.assertEqual(types, [0, 0, 0, 0])

    def test_the_second_segment_and_its_separator_have_type_one(self):
        ids, types = self.assembled(Post("one", ["two"], ["three"], "four"))
        self.assertEqual(ids, [self.id(t) for t in ("[CLS]", "one", "[SEP]", "two", ",", "three", ".", "four", "[SEP]")])
        self.assertEqual(types, [0, 0, 0, 1, 1, 1, 1, 1, 1])

    def test_an_empty_text_keeps_its_place(self):
        ids, types = self.assembled(Post("", ["two"]))
        self.assertEqual(ids, [self.id(t) for t in ("[CLS]", "[SEP]", "two", "[SEP]")])
        self.assertEqual(types, [0, 0, 1, 1])

    def test_the_text_and_then_the_image_words_are_cut(self):
        ids, types = self.assembled(Post("one " * 50, ["two"] * 50), max_tokens=16, max_text_tokens=8)
        self.assertEqual((len(ids), types.count(0), ids[-1]), (16, 10, self.id("[SEP]")))
        ids, types = self.assembled(Post("one " * 50, ["two"]), max_tokens=11, max_text_tokens=8)
        self.assertEqual((len(ids), types.count(1)), (10, 0), "no room for image words: no second [SEP]")

    @unittest.skipIf(missing("numpy"), f"not installed: {missing('numpy')}")
    def test_padding_is_zero_and_masked(self):
        import numpy as np

        batch = pad([([5, 6, 7], [0, 0, 1]), ([5], [0])])
        np.testing.assert_array_equal(batch["input_ids"], [[5, 6, 7], [5, 0, 0]])
        np.testing.assert_array_equal(batch["attention_mask"], [[1, 1, 1], [1, 0, 0]])
        np.testing.assert_array_equal(batch["token_type_ids"], [[0, 0, 1], [0, 0, 0]])


@unittest.skipIf(missing("onnxruntime", "tokenizers"), f"not installed: {missing('onnxruntime', 'tokenizers')}")
class Fixture(unittest.TestCase):
    """The shipped files still give what tests/fixtures/inputs.json says."""

    def test_ids_types_and_first_labels(self):
        import onnxruntime
        from tokenizers import Tokenizer

        text = json.loads((BUNDLE / "manifest.json").read_text("utf-8"))["text"]
        tokenizer = Tokenizer.from_file(str(BUNDLE / text["tokenizer"]))
        labels = (BUNDLE / text["labels"]).read_text("utf-8").split("\n")[:-1]
        session = onnxruntime.InferenceSession(BUNDLE / text["model"], providers=["CPUExecutionProvider"])
        for case in json.loads((HERE / "fixtures" / "inputs.json").read_text("utf-8")):
            with self.subTest(case["post"]["text"][:40]):
                row = assemble(tokenizer, Post(**case["post"]), text["maxTokens"], text["maxTextTokens"])
                self.assertEqual(row, (case["inputIds"], case["tokenTypeIds"]))
                scores = session.run(None, pad([row]))[0][0]
                for entry in case["top5"]:
                    # another processor's int8 kernels round otherwise
                    self.assertAlmostEqual(float(scores[labels.index(entry["label"])]), entry["score"], delta=0.02)


if __name__ == "__main__":
    unittest.main()
