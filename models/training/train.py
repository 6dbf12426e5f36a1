"""From data to bundle: pretrain → finetune → calibrate → export → image → report → manifest.

    python models/training/train.py --data DIR            everything
    python models/training/train.py --data DIR --stage export --stage manifest
    python models/training/train.py --smoke               a tiny synthetic run, no pretrained weights

A stage whose result lies in the cache folder is not run again (`--fresh` starts over);
pretrain and finetune resume after their last finished epoch.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Sequence

import numpy as np
import torch
import yaml
from tokenizers import Tokenizer
from torch.nn import functional as F
from tqdm import tqdm

import encoder as model
from data import data_folder, drop_modalities, hashtag_posts, read_labels, read_posts, split_dev
from inputs import Post, assemble, pad
from measure import evaluate

HERE = Path(__file__).resolve().parent
STAGES = ("pretrain", "finetune", "calibrate", "export", "image", "report", "manifest")


def load_config(smoke: bool) -> dict:
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    for section, values in config.pop("smoke").items():
        if smoke:
            config[section] |= values
    return config


class Run:
    """What the stages share: configuration, folders, posts, labels, the untrained model."""

    def __init__(self, config: dict, data: Path, cache: Path, bundle: Path):
        self.config, self.data, self.cache, self.bundle = config, data, cache, bundle
        cache.mkdir(parents=True, exist_ok=True)
        bundle.mkdir(parents=True, exist_ok=True)
        self.labels = read_labels(data)
        self.index = {label: i for i, label in enumerate(self.labels)}
        train = read_posts(data / "tweets" / "train.jsonl")
        self.train, self.dev = split_dev(train, config["data"]["dev_fraction"], config["seed"])
        self.train += read_posts(data / "tweets" / "train-extra.jsonl")

    def pretraining_posts(self) -> list[Post]:
        return hashtag_posts(self.data, self.labels, self.config["data"]["hashtags_per_label"], self.config["seed"])

    def untrained(self) -> tuple[model.Tagger, Tokenizer]:
        """The starting point: label weights are the encoder's own vectors of the labels' words."""
        torch.manual_seed(self.config["seed"])
        settings = self.config["encoder"]
        if settings["pretrained"]:
            encoder, tokenizer_json = model.pretrained(settings["dropout"])
        else:
            from synthetic import tiny_tokenizer

            tokenizer_json = tiny_tokenizer(post.text for post in self.train)
            shape = {name: settings[name] for name in ("hidden", "layers", "heads", "inner", "positions", "dropout")}
            encoder = model.Encoder(vocabulary=Tokenizer.from_str(tokenizer_json).get_vocab_size(), **shape)
        tokenizer = Tokenizer.from_str(tokenizer_json)
        (self.cache / "tokenizer.json").write_text(tokenizer_json, "utf-8")
        encoder.eval()
        with torch.inference_mode():
            groups = [self.labels[i : i + 128] for i in range(0, len(self.labels), 128)]
            vectors = [encoder(**self.batch(tokenizer, [Post(label) for label in group])) for group in groups]
        counts = Counter(k for post in self.train for k in post.keyphrases)
        counted = torch.tensor([counts[label] for label in self.labels])
        return model.Tagger(encoder, torch.cat(vectors).clone(), counted, settings["label_scale"]), tokenizer

    def batch(self, tokenizer: Tokenizer, posts: Sequence[Post]) -> dict[str, torch.Tensor]:
        limits = self.config["inputs"]
        rows = [assemble(tokenizer, post, limits["max_tokens"], limits["max_text_tokens"]) for post in posts]
        return {name: torch.from_numpy(array) for name, array in pad(rows).items()}


def shuffled_batches(posts: Sequence[Post], size: int, chance: random.Random) -> list[list[Post]]:
    """Batches of posts of similar length, so that little is computed on padding."""
    posts = list(posts)
    chance.shuffle(posts)
    pools = [posts[i : i + size * 32] for i in range(0, len(posts), size * 32)]
    batches = []
    for pool in pools:
        pool.sort(key=lambda p: len(p.text) + sum(map(len, (*p.entities, *p.attributes))) + len(p.ocr))
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    chance.shuffle(batches)
    return batches


def gold_loss(logits: torch.Tensor, posts: Sequence[Post], index: dict[str, int]) -> torch.Tensor:
    """Cross entropy against a target spread evenly over each post's gold labels."""
    logp = F.log_softmax(logits, -1)
    gold = [[index[k] for k in post.keyphrases if k in index] for post in posts]
    return -torch.stack([logp[i, g].mean() for i, g in enumerate(gold) if g]).mean()


