"""What the stages of the training share: configuration, folders, posts, labels and models."""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Sequence

import numpy as np
import onnxruntime
import torch
import yaml
from tokenizers import Tokenizer

import encoder as model
import photos as flickr
import tagger as training
from candidates import FIELDS, Associations, Phrasebook, associate
from data import cached_posts, folds, hashtag_posts, posted_at, read_labels, read_posts
from inputs import Post
from measure import evaluate
from normalise import Normaliser, load_words

HERE = Path(__file__).resolve().parent
ALL = "all"  # the part that leaves nothing out: what is shipped


def load_config(*variants: str) -> dict:
    """The configuration with the sections of `variants` laid over it."""
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    overlays = {**config.pop("ablations"), **{name: config.pop(name) for name in ("early", "smoke")}}
    for name in variants:
        for section, values in overlays[name].items():
            config[section] |= values
    return config


def parts_of(config: dict) -> list[str]:
    """What the stages by parts train: a number for each fold, and "all"."""
    return [*map(str, range(config["data"]["folds"])), ALL]


class Run:
    """What the stages share: configuration, folders, posts, labels and models.

    `parts` names what is trained: a number for each fold, trained on the other folds' posts, and "all".
    """

    def __init__(self, config: dict, data: Path, cache: Path, bundle: Path, early: float | None):
        self.config, self.data, self.cache, self.bundle, self.early = config, data, cache, bundle, early
        cache.mkdir(parents=True, exist_ok=True)
        bundle.mkdir(parents=True, exist_ok=True)
        self.seed = config["seed"]
        self.labels = read_labels(data)
        self.index = {label: i for i, label in enumerate(self.labels)}
        posts = read_posts(data / "tweets" / "train.jsonl")
        self.later: list[Post] = []
        if early is None:
            posts += read_posts(data / "tweets" / "train-extra.jsonl")
        else:  # in the order of time: the earliest share trains, the rest is for reporting
            posts.sort(key=posted_at)
            posts, self.later = posts[: round(len(posts) * early)], posts[round(len(posts) * early) :]
        self.posts = posts
        self.fold = folds(len(posts), config["data"]["folds"], self.seed)
        self.parts = parts_of(config)

    def training_posts(self, part: str) -> list[Post]:
        """The part's own: all but its fold."""
        return [post for post, fold in zip(self.posts, self.fold) if str(fold) != part]

    @property
    def writes(self) -> bool:
        """Whether there is a decoder to train."""
        return self.config["decoder"]["beams"] > 0

    @cached_property
    def normalise(self) -> Normaliser:
        return Normaliser(load_words(HERE.parent / "bundle" / "words.txt"))

    @cached_property
    def hashtags(self) -> list[Post]:
        make = lambda: hashtag_posts(self.data, self.labels, self.normalise, self.config["data"]["posts_per_tag"], self.seed)
        return cached_posts(self.cache / "hashtags.jsonl", make)

    @cached_property
    def published(self) -> tuple[model.Encoder, str]:
        """The untrained encoder and its tokenizer.json."""
        torch.manual_seed(self.seed)
        settings = self.config["encoder"]
        if settings["pretrained"]:
            return model.pretrained(settings["dropout"])
        from synthetic import tiny_tokenizer

        tokenizer_json = tiny_tokenizer(post.text for post in self.posts)
        shape = {name: settings[name] for name in ("hidden", "layers", "heads", "inner", "positions", "dropout")}
        return model.Encoder(vocabulary=Tokenizer.from_str(tokenizer_json).get_vocab_size(), **shape), tokenizer_json

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_str(self.published[1])

    @cached_property
    def batcher(self) -> training.Batcher:
        return training.Batcher(self.tokenizer, self.config["limits"])

    @cached_property
    def nouns(self) -> list[str]:
        """The words for what photos show."""
        return flickr.read_nouns()

    @cached_property
    def phrasebook(self) -> Phrasebook:
        return Phrasebook(self.labels)

    def memory(self, posts: Sequence[Post]) -> Associations:
        """The associations of labelled posts."""
        settings = self.config["ranker"]
        return associate(posts, self.index, FIELDS, settings["shrink"], settings["floor"])

    @cached_property
    def past(self) -> Associations:
        """Those of the hashtag posts of earlier years."""
        settings = self.config["ranker"]
        return associate(self.hashtags, self.index, ("text",), settings["past_shrink"], settings["past_floor"])

    def untrained(self) -> model.Tagger:
        encoder = deepcopy(self.published[0])
        anchors = training.encode_words(encoder, self.batcher, self.labels)
        return model.Tagger(encoder, anchors, training.label_counts(self.hashtags, self.labels), self.config["encoder"]["label_scale"])

    def tagger(self, name: str) -> model.Tagger:
        """A trained one: "adapt", or "finetune-" and a part."""
        encoder = deepcopy(self.published[0])
        blank = torch.zeros(len(self.labels), encoder.words.weight.shape[1])
        tagger = model.Tagger(encoder, blank, torch.ones(len(self.labels)), 1.0)
        tagger.load_state_dict(torch.load(self.cache / f"{name}.pt"))
        return tagger

    def figures(self, rows: np.ndarray, posts: Sequence[Post]) -> dict[str, float]:
        """The benchmark's three for label scores [posts, labels]."""
        best = [[self.labels[i] for i in np.argsort(-row, kind="stable")[:5]] for row in rows]
        return {name: round(value, 2) for name, value in evaluate(best, [p.keyphrases for p in posts]).items()}


def word_vectors(run: Run, words: Sequence[str]) -> np.ndarray:
    """The vectors [words, hidden] of words by the bundle's own text.onnx, each read alone."""
    return onnx_vectors(run, [Post(word) for word in words], 1)


def onnx_vectors(run: Run, posts: Sequence[Post], batch: int = 32) -> np.ndarray:
    """The posts' vectors [posts, hidden] by the bundle's own text.onnx, so many at a time."""
    session = onnxruntime.InferenceSession(run.bundle / "text.onnx", providers=["CPUExecutionProvider"])
    rows = []
    for start in range(0, len(posts), batch):
        feed = {name: tensor.numpy() for name, tensor in run.batcher(posts[start : start + batch]).items()}
        rows.append(session.run(["vectors"], feed)[0])
    return np.concatenate(rows)
