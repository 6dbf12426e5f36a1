"""The benchmark's measure, on small cases by hand and on its own published predictions."""

import importlib.util
import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if not importlib.util.find_spec("nltk"):
    raise unittest.SkipTest("not installed: nltk")

from measure import distinct, evaluate

DATA = Path(os.environ.get("TAGSTREAM_DATA", "")) / "tweets"


class Measure(unittest.TestCase):
    def test_stems_duplicates_and_malformed_phrases(self):
        self.assertEqual(distinct(["wild flowers", "wild flower", "a , b", "st. ives", "<unk> day", "", "cats"]), ["wild flower", "cat"])

    def test_f1_is_the_harmonic_mean_of_the_averages(self):
        got = evaluate([["a", "b"], ["x"]], [["a"], ["y", "z"]])
        self.assertAlmostEqual(got["F1@1"], 50.0)
        self.assertAlmostEqual(got["F1@3"], 100 * 2 * 0.25 * 0.5 / 0.75, msg="P@3 divides by the two predictions there are")
        self.assertAlmostEqual(got["MAP@5"], 50.0)

    def test_average_precision_divides_by_the_gold_phrases(self):
        self.assertAlmostEqual(evaluate([["b", "a", "c"]], [["a", "c", "d"]])["MAP@5"], 100 * (1 / 2 + 2 / 3) / 3)

    @unittest.skipUnless((DATA / "test-public.jsonl").exists(), "TAGSTREAM_DATA names no data")
    def test_the_published_predictions_give_the_published_figures(self):
        gold = [json.loads(line)["keyphrases"] for line in (DATA / "test-public.jsonl").read_text("utf-8").splitlines()]
        lines = (DATA / "peer-predictions-public.txt").read_text("utf-8").splitlines()
        got = evaluate([line.split(";") for line in lines], gold)
        self.assertEqual([round(got[k], 2) for k in ("F1@1", "F1@3", "MAP@5")], [46.68, 32.65, 51.41])


if __name__ == "__main__":
    unittest.main()
