"""Trains the encoder and its classifier: `adapt` on hashtag posts, then `finetune` on the labelled ones."""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from pathlib import Path
from typing import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

import encoder as model
from data import drop_modalities, known_labels
from inputs import Post, assemble, pad
from optimise import descend, warm_up_and_decay


class Batcher:
    """Posts to tensors, with one tokenizer and the segments' limits."""

    def __init__(self, tokenizer: Tokenizer, limits: dict[str, int]):
        self.tokenizer, self.limits = tokenizer, limits

    def __call__(self, posts: Sequence[Post]) -> dict[str, Tensor]:
        rows = [assemble(self.tokenizer, post, self.limits) for post in posts]
        return {name: torch.from_numpy(array) for name, array in pad(rows).items()}


def like_length(posts: Sequence[Post], size: int, chance: random.Random) -> list[list[Post]]:
    """Shuffled batches of posts of similar length, so that little is computed on padding."""
    posts = list(posts)
    chance.shuffle(posts)
    pools = [posts[i : i + size * 32] for i in range(0, len(posts), size * 32)]
    batches = []
    for pool in pools:
        pool.sort(key=lambda post: sum(map(len, post.segments())))
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    chance.shuffle(batches)
    return batches


@torch.inference_mode()
def encode_words(tagger_encoder: model.Encoder, batcher: Batcher, phrases: Sequence[str]) -> Tensor:
    """The encoder's vectors [phrases, hidden] of short texts."""
    tagger_encoder.eval()
    groups = [phrases[i : i + 128] for i in range(0, len(phrases), 128)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return torch.cat([tagger_encoder(**batcher([Post(phrase) for phrase in group]))[0] for group in groups])


def losses(tagger: model.Tagger, batcher: Batcher, posts: Sequence[Post], index: dict[str, int], contrast: float, chance: random.Random) -> Tensor:
    """The classifier's loss, and `contrast` times that of telling each post's tag from the others' tags.

    The classifier's target is spread evenly over a post's labels; posts without any are left out of it.
    A tag that another post of the batch has as well is no wrong answer for it.
    """
    vectors, _ = tagger.encoder(**batcher(posts))
    gold = [known_labels(post, index) for post in posts]
    known = [i for i, g in enumerate(gold) if g]
    total = vectors.new_zeros(())
    if known:
        logp = F.log_softmax(tagger.classify(vectors[known]).float(), -1)
        total = total - torch.stack([logp[row, gold[i]].mean() for row, i in enumerate(known)]).sum() / len(posts)
    if contrast:
        tags = [chance.choice(post.keyphrases) for post in posts]
        tag_vectors, _ = tagger.encoder(**batcher([Post(tag) for tag in tags]))
        likeness = tagger.log_scale.exp() * vectors.float() @ tag_vectors.float().T
        shared = torch.tensor([[i != j and tag in post.keyphrases for j, tag in enumerate(tags)] for i, post in enumerate(posts)])
        likeness = likeness.masked_fill(shared, -1e4)
        own = torch.arange(len(posts))
        total = total + contrast * (F.cross_entropy(likeness, own) + F.cross_entropy(likeness.T, own)) / 2
    return total


@torch.inference_mode()
def log_probabilities(tagger: model.Tagger, batcher: Batcher, posts: Sequence[Post]) -> tuple[np.ndarray, np.ndarray]:
    """Posts' vectors float32 [posts, hidden] and the labels' log-probabilities [posts, labels]."""
    tagger.eval()
    order = sorted(range(len(posts)), key=lambda i: sum(map(len, posts[i].segments())))
    vectors = torch.zeros(len(posts), tagger.anchors.shape[1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), 32):
            part = order[start : start + 32]
            vectors[part] = tagger.encoder(**batcher([posts[i] for i in part]))[0].float()
    return vectors.numpy(), F.log_softmax(tagger.classify(vectors), -1).numpy()


def fit(tagger: model.Tagger, batcher: Batcher, posts: Sequence[Post], index: dict[str, int], settings: dict, dropout: dict, name: str, seed: int, resume: Path, watch=None) -> None:
    """Trains `tagger` in place; resumes from `resume` after its last whole epoch.

    `watch(tagger)` returns figures to print after each epoch.
    """
    tagger.encoder.words.weight.requires_grad_(settings["words"])
    head = [tagger.bias, tagger.log_scale]
    optimiser = torch.optim.AdamW(
        [{"params": list(tagger.encoder.parameters()), "lr": settings["lr"], "weight_decay": 0.01},
         {"params": [tagger.differences], "lr": settings["head_lr"], "weight_decay": settings["decay"]},
         {"params": head, "lr": settings["head_lr"], "weight_decay": 0.0}],
        fused=True,
    )  # fmt: skip
    steps = settings["epochs"] * math.ceil(len(posts) / settings["batch"])
    warm = max(1, round(steps * settings["warmup"]))
    schedule = warm_up_and_decay(optimiser, steps, warm)
    first = 0
    if resume.exists():
        state = torch.load(resume)
        tagger.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        first = state["epochs"]
    for epoch in range(first, settings["epochs"]):
        chance = random.Random(f"{seed}/{name}/{epoch}")
        torch.manual_seed(chance.randrange(2**31))
        began, seen = time.monotonic(), []
        tagger.train()
        batches = like_length(posts, settings["batch"], chance)
        for group in tqdm(batches, desc=f"{name} {epoch + 1}/{settings['epochs']}", disable=None):
            group = [drop_modalities(post, dropout, chance) for post in group]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = losses(tagger, batcher, group, index, settings["contrast"], chance)
            seen.append(descend(loss, tagger, optimiser, schedule))
        log = {"epoch": epoch + 1, "loss": round(float(np.mean(seen)), 4), "seconds": round(time.monotonic() - began)}
        print(name, json.dumps(log | (watch(tagger) if watch else {})), flush=True)
        torch.save({"model": tagger.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(), "epochs": epoch + 1}, resume)


def label_counts(posts: Sequence[Post], labels: Sequence[str]) -> Tensor:
    counts = Counter(k for post in posts for k in post.keyphrases)
    return torch.tensor([counts[label] for label in labels])


@torch.inference_mode()
def token_states(tagger: model.Tagger, batcher: Batcher, posts: Sequence[Post]) -> list[tuple[np.ndarray, list[int]]]:
    """For each post the encoder's states float16 [tokens, hidden] and its token ids."""
    tagger.eval()
    found: list = [None] * len(posts)
    order = sorted(range(len(posts)), key=lambda i: sum(map(len, posts[i].segments())))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), 64):
            part = order[start : start + 64]
            batch = batcher([posts[i] for i in part])
            states = tagger.encoder(**batch)[1].to(torch.float16).numpy()
            for row, i in enumerate(part):
                size = int(batch["attention_mask"][row].sum())
                found[i] = (states[row, :size].copy(), batch["input_ids"][row, :size].tolist())
    return found
