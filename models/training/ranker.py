"""Trains the ranker on every post, each as models that have not seen it describe it, and calibrates its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

import lightgbm
import numpy as np

from candidates import FEATURES, Knowledge, Proposal, candidates
from inputs import Post
from measure import evaluate, stem


def nearest(vectors: np.ndarray, memory: np.ndarray, labels: Sequence[Sequence[int]], count: int) -> list[list[tuple[float, Sequence[int]]]]:
    """For each row of `vectors` the `count` most alike rows of `memory` with their labels, nearest first."""
    likeness = vectors @ memory.T
    found = np.argpartition(-likeness, min(count, len(memory) - 1), axis=1)[:, :count]
    return [
        [(float(row[i]), labels[i]) for i in sorted(near, key=lambda i: (-row[i], i))]
        for row, near in zip(likeness, found)
    ]


@dataclass
class Table:
    """The candidates of many posts, one under the other."""

    features: np.ndarray  # float32 [rows, FEATURES]
    hits: np.ndarray  # int8 [rows]: 1 where the candidate is one of the post's keyphrases
    phrases: list[list[str]]  # each post's candidates
    gold: list[Sequence[str]]

    @property
    def sizes(self) -> list[int]:
        return [len(group) for group in self.phrases]

    def of(self, posts: Sequence[int]) -> "Table":
        """The same for some of the posts."""
        ends = np.cumsum([0, *self.sizes])
        rows = np.concatenate([np.arange(ends[i], ends[i + 1]) for i in posts])
        return Table(self.features[rows], self.hits[rows], [self.phrases[i] for i in posts], [self.gold[i] for i in posts])


def join(tables: Sequence[Table]) -> Table:
    return Table(
        np.concatenate([t.features for t in tables]), np.concatenate([t.hits for t in tables]),
        [group for t in tables for group in t.phrases], [gold for t in tables for gold in t.gold],
    )  # fmt: skip


def tabulate(knowledge: Knowledge, proposals: Sequence[Proposal]) -> Table:
    chosen, rows, hits = [], [], []
    for proposal in proposals:
        found, features = candidates(knowledge, proposal)
        answers = {stem(k) for k in proposal.post.keyphrases}
        chosen.append([candidate.phrase for candidate in found])
        rows.append(features)
        hits.append(np.array([stem(candidate.phrase) in answers for candidate in found], np.int8))
    return Table(np.concatenate(rows), np.concatenate(hits), chosen, [p.post.keyphrases for p in proposals])


def train(table: Table, settings: Mapping, seed: int) -> list[lightgbm.Booster]:
    """Several rankers that differ in their random draws; the mean of their scores ranks better than each alone."""
    return [train_one(table, settings, seed + number) for number in range(settings["members"])]


def predict(boosters: Sequence[lightgbm.Booster], features: np.ndarray) -> np.ndarray:
    """The mean of the rankers' scores [rows]."""
    return np.mean([booster.predict(features) for booster in boosters], axis=0)


def train_one(table: Table, settings: Mapping, seed: int) -> lightgbm.Booster:
    data = lightgbm.Dataset(table.features, table.hits, group=table.sizes, feature_name=list(FEATURES), free_raw_data=False)
    parameters = {
        "objective": settings["objective"], "learning_rate": settings["rate"], "num_leaves": settings["leaves"],
        "min_data_in_leaf": settings["leaf_rows"], "feature_fraction": settings["feature_fraction"],
        "bagging_fraction": settings["bagging_fraction"], "bagging_freq": 1, "lambda_l2": settings["l2"],
        "lambdarank_truncation_level": 5, "num_threads": 2, "seed": seed, "deterministic": True, "verbose": -1,
    }  # fmt: skip
    return lightgbm.train(parameters, data, settings["trees"])


def ranked(table: Table, scores: np.ndarray, count: int = 5) -> list[list[tuple[str, float]]]:
    """Each post's best candidates with their scores; candidates of the same stems count once."""
    found, start = [], 0
    for group in table.phrases:
        own = scores[start : start + len(group)]
        start += len(group)
        best: dict[str, tuple[str, float]] = {}
        for i in np.argsort(-own, kind="stable"):
            best.setdefault(stem(group[i]), (group[i], float(own[i])))
            if len(best) == count:
                break
        found.append(list(best.values()))
    return found


def cross_validate(table: Table, settings: Mapping, fold: Sequence[int], seed: int) -> tuple[dict, np.ndarray]:
    """The figures over all posts, each ranked by a ranker that has not seen it, and those scores."""
    ends = np.cumsum([0, *table.sizes])
    scores = np.zeros(len(table.hits), np.float32)
    for part in sorted(set(fold)):
        mine = [i for i, f in enumerate(fold) if f != part]
        held = [i for i, f in enumerate(fold) if f == part]
        boosters = train(table.of(mine), settings, seed)
        rows = np.concatenate([np.arange(ends[i], ends[i + 1]) for i in held])
        scores[rows] = predict(boosters, table.features[rows])
    best = [[phrase for phrase, _ in group] for group in ranked(table, scores)]
    return evaluate(best, table.gold), scores


def platt(scores: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """a, b of sigmoid(a x + b), by Newton's method (Platt, 1999, without his smoothing of the targets)."""
    features = np.stack([scores, np.ones_like(scores)], 1).astype(np.float64)
    weights = np.array([1.0, 0.0])
    for _ in range(100):
        p = 1 / (1 + np.exp(-features @ weights))
        curvature = features.T @ (features * (p * (1 - p))[:, None]) + 1e-6 * np.eye(2)
        weights += np.linalg.solve(curvature, features.T @ (hits - p))
    return float(weights[0]), float(weights[1])
