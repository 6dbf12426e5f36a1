"""Reads the posts: the benchmark's files, and tweets whose hashtags supervise the domain training."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Mapping, Sequence

from inputs import Post
from normalise import Normaliser


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
    return [Post(r["text"], r["entities"], r["attributes"], r["ocr"], r["keyphrases"], r.get("image", ""), r.get("match")) for r in rows]


def posted_at(post: Post) -> int:
    """Milliseconds since the epoch: the photo's media id is a snowflake in base64url.

    Source: Twitter's snowflake, https://github.com/twitter-archive/snowflake (epoch 1288834974657).
    """
    import base64

    name = post.image.split(".")[0]
    number = int.from_bytes(base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))[:8], "big")
    return (number >> 22) + 1288834974657


def folds(count: int, parts: int, seed: int) -> list[int]:
    """A fold number for each of `count` posts: seeded, random, of equal sizes."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    fold = [0] * count
    for place, i in enumerate(order):
        fold[i] = place % parts
    return fold


HASHTAG = re.compile(r"[#＃]\s?(\w+)")
TRAILING = re.compile(r"(?:\s*(?:[#＃]\s?\w+|<url>|https?://\S*|…|\.\.\.+))+\s*$")


def hashtag_posts(data: Path, labels: Sequence[str], normalise: Normaliser, most_per_tag: int, seed: int) -> list[Post]:
    """Tweets with hashtags, which become the keyphrases: a label where the tag is one once its words are
    joined ("gameofthrones"), else the words the tag is split into.

    The tags at the end are cut off. Within the text a tag becomes its words in half of the cases and
    vanishes in the other half, so that phrases absent from the text are learnt as well. A post whose tags
    all have `most_per_tag` posts already is left out: a few tags ("funny") would fill the set otherwise.
    """
    by_tag = {label.replace(" ", ""): label for label in reversed(labels)}
    chance = random.Random(seed)

    def phrase(tag: str) -> str:
        return by_tag.get(tag.lower()) or normalise(f"#{tag}")

    def to_post(raw: str, attributes: Sequence[str]) -> Post | None:
        raw = raw.replace("@user", " ").replace("<user>", " ").replace("<url>", " https://t.co/x ")
        found = [phrase(tag) for tag in HASHTAG.findall(raw)]
        body = HASHTAG.sub(lambda m: f" {phrase(m[1])} " if chance.random() < 0.5 else " ", TRAILING.sub("", raw))
        text = normalise(body)
        found = [tag for tag in dict.fromkeys(found) if 2 < len(tag) <= 40 and "<" not in tag]
        if not found or len(text.split()) < 4:
            return None
        return Post(text, (), attributes, "", found)

    folder = data / "hashtags"
    rows = [json.loads(line) for line in (folder / "image-tweets.jsonl").read_text("utf-8").splitlines()]
    sources = [(row["text"], row["attributes"]) for row in rows if HASHTAG.search(row["text"])]
    sources += [(line, ()) for line in (folder / "tweets.txt").read_text("utf-8").split("\n")]
    posts = [post for raw, attributes in sources if (post := to_post(raw, attributes))]
    chance.shuffle(posts)
    seen: Counter[str] = Counter()
    kept = []
    for post in posts:
        if any(seen[tag] < most_per_tag for tag in post.keyphrases):
            seen.update(post.keyphrases)
            kept.append(post)
    return kept


def cached_posts(file: Path, make) -> list[Post]:
    """What `make()` returns, kept in `file` for the next time."""
    if not file.exists():
        file.write_text("".join(json.dumps(asdict(post)) + "\n" for post in make()), "utf-8")
    return [Post(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]


def known_labels(post: Post, index: Mapping[str, int]) -> list[int]:
    """The post's keyphrases that are labels, as their places in the list of labels."""
    return [index[k] for k in post.keyphrases if k in index]


def drop_modalities(post: Post, rates: dict[str, float], chance: random.Random) -> Post:
    """The post as training sees it this time: image words go missing at random."""
    lost = {name: chance.random() < rate for name, rate in rates.items()}
    return replace(
        post,
        entities=() if lost["all"] or lost["entities"] else post.entities,
        attributes=() if lost["all"] or lost["attributes"] else post.attributes,
        ocr="" if lost["all"] or lost["ocr"] else post.ocr,
    )