@torch.inference_mode()
def scores(run: Run, tagger: model.Tagger, tokenizer: Tokenizer, posts: Sequence[Post]) -> np.ndarray:
    """Log-probabilities float32 [posts, labels]."""
    tagger.eval()
    chunks = [posts[i : i + 32] for i in range(0, len(posts), 32)]
    return np.concatenate([F.log_softmax(tagger(**run.batch(tokenizer, c)), -1).numpy() for c in chunks])


def best_five(rows: np.ndarray, labels: Sequence[str]) -> list[list[str]]:
    return [[labels[i] for i in np.argsort(-row, kind="stable")[:5]] for row in rows]


def fit(run: Run, stage: str, start: Path | None, posts: Sequence[Post]) -> None:
    """Trains from `start` (or the untrained model); keeps the epoch with the best dev MAP@5."""
    settings, seed = run.config[stage], run.config["seed"]
    resume, best_file = run.cache / f"{stage}.resume.pt", run.cache / f"{stage}.pt"
    tagger, tokenizer = run.untrained()
    if start:
        tagger.load_state_dict(torch.load(start)["model"])
    posts = [post for post in posts if any(k in run.index for k in post.keyphrases)]
    head = [tagger.labels, tagger.bias, tagger.log_scale]
    body = [p for p in tagger.encoder.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": settings["lr"]}, {"params": head, "lr": settings["head_lr"]}],
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    steps = settings["epochs"] * math.ceil(len(posts) / settings["batch"])
    warm = max(1, round(steps * settings["warmup"]))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / max(1, steps - warm)))
    )
    first, best, log = 0, -1.0, []
    if resume.exists():
        state = torch.load(resume)
        tagger.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        first, best, log = state["epochs"], state["best"], state["log"]
    for epoch in range(first, settings["epochs"]):
        chance = random.Random(f"{seed}/{stage}/{epoch}")
        torch.manual_seed(seed + 1000 * epoch + len(stage))
        began, losses = time.monotonic(), []
        tagger.train()
        batches = shuffled_batches(posts, settings["batch"], chance)
        for group in tqdm(batches, desc=f"{stage} {epoch + 1}/{settings['epochs']}", disable=None):
            group = [drop_modalities(post, run.config["modality_dropout"], chance) for post in group]
            loss = gold_loss(tagger(**run.batch(tokenizer, group)), group, run.index)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        figures = evaluate(best_five(scores(run, tagger, tokenizer, run.dev), run.labels), [p.keyphrases for p in run.dev])
        seconds = time.monotonic() - began
        log.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "seconds": round(seconds), **figures})
        print(stage, json.dumps(log[-1]), flush=True)
        if figures["MAP@5"] > best:
            best = figures["MAP@5"]
            torch.save({"model": tagger.state_dict(), "log": log}, best_file)
        torch.save(
            {"model": tagger.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(),
             "epochs": epoch + 1, "best": best, "log": log}, resume,
        )  # fmt: skip
    (run.cache / f"{stage}.json").write_text(json.dumps({"posts": len(posts), "epochs": log}, indent=2))
    resume.unlink(missing_ok=True)


