"""The benchmark's posts with something taken from them, to see what it is worth to the model.

    python models/training/alter.py KIND < test-public.jsonl > altered.jsonl
    npx tagstream eval altered.jsonl

The keyphrases stay as they are. KIND is one of

    no-entities              the visual entities are left out
    random-entities          each post has those of another post
    attributes-as-entities   the generic attributes stand in the entities' place
    no-image-text            the text in the image is left out
    image-words              the post's own text is left out
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from typing import Callable, Sequence

SEED = 20190601


def exchanged(entities: Sequence[list[str]]) -> list[list[str]]:
    """The lists, each at another place than before: a seeded random cycle through all places."""
    order = list(range(len(entities)))
    random.Random(SEED).shuffle(order)
    found = list(entities)
    for place, other in zip(order, order[1:] + order[:1]):
        found[place] = entities[other]
    return found


def random_entities(posts: list[dict]) -> list[dict]:
    return [post | {"entities": own} for post, own in zip(posts, exchanged([post["entities"] for post in posts]))]


def each(change: Callable[[dict], dict]) -> Callable[[list[dict]], list[dict]]:
    return lambda posts: [post | change(post) for post in posts]


KINDS = {
    "no-entities": each(lambda post: {"entities": []}),
    "random-entities": random_entities,
    "attributes-as-entities": each(lambda post: {"entities": post["attributes"], "attributes": []}),
    "no-image-text": each(lambda post: {"ocr": ""}),
    "image-words": each(lambda post: {"text": ""}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    given = parser.parse_args()
    posts = [json.loads(line) for line in sys.stdin]
    sys.stdout.writelines(json.dumps(post, ensure_ascii=False) + "\n" for post in KINDS[given.kind](posts))


if __name__ == "__main__":
    main()
