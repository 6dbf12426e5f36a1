"""Flickr8k's photos and captions, and what the shipped models make of them.

    regions    float16 [photos, views, 49, 1280] by image.onnx. The first view is the photo as the agent sees it; of
               photos to train on also its mirror image and two random parts
    states     float16 [texts, tokens, width]: keys and values of text.onnx, one behind the other
    mask       bool [texts, tokens]
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from tqdm import tqdm

from inputs import Post, assemble, pad
from measure import stem

VIEWS = 4


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that spin while they wait would take the cores from whatever else trains.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Pairs:
    """Photos with captions, and whether they belong together."""

    photos: Sequence[Path]
    captions: Sequence[str]
    rows: Sequence[tuple[int, int, bool]]  # photo, caption, match

    def own(self) -> dict[int, list[int]]:
        """The captions of each photo."""
        found: dict[int, list[int]] = {}
        for photo, caption, match in self.rows:
            if match:
                found.setdefault(photo, []).append(caption)
        return found


def read_pairs(data: Path, name: str) -> Pairs:
    lines = [line.split("\t") for line in (data / "flickr8k-itm" / name).read_text("utf-8").splitlines()]
    photos, captions = (sorted({line[column] for line in lines}) for column in (0, 1))
    photo, caption = ({value: i for i, value in enumerate(values)} for values in (photos, captions))
    rows = [(photo[a], caption[b], kind == "match") for a, b, kind in lines]
    return Pairs([data / "flickr8k-itm" / "images" / p for p in photos], captions, rows)


def as_served(photo: Image.Image, resize: int, size: int) -> Image.Image:
    """The photo as the agent decodes it: the shorter side to `resize` (bicubic), the centre cut out."""
    scale = resize / min(photo.size)
    wide = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BICUBIC)
    # sharp cuts out a square first, and rounds half a pixel up.
    left, top = ((side - resize + 1) // 2 + (resize - size) // 2 for side in wide.size)
    return wide.crop((left, top, left + size, top + size))


def random_part(photo: Image.Image, size: int, chance: random.Random) -> Image.Image:
    """Half of the photo's area or more, of another shape, mirrored half of the time."""
    width, height = photo.size
    area, shape = chance.uniform(0.5, 0.95) * width * height, 2 ** chance.uniform(-0.36, 0.36)
    part = min(width, round((area * shape) ** 0.5)), min(height, round((area / shape) ** 0.5))
    left, top = (chance.randint(0, whole - side) for whole, side in zip(photo.size, part))
    found = photo.crop((left, top, left + part[0], top + part[1])).resize((size, size), Image.Resampling.BICUBIC)
    return ImageOps.mirror(found) if chance.random() < 0.5 else found


def look(model: onnxruntime.InferenceSession, photos: Sequence[Path], settings: Mapping, views: int, seed: int) -> np.ndarray:
    """The regions of photos, [photos, views, 49, 1280]."""
    chance, found = random.Random(seed), []
    for start in tqdm(range(0, len(photos), 16), desc="photos", disable=None):
        group = [Image.open(file).convert("RGB") for file in photos[start : start + 16]]
        served = [as_served(photo, settings["resize"], settings["size"]) for photo in group]
        seen = [served, [ImageOps.mirror(photo) for photo in served]] if views > 1 else [served]
        seen += [[random_part(photo, settings["size"], chance) for photo in group] for _ in range(views - 2)]
        of_views = [model.run(["regions"], {"pixels": np.stack([np.asarray(p, np.uint8) for p in view])})[0] for view in seen]
        found.append(np.stack(of_views, 1).astype(np.float16))
    return np.concatenate(found)


def read(model: onnxruntime.InferenceSession, tokenizer, limits: Mapping[str, int], texts: Sequence[str], most: int) -> tuple[np.ndarray, np.ndarray]:
    """States and mask of texts, of their first `most` tokens."""
    first = model.run(["keys"], pad([assemble(tokenizer, Post("a"), limits)]))[0]
    states = np.zeros((len(texts), most, 2 * first.shape[-1]), np.float16)
    mask = np.zeros((len(texts), most), bool)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in tqdm(range(0, len(order), 16), desc="texts", disable=None):
        part = order[start : start + 16]
        batch = pad([assemble(tokenizer, Post(texts[i]), limits) for i in part])
        keys, values = model.run(["keys", "values"], batch)
        keep = batch["attention_mask"][:, :most].astype(bool)
        rows = np.concatenate([keys, values], -1)[:, :most] * keep[..., None]
        states[part, : rows.shape[1]], mask[part, : keep.shape[1]] = rows, keep
    return states, mask


WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")


def nouns_in(caption: str, nouns: Mapping[str, int]) -> list[tuple[int, tuple[int, int]]]:
    """The nouns of a caption, by their stems, each with its place in the caption."""
    found = ((nouns.get(stem(m.group())), m.span()) for m in WORD.finditer(caption.lower()))
    return [(noun, span) for noun, span in found if noun is not None]


def without(caption: str, noun: int, nouns: Mapping[str, int]) -> str:
    """The caption without the noun, wherever it stands."""
    for found, (start, end) in reversed(nouns_in(caption, nouns)):
        if found == noun:
            caption = caption[:start] + caption[end:]
    return " ".join(caption.split())


def read_nouns() -> list[str]:
    """What photos show, in words people use; chosen by hand among the captions' frequent words."""
    return (Path(__file__).resolve().parent / "nouns.txt").read_text("utf-8").split("\n")[:-1]


def by_stem(words: Iterable[str]) -> dict[str, int]:
    return {stem(word): number for number, word in enumerate(words)}
