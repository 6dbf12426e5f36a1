"""Trains the half that sees: on Flickr8k's photos, and on the benchmark's posts with stand-ins for their photos.

The words' half stays as it is. Its token states are read once and kept, so that this takes minutes.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from fusion import REGIONS, SHARPNESS, Fusion, Part
from optimise import descend, warm_up_and_decay
from ranker import platt


@dataclass
class Photos:
    """Photos with what is said of them; rows of `states`."""

    regions: np.ndarray  # [photos, views, 49, 1280]
    own: Mapping[int, Sequence[int]]  # the captions of each photo
    states: np.ndarray  # [captions, tokens, width]
    mask: np.ndarray  # bool [captions, tokens]
    nouns: Sequence[Sequence[int]]  # of each photo, from all its captions
    lacking: Mapping[int, Sequence[tuple[int, int]]]  # of each photo: (row of `lacking_states`, the noun that was taken out)
    lacking_states: np.ndarray  # [lacking captions, tokens, width]
    lacking_mask: np.ndarray  # bool [lacking captions, tokens]


@dataclass
class Posts:
    """The benchmark's posts, for which words stand in for the photo."""

    states: np.ndarray  # [posts, tokens, width]
    mask: np.ndarray  # bool [posts, tokens]
    words: Sequence[np.ndarray]  # of each post its entities and attributes, states [words, width]
    match: np.ndarray  # [posts], as published


