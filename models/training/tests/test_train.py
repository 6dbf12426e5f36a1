"""The command: what it refuses, and the cache of an ablation."""

import importlib.util
import io
import os
import sys
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path
from unittest.mock import patch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

NEEDED = ("torch", "onnx", "tokenizers", "nltk", "lightgbm", "yaml", "tqdm", "scipy")
MISSING = ", ".join(name for name in NEEDED if not importlib.util.find_spec(name))


class Folder(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = Path(made.name)
        self.cache = self.folder / "training"


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class Refusals(Folder):
    def refusal(self, *args: str) -> str:
        """What the command says of its arguments, where it refuses them; it never gets to data, which aren't there."""
        import train

        told = io.StringIO()
        command = ["train.py", "--data", str(self.folder / "none"), "--cache", str(self.cache), *args]
        with patch.object(sys, "argv", command), redirect_stderr(told), self.assertRaises(SystemExit) as ended:
            train.main()
        self.assertEqual(ended.exception.code, 2, ended.exception.code)
        return told.getvalue()

    def test_parts_that_are_not_there(self):
        self.assertIn("--part 9: there is no such part; give one of 0, 1, 2, 3, 4, all", self.refusal("--part", "9"))
        self.assertIn("give one of 0, 1, all", self.refusal("--part", "2", "--early", "0.6"))

    def test_shares_that_are_none(self):
        for text in ("7", "1", "0", "-0.5", "nan"):
            self.assertIn(f"--early: {text} is no share between 0 and 1", self.refusal(f"--early={text}"))

    def test_an_ablation_of_a_cache_that_is_not_there(self):
        told = self.refusal("--ablation", "no-refinement", "--stage", "see", "--bundle", str(self.folder / "copy"))
        self.assertIn(f"there is no {self.cache}: train first, or give --cache", told)
        self.assertEqual([*self.folder.iterdir()], [])

    def test_an_ablation_into_the_shipped_bundle(self):
        self.cache.mkdir()
        shipped = HERE.parents[1] / "bundle"
        link = self.folder / "link"
        link.symlink_to(shipped)
        for name in (shipped, HERE / "../../bundle", link):
            told = self.refusal("--ablation", "no-refinement", "--stage", "see", "--bundle", str(name))
            self.assertIn("--ablation would overwrite the shipped bundle", told)


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class Branch(Folder):
    def branch(self, *again: str) -> dict[str, bool]:
        """The files of the ablation's cache, and whether each is a link to the cache's."""
        from train import branch

        own = branch(self.cache, "less", again)
        return {file.name: file.is_symlink() for file in own.iterdir()}

    def setUp(self):
        super().setUp()
        self.cache.mkdir()
        for name in ("adapt.pt", "see.pt", "see.json", "familiar.npz", "write_first.pt", "write-0.pt", "beams-0.json"):
            (self.cache / name).write_text("whole")

    def test_what_is_trained_again_is_not_linked(self):
        kept = {"adapt.pt", "write_first.pt", "write-0.pt", "beams-0.json"}
        self.assertEqual(self.branch("see"), dict.fromkeys(kept, True))
        self.assertEqual((self.folder / "training-less/adapt.pt").read_text(), "whole")

    def test_links_lead_somewhere_where_the_cache_is_named_from_the_working_directory(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.cache = Path("training")
        self.branch("see")
        self.assertEqual((self.folder / "training-less/adapt.pt").read_text(), "whole")

    def test_nor_is_what_a_later_call_trains_and_what_was_trained_stays(self):
        own = self.folder / "training-less"
        self.branch("see")
        (own / "see.pt").write_text("less")
        later = self.branch("write", "export")
        self.assertEqual([name for name in later if name.startswith(("write-", "beams-"))], [])
        self.assertEqual({name: later[name] for name in ("see.pt", "write_first.pt")}, {"see.pt": False, "write_first.pt": True})
        for name in ("write-0.pt", "beams-0.json"):
            (own / name).write_text("less")
        again = self.branch("see", "write", "export")
        self.assertEqual([again[name] for name in ("see.pt", "write-0.pt")], [False] * 2)
        self.assertEqual({file.read_text() for file in self.cache.iterdir()}, {"whole"})


if __name__ == "__main__":
    unittest.main()
