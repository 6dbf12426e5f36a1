"""Measures the shipped ONNX files on the CPU; writes report.json beside this script.

    python models/training/report.py --data DIR [--cache DIR]    (also train.py's last stage)

Nothing here feeds back into training: test-public and imagenet-sample only report.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Sequence

import numpy as np
import onnxruntime
import yaml
from PIL import Image
from tokenizers import Tokenizer
from tqdm import tqdm

from data import data_folder, read_posts, split_dev
from inputs import Post, assemble, pad
from measure import evaluate

HERE = Path(__file__).resolve().parent


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # constants that only int8 needs, unused in the float32 twin
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


class TextModel:
    """text.onnx with the bundle's own tokenizer and labels."""

    def __init__(self, bundle: Path, config: dict, file: Path | None = None):
        self.session = session(file or bundle / "text.onnx")
        self.tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        self.labels = (bundle / "labels.txt").read_text("utf-8").split("\n")[:-1]
        self.limits = config["inputs"]

    def rows(self, posts: Sequence[Post]) -> list[tuple[list[int], list[int]]]:
        return [assemble(self.tokenizer, p, self.limits["max_tokens"], self.limits["max_text_tokens"]) for p in posts]

    def scores(self, posts: Sequence[Post], batch: int = 16, what: str = "score") -> np.ndarray:
        """float32 [posts, labels]; posts of like length share a batch."""
        rows = self.rows(posts)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
        result = np.empty((len(rows), len(self.labels)), np.float32)
        for at in tqdm(range(0, len(order), batch), desc=what, disable=None):
            chosen = order[at : at + batch]
            result[chosen] = self.session.run(None, pad([rows[i] for i in chosen]))[0]
        return result

    def best(self, scores: np.ndarray, k: int = 5) -> list[list[str]]:
        return [[self.labels[i] for i in np.argsort(-row, kind="stable")[:k]] for row in scores]


def text_alone(posts: Sequence[Post]) -> list[Post]:
    return [replace(p, entities=(), attributes=(), ocr="") for p in posts]


def figures(model: TextModel, scores: np.ndarray, posts: Sequence[Post]) -> dict[str, float]:
    return {k: round(v, 2) for k, v in evaluate(model.best(scores), [p.keyphrases for p in posts]).items()}


def calibration(model: TextModel, scores: np.ndarray, posts: Sequence[Post]) -> dict[str, float]:
    """Expected calibration error, ten equal bins, over each post's first five scores."""
    best = np.argsort(-scores, 1, kind="stable")[:, :5]
    given = np.take_along_axis(scores, best, 1).ravel()
    hits = np.array([model.labels[i] in post.keyphrases for row, post in zip(best, posts) for i in row], float)
    bins = np.clip((given * 10).astype(int), 0, 9)
    gap = sum(abs(given[bins == b].sum() - hits[bins == b].sum()) for b in range(10)) / len(given)
    return {"meanScore": round(float(given.mean()), 4), "hitRate": round(float(hits.mean()), 4), "ece": round(float(gap), 4)}


def batch_difference(model: TextModel, posts: Sequence[Post]) -> float:
    """Largest change of any score between a post alone and the same post among 15 others."""
    rows, worst = model.rows(posts), 0.0
    longest = sorted(range(len(rows)), key=lambda i: -len(rows[i][0]))
    for at in range(0, 64, 2):
        alone = model.session.run(None, pad([rows[at]]))[0][0]
        for mates in ([rows[i] for i in range(at + 1, at + 16)], [rows[i] for i in longest[at : at + 15]], [rows[i] for i in longest[-15:]]):
            together = model.session.run(None, pad([rows[at], *mates]))[0][0]
            worst = max(worst, float(np.abs(alone - together).max()))
    return worst


def milliseconds(run, batches: Sequence[dict], items: int, rounds: int = 3) -> float:
    """CPU milliseconds an item, the best of some rounds (other processes only slow it)."""
    run(batches[0])
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for feed in batches:
            run(feed)
        best = min(best, time.process_time() - began)
    return round(1000 * best / items, 2)


def text_cost(model: TextModel, posts: Sequence[Post], batch: int = 16) -> float:
    """CPU ms a post: 320 posts in the order of the file, padded to each batch's longest."""
    rows = model.rows(posts[:320])
    feeds = [pad(rows[i : i + batch]) for i in range(0, len(rows), batch)]
    return milliseconds(lambda feed: model.session.run(None, feed), feeds, len(rows))


def cost(model: TextModel, posts: Sequence[Post]) -> dict[str, float]:
    return {
        "batchDifference": batch_difference(model, posts),
        "cpuMsAPost": text_cost(model, posts),
        "cpuMsAPostTextAlone": text_cost(model, text_alone(posts)),
    }


def crop(file: Path, resize: int, size: int) -> np.ndarray:
    """RGB uint8 [size, size, 3]: shorter side to `resize`, bicubic, then the centre."""
    image = Image.open(file).convert("RGB")
    factor = resize / min(image.size)
    image = image.resize([max(size, round(side * factor)) for side in image.size], Image.BICUBIC)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return np.asarray(image.crop((left, top, left + size, top + size)))