def tensors(states: np.ndarray, mask: np.ndarray, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Some rows, cut to the longest of them."""
    keep = mask[rows]
    longest = max(1, int(keep.sum(1).max()))
    return torch.from_numpy(states[rows, :longest]).float(), torch.from_numpy(keep[:, :longest])


def distinct_batches(own: Mapping[int, Sequence[int]], size: int, chance: random.Random) -> list[list[tuple[int, int]]]:
    """Each photo with each of its captions; no photo twice in a batch."""
    rounds = max(map(len, own.values()))
    batches = []
    for turn in range(rounds):
        pairs = [(photo, captions[turn]) for photo, captions in own.items() if turn < len(captions)]
        chance.shuffle(pairs)
        batches += [pairs[i : i + size] for i in range(0, len(pairs), size) if len(pairs) - i >= size // 2]
    return batches


class Trainer:
    def __init__(self, model: Fusion, photos: Photos, posts: Posts, noun_vectors: Tensor, label_vectors: Tensor, settings: Mapping, seed: int):
        self.model, self.photos, self.posts, self.settings = model, photos, posts, settings
        self.noun_vectors = F.normalize(noun_vectors, dim=-1)
        # A label that says nearly the same as a noun is no wrong answer for it.
        near = (F.normalize(label_vectors, dim=-1) @ self.noun_vectors.T).amax(1)
        self.others = F.normalize(label_vectors[near < settings["near"]], dim=-1)
        self.scale = nn.Parameter(torch.tensor(settings["noun_scale"]))
        self.chance = random.Random(f"{seed}/see")
        torch.manual_seed(seed)

    def some_regions(self, photos: Sequence[int]) -> Tensor:
        """A random view of each photo and some of its regions, [photos, regions, features]."""
        keep = sorted(self.chance.sample(range(REGIONS), self.settings["regions"]))
        view = [self.chance.randrange(self.photos.regions.shape[1]) for _ in photos]
        return torch.from_numpy(self.photos.regions[photos, view][:, keep]).float()

    def on_photos(self, pairs: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """The loss of a batch of photos and captions; what sets a region apart from the token nearest to it [_, shared]."""
        model, numbers = self.model, [photo for photo, _ in pairs]
        photos = model.photos(self.some_regions(numbers))
        states, mask = tensors(self.photos.states, self.photos.mask, [caption for _, caption in pairs])
        texts = model.texts(states, mask)
        logits = model.logits(photos, texts, mask)
        own = torch.arange(len(pairs))
        contrast = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        # A stranger in two: as in the pairs that are to be told apart later.
        strangers = logits[own, own.roll(1)]
        matching = F.softplus(-logits.diagonal()).mean() + F.softplus(strangers).mean()
        near = torch.einsum("prs,pts->prt", photos.pieces, texts.pieces).argmax(2)
        residual = (photos.pieces - texts.pieces.gather(1, near[..., None].expand(-1, -1, texts.pieces.shape[-1]))).detach()
        return contrast + 0.5 * matching + self.on_nouns(numbers, photos), residual.flatten(0, 1)

    def on_nouns(self, numbers: Sequence[int], photos: Part) -> Tensor:
        """The noun that a caption lacks is to be seen, and its regions are to be weighed."""
        chosen = [self.chance.choice(self.photos.lacking[n]) if self.photos.lacking.get(n) else None for n in numbers]
        rows = [i for i, one in enumerate(chosen) if one is not None]
        states, mask = tensors(self.photos.lacking_states, self.photos.lacking_mask, [chosen[i][0] for i in rows])
        sight = self.model(photos[rows], self.model.texts(states, mask), mask, self.settings["region_filter"])
        others = self.others[torch.randperm(len(self.others))[: self.settings["others"]]]
        logp = F.log_softmax(self.scale * sight.vector @ torch.cat([self.noun_vectors, others]).T, -1)
        target = torch.zeros(len(rows), len(self.noun_vectors))
        for at, i in enumerate(rows):
            target[at, list(self.photos.nouns[numbers[i]])] = 1
            target[at, chosen[i][1]] = self.settings["lacking"]
        loss = -(target / target.sum(1, keepdim=True) * logp[:, : len(self.noun_vectors)]).sum(1).mean()
        # The paper's refinement: regions weighed by the words as they would be by the true keyphrases.
        with torch.no_grad():
            alone = self.model.value(photos.pieces[rows])
            seen = F.normalize(self.model.mixed(F.gelu(alone)) + alone, dim=-1)
            true = torch.einsum("prh,nh->prn", seen, self.noun_vectors).masked_fill(target[:, None] == 0, -1).amax(2)
            true = (SHARPNESS * true).softmax(-1)
        apart = F.kl_div((SHARPNESS * sight.correlation).log_softmax(-1), true, reduction="batchmean")
        return self.settings["noun"] * loss + self.settings["refine"] * apart

    def stand_ins(self, posts: Sequence[int], residual: Tensor) -> Tensor:
        """Regions of shared width [posts, regions, shared] that are words, as far from them as real regions are."""
        count = self.settings["regions"]
        found = []
        for post in posts:
            words = torch.from_numpy(self.posts.words[post]).float()[:, None]
            named = self.model.texts(words, torch.ones(words.shape[:2], dtype=torch.bool)).pieces
            found.append(named[torch.randint(len(named), (count,)), 0])
        noise = residual[torch.randint(len(residual), (len(posts), count))]
        return F.normalize(torch.stack(found) + noise, dim=-1)

    def on_posts(self, posts: Sequence[int], residual: Tensor) -> Tensor:
        """The published matching score of posts with their stand-ins, and none with those of another post."""
        regions = self.stand_ins(posts, residual)
        states, mask = tensors(self.posts.states, self.posts.mask, posts)
        texts = self.model.texts(states, mask)
        # Words stand in for regions, not for the photo as a whole: it is as like the text as its regions are on average.
        like = torch.einsum("prs,qs->pqr", regions, F.normalize((texts.pieces * texts.worth[..., None]).sum(1), dim=-1)).mean(2)
        worth = torch.full(regions.shape[:2], 1 / regions.shape[1])
        # Not of length 1, other than a photo's: its product with the text's is the likeness itself.
        whole = lambda likeness: likeness[:, None] * texts.whole
        count = torch.arange(len(posts))
        own = self.model(Part(regions, worth, whole(like.diagonal())), texts, mask).logit
        strange = self.model(Part(regions.roll(1, 0), worth, whole(like.roll(1, 0)[count, count])), texts, mask).logit
        target = torch.from_numpy(self.posts.match[posts]).float()
        return F.binary_cross_entropy_with_logits(own, target) + F.softplus(strange).mean()

    def fit(self, photos: Sequence[int], watch: Callable[[nn.Module], dict[str, float]]) -> nn.Module:
        """Trains on some of the photos; returns the running average of the weights. `watch(model)` returns figures to print."""
        settings, own = self.settings, {n: self.photos.own[n] for n in photos}
        groups = [{"params": self.model.parameters(), "weight_decay": settings["weight_decay"]}, {"params": [self.scale], "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=settings["lr"])
        steps = settings["epochs"] * len(distinct_batches(own, settings["batch"], random.Random(0)))
        schedule = warm_up_and_decay(optimiser, steps, max(1, steps // 10))
        average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(settings["average"]))
        for epoch in range(settings["epochs"]):
            began, seen = time.monotonic(), []
            self.model.train()
            order = self.chance.sample(range(len(self.posts.match)), len(self.posts.match))
            for number, pairs in enumerate(tqdm(distinct_batches(own, settings["batch"], self.chance), desc=f"see {epoch + 1}/{settings['epochs']}", disable=None)):
                loss, residual = self.on_photos(pairs)
                turn = [order[(number * settings["posts"] + i) % len(order)] for i in range(settings["posts"])]
                loss = loss + settings["post"] * self.on_posts(turn, residual)
                seen.append(descend(loss, self.model, optimiser, schedule))
                average.update_parameters(self.model)
            log = {"epoch": epoch + 1, "loss": round(float(np.mean(seen)), 4), "seconds": round(time.monotonic() - began)}
            print("see", json.dumps(log | watch(average.module)), flush=True)
        return average.module


@torch.inference_mode()
def sights(model: Fusion, regions: np.ndarray, states: np.ndarray, mask: np.ndarray, rows: Sequence[tuple[int, int]], region_filter: float) -> dict[str, np.ndarray]:
    """Photos [photos, 49, 1280] and texts, paired by `rows`: match and its logit, weights and vectors, a row each."""
    model.eval()
    found: dict[str, list] = {"match": [], "logit": [], "weights": [], "vector": []}
    for start in range(0, len(rows), 64):
        photos, texts = zip(*rows[start : start + 64])
        read, keep = tensors(states, mask, list(texts))
        seen = model.photos(torch.from_numpy(np.asarray(regions[list(photos)])).float())
        sight = model(seen, model.texts(read, keep), keep, region_filter)
        for name, values in found.items():
            values.append(getattr(sight, name).numpy())
    return {name: np.concatenate(values) for name, values in found.items()}


def calibrate(model: Fusion, logits: np.ndarray, hits: np.ndarray) -> None:
    """Changes the model so that its matching score is the chance of a hit among as many misses (Platt scaling)."""
    a, b = platt(logits, hits)
    with torch.no_grad():
        model.match_bias.mul_(a).add_(b)
        model.match_scale.mul_(a)


def auc(scores: np.ndarray, hits: np.ndarray) -> float:
    """The area under the ROC curve: the chance that a hit scores above a miss."""
    order = scores.argsort(kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    positives = int(hits.sum())
    return float((ranks[hits].sum() - positives * (positives + 1) / 2) / (positives * (len(hits) - positives)))
