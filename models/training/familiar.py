"""Whether a photo is like those that the half that sees has learned from: of others it should not claim to know anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2


@dataclass(frozen=True)
class Familiar:
    """A photo's mean region, standardised and of length 1, is as familiar as its nearest centre is like it."""

    mean: np.ndarray  # [features]
    std: np.ndarray
    centres: np.ndarray  # [centres, features], of length 1
    least: float = 0.0  # likeness from which on a photo is familiar at all
    usual: float = 1.0  # and from which on entirely

    def likeness(self, regions: np.ndarray) -> np.ndarray:
        """float [photos, regions, features] → the cosine to the nearest centre, [photos]."""
        return (self.standard(regions.astype(np.float32).mean(1)) @ self.centres.T).max(1)

    def standard(self, pooled: np.ndarray) -> np.ndarray:
        return unit((pooled - self.mean) / self.std)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def learn(learnt: np.ndarray, held: np.ndarray, count: int, seed: int) -> Familiar:
    """From the regions of photos that were learned from, and of others like them, which set the two bounds.

    The least familiar of the others is not familiar at all, and 19 of 20 are entirely.
    """
    pooled = np.concatenate([part.astype(np.float32).mean(1) for part in np.array_split(learnt, max(1, len(learnt) // 256))])
    mean, std = pooled.mean(0), pooled.std(0) + 1e-3
    rows = unit((pooled - mean) / std)
    centres, _ = kmeans2(rows, count, minit="points", seed=seed)
    known = Familiar(mean, std, unit(centres))
    likeness = np.sort(known.likeness(held))
    least, usual = float(likeness[0]), float(likeness[len(likeness) // 20])
    return Familiar(mean, std, known.centres, least, max(usual, least + 1e-3))
