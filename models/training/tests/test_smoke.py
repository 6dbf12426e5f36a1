"""The whole training on a tiny synthetic set, from data to bundle."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

NEEDED = ("torch", "onnx", "onnxruntime", "tokenizers", "torchvision", "nltk", "lightgbm", "yaml", "tqdm")
MISSING = ", ".join(name for name in NEEDED if not importlib.util.find_spec(name))
FILES = {
    "associations.json", "decoder.onnx", "fusion.onnx", "golden.json", "image.onnx", "imagenet-classes.txt", "labels.txt", "labels.vectors.bin",
    "memory.posts.json", "memory.vectors.bin", "pieces.txt", "ranker.onnx", "search.onnx", "text.float.onnx", "text.onnx", "text.weights.bin",
    "tokenizer.json", "visual-words.txt", "visual-words.vectors.bin", "words.txt",
}  # fmt: skip


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class Smoke(unittest.TestCase):
    """`TAGSTREAM_SMOKE_BUNDLE` names a folder to leave the bundle in, for the agent to load."""

    def test_the_smoke_run_learns_and_writes_a_whole_bundle(self):
        from inputs import Post
        from measure import evaluate
        from reference import Reference

        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(os.environ.get("TAGSTREAM_SMOKE_BUNDLE", f"{folder}/bundle"))
            command = [sys.executable, str(HERE.parent / "train.py"), "--smoke", "--cache", folder, "--bundle", str(bundle)]
            first = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(first.returncode, 0, first.stderr)
            manifest = json.loads((bundle / "manifest.json").read_text())
            self.assertEqual({*manifest["files"]}, FILES)
            for name, entry in manifest["files"].items():
                content = (bundle / name).read_bytes()
                self.assertEqual((len(content), hashlib.sha256(content).hexdigest()), (entry["bytes"], entry["sha256"]))

            reference = Reference(bundle)
            rows = [json.loads(line) for line in (Path(folder) / "smoke/data/tweets/test-public.jsonl").read_text().splitlines()]
            posts = [Post(r["text"], r["entities"], r["attributes"], r["ocr"], r["keyphrases"]) for r in rows]
            together = [reference.rank(proposal)[2] for _, proposal in reference.propose(posts)]
            figures = evaluate([[phrase for phrase, _ in best] for best in together], [post.keyphrases for post in posts])
            self.assertGreater(figures["F1@1"], 60, "eight labels: chance is 12.5")
            for post, best in zip(posts[:20], together):
                (_, proposal), = reference.propose([post])
                for (_, alone), (_, among) in zip(reference.rank(proposal)[2], best):
                    self.assertAlmostEqual(alone, among, delta=1e-3, msg="a post's scores depend on its batch-mates")

            again = subprocess.run(command, capture_output=True, text=True)
            self.assertIn("finetune-all: skipped", again.stdout, "a finished stage is not run again")


if __name__ == "__main__":
    unittest.main()
