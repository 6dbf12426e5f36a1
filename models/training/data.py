"""Reads the posts: the benchmark's files, and tweets whose hashtags are among the labels."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Sequence

from inputs import Post


def data_folder(given: str | None) -> Path:
    """`--data`, else `TAGSTREAM_DATA`; leaves with a message where neither names a folder."""
    folder = given or os.environ.get("TAGSTREAM_DATA")
    if not folder or not Path(folder).is_dir():
        raise SystemExit("no training data: give its folder with --data DIR or TAGSTREAM_DATA")
    return Path(folder)


def read_labels(data: Path) -> list[str]:
    """The keyphrases the classifier knows, most frequent first."""
    return (data / "tweets" / "labels.txt").read_text("utf-8").split("\n")[:-1]


def read_posts(file: Path) -> list[Post]:
    """Labelled posts, one JSON object a line: text, ocr, attributes, entities, keyphrases."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [Post(r["text"], r["entities"], r["attributes"], r["ocr"], r["keyphrases"]) for r in rows]


def split_dev(posts: Sequence[Post], fraction: float, seed: int) -> tuple[list[Post], list[Post]]:
    """`(train, dev)`: a seeded random `fraction` of the posts is held out."""
    order = list(range(len(posts)))
    random.Random(seed).shuffle(order)
    held = set(order[: round(len(posts) * fraction)])
    return [p for i, p in enumerate(posts) if i not in held], [p for i, p in enumerate(posts) if i in held]


HASHTAG = re.compile(r"[#＃]\s?(\w+)")
TRAILING = re.compile(r"(?:\s*(?:[#＃]\s?\w+|<url>|https?://\S*|…|\.\.\.))+\s*$")
ADDRESS = re.compile(r"https?://\S*|<url>")
MENTION = re.compile(r"<user>|@user|@\w+")
NUMBER = re.compile(r"\b\d[\d.,:]*\b")


def hashtag_posts(data: Path, labels: Sequence[str], most_per_label: int, seed: int) -> list[Post]:
    """Tweets with a hashtag that is a label once its words are joined ("gameofthrones").

    The tags at the end are cut off. Within the text a label's tag becomes its words in half
    of the cases and vanishes in the other half, so that labels absent from the text are
    learnt as well; other tags lose their sign. A post whose labels all have `most_per_label`
    posts already is left out: a few tags ("funny") would fill the set otherwise.
    """
    by_tag = {label.replace(" ", ""): label for label in reversed(labels)}
    chance = random.Random(seed)

    def inner(match: re.Match[str]) -> str:
        label = by_tag.get(match[1])
        return match[1] if label is None else f" {label} " if chance.random() < 0.5 else " "

    def to_post(raw: str, attributes: Sequence[str]) -> Post | None:
        raw = raw.lower().replace("’", "'")
        found = [by_tag[tag] for tag in HASHTAG.findall(raw) if tag in by_tag]
        text = HASHTAG.sub(inner, TRAILING.sub("", raw))
        text = NUMBER.sub(" <number> ", MENTION.sub(" ", ADDRESS.sub(" <url> ", text)))
        text = " ".join(text.split())
        if not found or len(text.split()) < 4:
            return None
        return Post(text, (), attributes, "", list(dict.fromkeys(found)))

    folder = data / "hashtags"
    rows = [json.loads(line) for line in (folder / "image-tweets.jsonl").read_text("utf-8").splitlines()]
    sources = [(row["text"], row["attributes"]) for row in rows]
    sources += [(line, ()) for line in (folder / "tweets.txt").read_text("utf-8").split("\n")]
    posts = [post for raw, attributes in sources if (post := to_post(raw, attributes))]
    chance.shuffle(posts)
    seen: Counter[str] = Counter()
    kept = []
    for post in posts:
        if any(seen[label] < most_per_label for label in post.keyphrases):
            seen.update(post.keyphrases)
            kept.append(post)
    return kept


def drop_modalities(post: Post, rates: dict[str, float], chance: random.Random) -> Post:
    """The post as training sees it this time: image words go missing at random."""
    lost = {name: chance.random() < rate for name, rate in rates.items()}
    return replace(
        post,
        entities=() if lost["all"] or lost["entities"] else post.entities,
        attributes=() if lost["all"] or lost["attributes"] else post.attributes,
        ocr="" if lost["all"] or lost["ocr"] else post.ocr,
    )