def image_figures(bundle: Path, photos: Path, settings: dict) -> dict[str, float]:
    """Top-1 and top-5 in percent; a photo's class is in its file's name (n01440764_tench.jpg)."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    classes = [name.lower() for name in _IMAGENET_CATEGORIES]
    model, files = session(bundle / "image.onnx"), sorted(photos.glob("*.jpg"))
    truth = [classes.index(file.stem.split("_", 1)[1].replace("_", " ").lower()) for file in files]
    pixels = np.stack([crop(file, settings["resize"], settings["size"]) for file in files])
    feeds = [{"pixels": pixels[i : i + 16]} for i in range(0, len(pixels), 16)]
    probabilities = np.concatenate([model.run(None, feed)[0] for feed in tqdm(feeds, desc="photos", disable=None)])
    alone = np.concatenate([model.run(None, {"pixels": pixels[i : i + 1]})[0] for i in range(16)])
    ranked = np.argsort(-probabilities, 1)
    right = ranked == np.array(truth)[:, None]
    entities = probabilities >= settings["min_score"]
    entity_right = entities[np.arange(len(truth)), truth].sum()
    return {
        "photos": len(files),
        "top1": round(100 * float(right[:, 0].mean()), 1),
        "top5": round(100 * float(right[:, :5].any(1).mean()), 1),
        "entitiesAPhoto": round(float(entities.sum(1).mean()), 2),
        "entityPrecision": round(100 * float(entity_right / entities.sum()), 1),
        "photosWithRightEntity": round(100 * float(entity_right / len(truth)), 1),
        "batchDifference": float(np.abs(alone - probabilities[:16]).max()),
        "cpuMsAPhoto": milliseconds(lambda feed: model.run(None, feed), feeds[:6], 96),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


FIXTURE_POSTS = (  # our own; none is from the data
    Post("what a save in the last minute ! the keeper wins it for united . <url>"),
    Post("winter is coming and i am not ready for the final season", ("iron throne", "poster"), ("man", "snow"), "the final season april <number>"),
    Post("sunset over the harbour after a long day of sailing", ("schooner", "lakeside"), (), ""),
    Post("", ("golden retriever",), ("dog", "grass"), ""),
    Post("our library opens its new reading room on monday", (), (), "free entry <number> am to <number> pm"),
    Post("café crème & croissants — naïve façade 😀 東京 ½ price", ("espresso",), (), ""),
    Post("storm clouds rolling in over the prairie tonight . stay safe everyone , get home early ! " * 8, ("cloud", "cliff"), ("sky", "field", "green"), "severe thunderstorm warning " * 30),
    Post("vote", (), ("people", "sign", "street"), ""),
    Post("so proud of our students and their robots at the science fair today", ("laptop", "desk"), ("boy", "table", "computer"), "science fair <number>"),
)  # fmt: skip


def write_fixtures(model: TextModel, file: Path) -> None:
    """What the agent's own assembly and session must reproduce for FIXTURE_POSTS."""
    rows, cases = model.rows(FIXTURE_POSTS), []
    for post, (ids, types) in zip(FIXTURE_POSTS, rows):
        scores = model.session.run(None, pad([(ids, types)]))[0][0]
        best = np.argsort(-scores, kind="stable")[:5]
        cases.append({
            "post": {"text": post.text, "entities": list(post.entities), "attributes": list(post.attributes), "ocr": post.ocr},
            "inputIds": ids,
            "tokenTypeIds": types,
            "top5": [{"label": model.labels[i], "score": round(float(scores[i]), 6)} for i in best],
        })  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    file.write_text(f"[\n{lines}\n]\n", "utf-8")


def report(bundle: Path, cache: Path, data: Path, config: dict, dev: Sequence[Post], out: Path, fixtures: Path) -> dict:
    shipped = TextModel(bundle, config)
    test = read_posts(data / "tweets" / "test-public.jsonl")
    result: dict = {"posts": len(test), "cpu": processor(), "onnxruntime": onnxruntime.__version__}
    scores, dev_scores = shipped.scores(test, what="test-public"), shipped.scores(dev, what="dev")
    metrics: dict = {
        "testPublic": figures(shipped, scores, test),
        "testPublicTextAlone": figures(shipped, shipped.scores(text_alone(test), what="text alone"), test),
        "dev": figures(shipped, dev_scores, dev),
        "calibration": {"dev": calibration(shipped, dev_scores, dev), "testPublic": calibration(shipped, scores, test)},
    }
    if (data / "imagenet-sample").is_dir():
        metrics["image"] = image_figures(bundle, data / "imagenet-sample", config["image"])
    result["metrics"] = metrics
    result["int8"] = {"testPublic": metrics["testPublic"]} | cost(shipped, test)
    reference = cache / "text-fp32.onnx"
    if reference.exists():
        twin = TextModel(bundle, config, reference)
        exact = twin.scores(test, what="fp32")
        gap = np.abs(scores - exact)
        result["fp32"] = {"testPublic": figures(twin, exact, test)} | cost(twin, test)
        result["int8"]["largestScoreDifferenceToFp32"] = float(gap.max())
        result["int8"]["meanFirstScoreDifferenceToFp32"] = float(gap[np.arange(len(gap)), exact.argmax(1)].mean())
    for stage in ("pretrain", "finetune", "calibrate"):
        log = cache / f"{stage}.json"
        if log.exists():
            result[stage] = json.loads(log.read_text(), parse_float=lambda digits: round(float(digits), 4))
    write_fixtures(shipped, fixtures)
    out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(json.dumps(result, indent=2), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of the data sets; default TAGSTREAM_DATA")
    parser.add_argument("--cache", default=os.environ.get("TAGSTREAM_CACHE", "~/.cache/tagstream/training"))
    parser.add_argument("--bundle", default=HERE.parent / "bundle")
    given = parser.parse_args()
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    data, cache = data_folder(given.data), Path(given.cache).expanduser()
    _, dev = split_dev(read_posts(data / "tweets" / "train.jsonl"), config["data"]["dev_fraction"], config["seed"])
    report(Path(given.bundle), cache, data, config, dev, HERE / "report.json", HERE / "tests" / "fixtures" / "inputs.json")


if __name__ == "__main__":
    main()
