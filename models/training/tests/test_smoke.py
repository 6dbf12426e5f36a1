"""The whole training on a tiny synthetic set, from data to bundle."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TRAIN = Path(__file__).resolve().parents[1] / "train.py"

NEEDED = ("torch", "onnx", "onnxruntime", "tokenizers", "torchvision", "snowballstemmer", "yaml", "tqdm", "PIL")
MISSING = ", ".join(name for name in NEEDED if not importlib.util.find_spec(name))


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class Smoke(unittest.TestCase):
    def test_the_smoke_run_learns_and_writes_a_whole_bundle(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(TRAIN), "--smoke", "--cache", folder]
            first = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(first.returncode, 0, first.stderr)
            bundle, report = Path(folder) / "smoke" / "bundle", Path(folder) / "smoke" / "report.json"
            manifest = json.loads((bundle / "manifest.json").read_text())
            self.assertEqual({*manifest["files"]}, {"text.onnx", "tokenizer.json", "labels.txt", "image.onnx", "imagenet-classes.txt"})
            for name, entry in manifest["files"].items():
                content = (bundle / name).read_bytes()
                self.assertEqual((len(content), hashlib.sha256(content).hexdigest()), (entry["bytes"], entry["sha256"]))
            got = json.loads(report.read_text())
            self.assertGreater(got["metrics"]["testPublic"]["F1@1"], 60, "eight labels: chance is 12.5")
            self.assertLess(got["int8"]["batchDifference"], 1e-3)
            self.assertLess(got["int8"]["largestScoreDifferenceToFp32"], 0.1)
            again = subprocess.run(command, capture_output=True, text=True)
            self.assertIn("finetune: skipped", again.stdout, "a finished stage is not run again")


if __name__ == "__main__":
    unittest.main()
