"""The text model in Python, from the bundle's files alone: the reference that the agent is compared with.

    python models/training/reference.py --generate-always < models/training/golden.jsonl > models/training/tests/fixtures/reference.jsonl

reads posts ({"text", "entities", "attributes", "ocr"}, normalised), and prints for each what every part says.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from bundle import read_vectors
from candidates import Associations, Knowledge, Phrasebook, Proposal, candidates
from data import known_labels
from decoder import END, LONGEST, UNKNOWN, Pieces, beams
from inputs import Post, assemble, pad
from measure import stem

HERE = Path(__file__).resolve().parent
BUNDLE = Path(os.environ.get("TAGSTREAM_MODEL_PATH") or HERE.parent / "bundle")
SNAKE = {"pastShrink": "past_shrink"}


def read_associations(counts: dict, shrink: float) -> Associations:
    found = Associations(tuple(counts["fields"]), shrink)
    found.posts = counts["posts"]
    found.labels.update({int(label): n for label, n in counts["labels"].items()})
    for label, others in counts["together"].items():
        found.together[int(label)].update({int(other): n for other, n in others.items()})
    for field, terms in counts["fields"].items():
        for term, (seen, *pairs) in terms.items():
            found.seen[field][term] = seen
            found.pairs[field][term] = dict(zip(pairs[::2], pairs[1::2]))
    return found


class Reference:
    def __init__(self, bundle: Path = BUNDLE):
        self.manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        open_ = lambda part, file="model": onnxruntime.InferenceSession(bundle / self.manifest[part][file], options, providers=["CPUExecutionProvider"])
        # Products of float32 differ between processors in their last bits alone; those of integers by a step of their activations.
        self.text, self.decoder, self.ranker = open_("text", "floatModel"), open_("decoder"), open_("ranker")
        self.tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        lines = lambda name: (bundle / name).read_text("utf-8").split("\n")[:-1]
        self.labels = lines("labels.txt")
        self.pieces = Pieces(self.tokenizer, [self.tokenizer.token_to_id(piece) for piece in lines("pieces.txt")])
        self.special = {self.tokenizer.token_to_id(token) for token in ("[PAD]", "[CLS]", "[SEP]")}
        hidden = self.manifest["text"]["outputs"]["vectors"]["shape"][1]
        self.memory = read_vectors(bundle / "memory.vectors.bin", hidden)
        self.memory_labels = json.loads((bundle / "memory.posts.json").read_text())
        counts = json.loads((bundle / "associations.json").read_text("utf-8"))
        self.settings = {SNAKE.get(name, name): value for name, value in self.manifest["ranker"].items()}
        self.knowledge = Knowledge(
            self.labels, read_vectors(bundle / "labels.vectors.bin", hidden),
            read_associations(counts["memory"], self.settings["shrink"]),
            read_associations(counts["past"], self.settings["past_shrink"]), Phrasebook(self.labels), self.settings,
        )  # fmt: skip

    def propose(self, posts: Sequence[Post]) -> Iterator[tuple[list[int], Proposal]]:
        """One batch: each post's token ids, and what the parts say of it."""
        rows = [assemble(self.tokenizer, post, self.manifest["text"]["limits"]) for post in posts]
        feed = pad(rows)
        outputs = ("vectors", "log_probabilities", "keys", "values")
        vectors, logp, keys, values = self.text.run(outputs, feed)
        near = self.memory @ vectors.T
        batch = self._batch(feed["input_ids"], logp)
        read = {name: batch[name] for name in ("source_mask", "predicted", "predicted_places", "predicted_logp")}
        step = lambda prefix, post: self.decoder.run(
            ("vocabulary", "copied", "chosen"), {"prefix": prefix, "post": post, "keys": keys, "values": values} | read
        )
        width = self.manifest["decoder"]["beams"]
        found = beams(step, batch, self.pieces, width) if width > 0 else [[] for _ in posts]
        sure = logp.max(1) >= np.log(self.manifest["decoder"]["unsureBelow"])
        # Of a post that the generator does not run for, the classifier's first labels stand for what it would say.
        first = lambda row: [(self.labels[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:width]]
        found = [first(row) if is_sure else phrases for is_sure, row, phrases in zip(sure, logp, found)]
        for i, post in enumerate(posts):
            nearest = np.argsort(-near[:, i], kind="stable")[: self.manifest["knn"]["neighbours"]]
            neighbours = [(float(near[j, i]), self.memory_labels[j]) for j in nearest]
            yield rows[i][0], Proposal(post, logp[i], vectors[i], neighbours, found[i])

    def learn(self, post: Post, vector: np.ndarray) -> None:
        """Takes a post whose keyphrases are known into the memory."""
        gold = known_labels(post, self.knowledge.phrasebook.index)
        if gold:
            self.memory = np.vstack([self.memory, vector])
            self.memory_labels.append(gold)
            self.knowledge.memory.add(post, gold)

    def _batch(self, tokens: np.ndarray, logp: np.ndarray) -> dict[str, np.ndarray]:
        count = self.manifest["decoder"]["predictions"]
        options = []
        for row in logp:
            first = np.argsort(-row, kind="stable")[:count]
            options.append([(t, place, float(row[i])) for i in first for place, t in enumerate(self.pieces.of(self.labels[i]))])
        wide = max(map(len, options))
        nothing = np.isin(tokens, list(self.special)).all(1)
        batch = {
            "tokens": tokens,
            "source_mask": np.isin(tokens, list(self.special), invert=True).astype(np.int64),
            "predicted_tokens": np.zeros((len(tokens), wide), np.int64),
            "predicted": np.full((len(tokens), wide), END, np.int64),
            "predicted_places": np.zeros((len(tokens), wide), np.int64),
            "predicted_logp": np.zeros((len(tokens), wide), np.float32),
        }
        batch["source_mask"][nothing, 0] = 1  # as in the agent's pointer-generator.ts
        for i, option in enumerate(options):
            for j, (token, place, score) in enumerate(option):
                batch["predicted_tokens"][i, j] = token
                batch["predicted"][i, j] = self.pieces.own.get(token, UNKNOWN)
                batch["predicted_places"][i, j] = min(place, LONGEST)
                batch["predicted_logp"][i, j] = score
        return batch

    def rank(self, proposal: Proposal) -> tuple[list[str], np.ndarray, list[tuple[str, float]]]:
        """Candidates, their features, and the first five phrases with their probabilities."""
        chosen, features = candidates(self.knowledge, proposal)
        scores = self.ranker.run(None, {"features": features})[0][:, 0]
        a, b = (self.manifest["ranker"]["calibration"][name] for name in "ab")
        best: dict[str, tuple[str, float]] = {}
        for i in np.argsort(-scores, kind="stable"):
            phrase = chosen[i].phrase
            best.setdefault(stem(phrase), (phrase, float(1 / (1 + np.exp(-(a * scores[i] + b))))))
        return [candidate.phrase for candidate in chosen], features, list(best.values())[:5]


def write_golden(bundle: Path) -> None:
    """golden.json: posts of our own with the keyphrases that they have to get, by which the agent checks a bundle that it opens."""
    reference = Reference(bundle)
    posts = [Post(**json.loads(line)) for line in (HERE / "golden.jsonl").read_text("utf-8").splitlines()]
    rows = []
    for post in posts:
        (_, proposal), = reference.propose([post])
        rows.append({
            "post": {"text": post.text, "entities": list(post.entities), "attributes": list(post.attributes), "imageText": post.ocr},
            "keyphrases": [{"phrase": phrase, "score": round(score, 6)} for phrase, score in reference.rank(proposal)[2]],
        })  # fmt: skip
    (bundle / "golden.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--generate-always", action="store_true", help="run the generator for sure posts too")
    options = parser.parse_args()
    reference = Reference(options.bundle)
    if options.generate_always:
        reference.manifest["decoder"]["unsureBelow"] = 1
    posts = [Post(**json.loads(line)) for line in sys.stdin]
    for post, (tokens, proposal) in zip(posts, (pair for post in posts for pair in reference.propose([post]))):
        chosen, features, best = reference.rank(proposal)
        print(json.dumps({
            "post": {"text": post.text, "entities": list(post.entities), "attributes": list(post.attributes), "ocr": post.ocr},
            "tokens": tokens, "stems": stem(post.text), "beams": proposal.beams,
            "candidates": chosen,
            "features": [[round(float(x), 5) for x in row] for row in features],
            "keyphrases": [{"phrase": phrase, "score": round(score, 6)} for phrase, score in best],
        }, ensure_ascii=False))  # fmt: skip


if __name__ == "__main__":
    main()
