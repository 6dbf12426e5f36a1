"""A tiny synthetic data set and tokenizer for `--smoke`: same files and fields as the real ones."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Iterable

TOPICS = {  # label → words that give it away
    "cat lovers": "cat kitten purr whiskers paw",
    "storm hour": "storm thunder lightning rain clouds",
    "match day": "goal keeper striker stadium referee",
    "baking": "bread flour oven dough crust",
    "space": "rocket orbit moon launch galaxy",
    "gardening": "flower soil seeds spade bloom",
    "jazz": "saxophone trumpet swing quartet solo",
    "travel": "airport beach passport hotel sea",
}
COLOURS = {"dog": (120, 70, 20), "beach": (230, 210, 150), "snow": (250, 250, 255), "grass": (40, 160, 40)}  # what photos show
FILLER = "the a we today so very this my new just see here again now really".split()


def write_data(folder: Path, seed: int) -> Path:
    """Writes tweets/, hashtags/ and flickr8k-itm/ under `folder`; a post is filler with two words of its topic."""
    chance = random.Random(seed)
    labels = list(TOPICS)

    def post(i: int) -> dict:
        label = chance.choice(labels)
        words = chance.sample(TOPICS[label].split(), 3)
        text = chance.sample(FILLER, 6) + words[:2]
        chance.shuffle(text)
        return {"id": f"s-{i}", "text": " ".join(text), "ocr": "", "attributes": [words[2]], "entities": [], "match": 0.9, "keyphrases": [label]}

    def tweet(i: int) -> str:
        made = post(i)
        return f"{made['text']} #{made['keyphrases'][0].replace(' ', '')}"

    def lines(file: str, rows: Iterable[str]) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("".join(f"{row}\n" for row in rows), "utf-8")

    lines("tweets/labels.txt", labels)
    for file, count in (("train", 400), ("train-extra", 20), ("test-public", 120)):
        lines(f"tweets/{file}.jsonl", (json.dumps(post(i)) for i in range(count)))
    lines("hashtags/tweets.txt", map(tweet, range(100)))
    lines("hashtags/image-tweets.jsonl", (json.dumps({"id": str(i), "text": tweet(i), "attributes": ["sky"]}) for i in range(100)))
    write_photos(folder / "flickr8k-itm", chance)
    return folder


def write_photos(folder: Path, chance: random.Random) -> None:
    """Photos of one colour each, with a caption that names it and one that names another."""
    from PIL import Image

    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, count in (("train", 40), ("dev", 12)):
        rows = []
        for i in range(count):
            shown, other = chance.sample(list(COLOURS), 2)
            photo = f"{name}{i}.jpg"
            Image.new("RGB", (224, 224), tuple(c + chance.randint(-5, 5) for c in COLOURS[shown])).save(folder / "images" / photo)
            rows += [f"{photo}\tA {shown} in the picture .\tmatch", f"{photo}\tA {other} in the picture .\tno-match"]
        (folder / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows), "utf-8")


def tiny_tokenizer(texts: Iterable[str]) -> str:
    """tokenizer.json of a BERT tokenizer over whole words and single characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = sorted({word for text in texts for word in text.split()} | {word for label in TOPICS for word in label.split()})
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    vocabulary = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", ",", ".", *letters, *(f"##{c}" for c in letters), *words])
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer.to_str()
