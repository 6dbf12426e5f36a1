"""Posts with real photos that show what the half that sees does, and what comes of them.

    controls.py lacking own > own.jsonl       captions of Flickr8k's dev photos with one noun taken out: with their own
                                              photo, with none, or with a stranger's. The noun is their keyphrase.
                                              --degrade blur, dark (a quarter of the light), jpeg (quality 8) or small
                                              (a quarter of each side) spoils the photos first
    controls.py strangers < posts.jsonl       the benchmark's posts with their text alone and a stranger's photo
    controls.py share RESULTS POSTS           how often the keyphrase is among the first five, of `eval --results`
    controls.py matching                      ROC AUC and accuracy of the matching score on dev.tsv, by the bundle's files
    controls.py entities                      top-1 and top-5 of imagenet-sample, by the bundle's files

Then `npx tagstream eval own.jsonl --results own.results.jsonl`. Photos travel in the posts as data URIs. Intervals are
of 95%, by a bootstrap over photos.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import sys
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

import photos as flickr
from data import data_folder
from measure import stem
from normalise import Normaliser, load_words
from reference import BUNDLE
from reference_photos import Sighted
from see import auc

SEED, DRAWS = 1, 1000


def image_uri(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def degraded(file: Path, kind: str) -> bytes:
    """A photo as bad cameras and services leave it."""
    photo = Image.open(file).convert("RGB")
    if kind == "blur":
        photo = photo.filter(ImageFilter.GaussianBlur(3))
    elif kind == "dark":
        photo = photo.point(lambda value: value // 4)
    elif kind == "small":
        photo = photo.resize([side // 4 for side in photo.size])
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=8 if kind == "jpeg" else 90)
    return stream.getvalue()


def interval(groups: Sequence[Sequence], measure: Callable[[list], float]) -> tuple[float, float]:
    """The 95% interval of a measure over whole groups, drawn with repetition."""
    chance = random.Random(SEED)
    drawn = sorted(measure([one for group in chance.choices(groups, k=len(groups)) for one in group]) for _ in range(DRAWS))
    return drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1]


def lacking(data: Path, kind: str, damage: str | None) -> None:
    """One caption of each photo and one of its nouns, drawn with the same seed for each kind."""
    nouns = flickr.read_nouns()
    pairs, known, chance = flickr.read_pairs(data, "dev.tsv"), flickr.by_stem(nouns), random.Random(SEED)
    strangers = chance.sample(range(len(pairs.photos)), len(pairs.photos))
    for photo, captions in sorted(pairs.own().items()):
        caption = pairs.captions[chance.choice(captions)]
        named = sorted({noun for noun, _ in flickr.nouns_in(caption, known)})
        if not named:
            continue
        noun = chance.choice(named)
        shown = {"own": [photo], "none": [], "stranger": [strangers[photo]]}[kind]
        print(json.dumps({
            "id": pairs.photos[photo].stem, "text": flickr.without(caption, noun, known),
            "images": [image_uri(degraded(pairs.photos[one], damage) if damage else pairs.photos[one].read_bytes()) for one in shown], "keyphrases": [nouns[noun]],
        }))  # fmt: skip


def strangers(data: Path) -> None:
    pairs, chance = flickr.read_pairs(data, "dev.tsv"), random.Random(SEED)
    for line in sys.stdin:
        post = json.loads(line)
        photo = image_uri(chance.choice(pairs.photos).read_bytes())
        print(json.dumps({"id": post["id"], "text": post["text"], "images": [photo], "keyphrases": post["keyphrases"]}))


def share(results: Path, posts: Path) -> None:
    rows = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    gold = [json.loads(line)["keyphrases"] for line in posts.read_text("utf-8").splitlines()]
    hits = [[{stem(k["phrase"]) for k in row["keyphrases"]} >= {stem(k) for k in keys}] for row, keys in zip(rows, gold)]
    used = np.mean([row["image"]["used"] for row in rows])
    low, high = interval(hits, np.mean)
    print(json.dumps({"posts": len(hits), "among the first five": round(float(np.mean(hits)), 4), "interval": [round(low, 4), round(high, 4)], "photos used": round(float(used), 4)}))


def matching(data: Path) -> None:
    sighted, pairs = Sighted(), flickr.read_pairs(data, "dev.tsv")
    normalise = Normaliser(load_words(BUNDLE / "words.txt"))
    seen = [sighted.look(Image.open(file)) for file in pairs.photos]
    match = lambda caption, entities, regions, _: sighted.fuse(normalise(caption), regions, entities)["match"]
    scores = [match(pairs.captions[caption], *seen[photo]) for photo, caption, _ in pairs.rows]
    by_photo: dict[int, list[tuple[float, bool]]] = {}
    for (photo, _, match), score in zip(pairs.rows, scores):
        by_photo.setdefault(photo, []).append((score, match))
    area = lambda rows: auc(np.array([score for score, _ in rows]), np.array([match for _, match in rows]))
    accuracy = lambda rows: float(np.mean([(score >= 0.5) == match for score, match in rows]))
    for name, measure in (("AUC", area), ("accuracy", accuracy)):
        groups = list(by_photo.values())
        low, high = interval(groups, measure)
        print(json.dumps({name: round(measure([one for group in groups for one in group]), 4), "interval": [round(low, 4), round(high, 4)], "pairs": len(scores)}), flush=True)


def entities(data: Path) -> None:
    sighted, files = Sighted(), sorted((data / "imagenet-sample").glob("*.jpg"))
    from torchvision.models._meta import _IMAGENET_CATEGORIES as CATEGORIES  # the names in the files are these

    numbers = {name.lower().replace(" ", "_"): i for i, name in reversed(list(enumerate(CATEGORIES)))}
    ranks, unknown = [], []
    for file in files:
        number = numbers.get(file.stem.split("_", 1)[1].lower())
        if number is None:
            unknown.append(file.name)
            continue
        pixels = np.asarray(flickr.as_served(Image.open(file).convert("RGB"), *(sighted.manifest["image"][side] for side in ("resize", "size"))), np.uint8)
        (classes,) = sighted.image.run(["classes"], {"pixels": pixels[None]})
        ranks.append([int(np.flatnonzero(classes[0] == number)[0]) if number in classes[0] else 99])
    for name, most in (("top-1", 1), ("top-5", 5)):
        within = lambda rows: float(np.mean([rank < most for rank in rows]))
        low, high = interval(ranks, within)
        print(json.dumps({name: round(within([rank for (rank,) in ranks]), 4), "interval": [round(low, 4), round(high, 4)], "photos": len(ranks)}))
    if unknown:
        print("without a class of that name:", ", ".join(unknown), file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of the data sets; default TAGSTREAM_DATA")
    commands = parser.add_subparsers(dest="command", required=True)
    of_lacking = commands.add_parser("lacking")
    of_lacking.add_argument("kind", choices=("own", "none", "stranger"))
    of_lacking.add_argument("--degrade", choices=("blur", "dark", "jpeg", "small"))
    for name in ("strangers", "matching", "entities"):
        commands.add_parser(name)
    of_share = commands.add_parser("share")
    of_share.add_argument("results", type=Path)
    of_share.add_argument("posts", type=Path)
    given = parser.parse_args()
    if given.command == "share":
        share(given.results, given.posts)
    elif given.command == "lacking":
        lacking(data_folder(given.data), given.kind, given.degrade)
    else:
        {"strangers": strangers, "matching": matching, "entities": entities}[given.command](data_folder(given.data))


if __name__ == "__main__":
    main()
