"""The bundle's half that sees in Python, from its files alone: what the agent is held against.

    python models/training/reference_photos.py FOLDER < posts.ndjson

reads posts ({"text", "photo"}, the text normalised, the photo a file in FOLDER), and prints for each what the image
model finds and how the photo joins the text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Sequence

import numpy as np
from PIL import Image, ImageOps
from tokenizers import Tokenizer

import photos as flickr
from bundle import read_vectors
from measure import stem
from reference import BUNDLE

SIDE = 7


def box_around(map_: np.ndarray) -> list[float]:
    """Left, top, right, bottom of the regions above half-way from the weakest to the strongest, as in the agent's image-model.ts."""
    rows, columns = np.divmod(np.flatnonzero(map_ >= (map_.min() + map_.max()) / 2), SIDE)
    return [float(edge) / SIDE for edge in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


class Sighted:
    def __init__(self, bundle: Path = BUNDLE):
        self.manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
        self.image, self.text, self.fusion = (flickr.session(bundle / self.manifest[part]["model"]) for part in ("image", "text", "fusion"))
        self.tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        lines = lambda name: (bundle / name).read_text("utf-8").split("\n")[:-1]
        self.classes, self.words = lines(self.manifest["image"]["classes"]), lines(self.manifest["fusion"]["words"])
        hidden = self.manifest["text"]["outputs"]["vectors"]["shape"][1]
        self.vectors = read_vectors(bundle / self.manifest["fusion"]["vectors"], hidden)

    def look(self, photo: Image.Image) -> tuple[list[dict], np.ndarray, np.ndarray]:
        """The entities, the regions [49, 1280] and the pixels [size, size, 3] of a photo."""
        settings = self.manifest["image"]
        pixels = np.asarray(flickr.as_served(ImageOps.exif_transpose(photo).convert("RGB"), settings["resize"], settings["size"]), np.uint8)
        classes, scores, maps, regions = (rows[0] for rows in self.image.run(["classes", "scores", "maps", "regions"], {"pixels": pixels[None]}))
        entities = [
            {"label": self.classes[number], "score": float(score), "box": box_around(map_)}
            for number, score, map_ in zip(classes, scores, maps)
            if score >= settings["minScore"]
        ]
        return entities, regions, pixels

    def fuse(self, text: str, regions: np.ndarray, entities: Sequence[dict] = ()) -> dict:
        """How a photo joins its text; what it shows for certain and the text names makes it match."""
        limits, settings = self.manifest["text"]["limits"], self.manifest["fusion"]
        states, mask = flickr.read(self.text, self.tokenizer, limits, [text], limits["text"] + 2)
        keep = mask[0]
        keys, values = np.split(states[:, keep].astype(np.float32), 2, axis=-1)
        feed = {"keys": keys, "values": values, "mask": mask[:, keep].astype(np.int64), "regions": regions[None], "region_filter": np.array(1, np.float32)}
        familiarity, match, weights, vector = (rows[0] for rows in self.fusion.run(["familiarity", "match", "weights", "vector"], feed))
        words = set(stem(text).split())
        share = lambda label: float(np.mean([word in words for word in stem(label).split()]))
        named = max((e["score"] * share(e["label"]) for e in entities), default=0.0)
        match = 1 - (1 - match) * (1 - named)
        cosines, calibration = self.vectors @ vector, settings["calibration"]
        best = np.argsort(-cosines, kind="stable")[: settings["keyphrases"]]
        scores = match * familiarity * calibration["tagRate"] / (1 + np.exp(-(calibration["a"] * cosines[best] + calibration["b"])))
        shown = [{"word": self.words[i], "score": float(score)} for i, score in zip(best, scores) if score >= settings["minScore"]]
        return {"match": float(match), "weights": weights.tolist(), "shown": shown}


def main() -> None:
    folder, sighted = Path(sys.argv[1]), Sighted()
    for line in sys.stdin:
        post = json.loads(line)
        entities, regions, pixels = sighted.look(Image.open(folder / post["photo"]))
        fused = sighted.fuse(post["text"], regions, entities)
        rounded = lambda value: json.loads(json.dumps(value), parse_float=lambda x: round(float(x), 5))
        # Of the pixels one in 32 each way, which is enough to hold another decoder against this one.
        print(json.dumps({**post, "pixels": pixels[16::32, 16::32].tolist(), "entities": rounded(entities), **rounded(fused)}))


if __name__ == "__main__":
    main()