def calibrate(run: Run) -> None:
    """Platt's sigmoid(a x + b) over the dev posts' first five log-probabilities, by Newton's method."""
    tagger, tokenizer = run.untrained()
    tagger.load_state_dict(torch.load(run.cache / "finetune.pt")["model"])
    rows = scores(run, tagger, tokenizer, run.dev)
    x, y = [], []
    for row, post in zip(rows, run.dev):
        for i in np.argsort(-row, kind="stable")[:5]:
            x.append(float(row[i]))
            y.append(float(run.labels[i] in post.keyphrases))
    points, hits = np.array(x), np.array(y)
    features = np.stack([points, np.ones_like(points)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-features @ weights))
        curvature = features.T @ (features * (p * (1 - p))[:, None]) + 1e-6 * np.eye(2)
        weights += np.linalg.solve(curvature, features.T @ (hits - p))
    p = 1 / (1 + np.exp(-features @ weights))
    bins = np.clip((p * 10).astype(int), 0, 9)
    gap = sum(abs(p[bins == b].sum() - hits[bins == b].sum()) for b in range(10)) / len(p)
    result = {"a": float(weights[0]), "b": float(weights[1]), "pairs": len(p), "dev_ece_10_bins": float(gap)}
    (run.cache / "calibrate.json").write_text(json.dumps(result, indent=2))
    print("calibrate", result, flush=True)


def run_stage(run: Run, stage: str, smoke: bool) -> None:
    if stage == "pretrain":
        fit(run, stage, None, run.pretraining_posts())
    elif stage == "finetune":
        before = run.cache / "pretrain.pt"
        fit(run, stage, before if before.exists() else None, run.train)
    elif stage == "calibrate":
        calibrate(run)
    elif stage == "export":
        from export_text import export

        tagger, _ = run.untrained()
        tagger.load_state_dict(torch.load(run.cache / "finetune.pt")["model"])
        export(tagger, json.loads((run.cache / "calibrate.json").read_text()), run.config, run.cache, run.bundle)
        (run.bundle / "labels.txt").write_text("\n".join(run.labels) + "\n", "utf-8")
        (run.bundle / "tokenizer.json").write_text((run.cache / "tokenizer.json").read_text("utf-8"), "utf-8")
    elif stage == "image":
        from export_image import export, published, random_weights

        export(random_weights() if smoke else published(), run.config, run.bundle)
    elif stage == "manifest":
        from manifest import write

        write(run.bundle, run.config, (run.cache if smoke else HERE) / "report.json")
    elif stage == "report":
        from report import report

        out, fixtures = (run.cache, run.cache) if smoke else (HERE, HERE / "tests" / "fixtures")
        report(run.bundle, run.cache, run.data, run.config, run.dev, out / "report.json", fixtures / "inputs.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of the data sets; default TAGSTREAM_DATA")
    parser.add_argument("--cache", default=os.environ.get("TAGSTREAM_CACHE", "~/.cache/tagstream/training"))
    parser.add_argument("--bundle", help="where the bundle goes; default models/bundle")
    parser.add_argument("--stage", action="append", choices=STAGES, help="run these only; default all")
    parser.add_argument("--fresh", action="store_true", help="train again although the cache holds the result")
    parser.add_argument("--epochs", type=int, help="fine-tuning epochs, instead of config.yaml's")
    parser.add_argument("--no-pretrain", action="store_true", help="leave the hashtag posts out")
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data, random encoder, under a minute")
    given = parser.parse_args()
    config = load_config(given.smoke)
    if given.epochs:
        config["finetune"]["epochs"] = given.epochs
    cache = Path(given.cache).expanduser()
    bundle = Path(given.bundle) if given.bundle else HERE.parent / "bundle"
    if given.smoke:
        from synthetic import write_data

        cache = cache / "smoke"
        bundle = Path(given.bundle) if given.bundle else cache / "bundle"
        data = write_data(cache / "data", config["seed"])
    else:
        data = data_folder(given.data)
    run = Run(config, data, cache, bundle)
    for stage in given.stage or STAGES:
        done = cache / f"{stage}.json" if stage in ("pretrain", "finetune") else None
        if given.fresh and done:
            for old in cache.glob(f"{stage}*"):
                old.unlink()
        if (stage == "pretrain" and given.no_pretrain) or (done and done.exists()):
            print(f"{stage}: skipped", flush=True)
            continue
        run_stage(run, stage, given.smoke)


if __name__ == "__main__":
    main()
