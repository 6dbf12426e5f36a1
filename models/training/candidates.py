"""The ranker's view of a post: which phrases are candidates, and the features of each. Mirrored by the agent.

A memory (labelled posts: their vectors, words and labels) answers for what is alike; the classifier and the
decoder say what they propose; the labels' own words are looked for in the post. All logarithms are natural.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Mapping, Sequence

import numpy as np

from inputs import Post
from measure import stem, stem_word

WORD = re.compile(r"[^\W_]")
LONGEST = 6  # words of a label that is looked for in a text


def words_of(text: str) -> list[str]:
    """The words of a normalised text: no marks, no placeholders."""
    return [word for word in text.split(" ") if WORD.search(word) and not word.startswith("<")]


FIELDS = ("text", "entities", "attributes", "ocr")


def terms_of(post: Post) -> dict[str, list[str]]:
    """The distinct terms of each field, in their order; a named entity is a term beside its words."""
    return {
        "text": list(dict.fromkeys(words_of(post.text))),
        "entities": list(dict.fromkeys([*post.entities, *(w for e in post.entities for w in words_of(e))])),
        "attributes": list(dict.fromkeys(w for a in post.attributes for w in words_of(a))),
        "ocr": list(dict.fromkeys(words_of(post.ocr))),
    }


class Associations:
    """How often a term and a label went together, by field."""

    def __init__(self, posts: Sequence[Post], index: Mapping[str, int], fields: Sequence[str]):
        self.count = {field: Counter() for field in fields}
        self.pairs: dict[str, dict[str, Counter]] = {field: defaultdict(Counter) for field in fields}
        self.labels: Counter = Counter()
        self.together: dict[int, Counter] = defaultdict(Counter)
        self.posts = 0
        for post in posts:
            gold = [index[k] for k in post.keyphrases if k in index]
            if not gold:
                continue
            self.posts += 1
            self.labels.update(gold)
            for one in gold:
                self.together[one].update(other for other in gold if other != one)
            terms = terms_of(post)
            for field in fields:
                for term in terms[field]:
                    self.count[field][term] += 1
                    self.pairs[field][term].update(gold)

    def of(self, field: str, terms: Sequence[str], shrink: float) -> tuple[dict[int, float], dict[int, float]]:
        """For each label that ever went with one of the terms: the largest share and the sum of shares.

        A share is pairs / (term's posts + `shrink`).
        """
        largest: dict[int, float] = {}
        total: dict[int, float] = {}
        for term in terms:
            seen = self.count[field].get(term, 0)
            if not seen:
                continue
            for label, both in self.pairs[field][term].items():
                share = both / (seen + shrink)
                largest[label] = max(largest.get(label, 0.0), share)
                total[label] = total.get(label, 0.0) + share
        return largest, total


class Phrasebook:
    """Finds labels in texts by their stemmed words, or by their letters once spaces are taken out."""

    def __init__(self, labels: Sequence[str]):
        self.labels = labels
        self.stems = [[stem_word(w) for w in label.split(" ")] for label in labels]
        self.by_stem: dict[str, list[int]] = defaultdict(list)
        self.by_letters: dict[str, list[int]] = defaultdict(list)
        for i, label in enumerate(labels):
            self.by_stem[" ".join(self.stems[i])].append(i)
            self.by_letters[label.replace(" ", "")].append(i)

    def find(self, text: str) -> dict[int, tuple[float, int]]:
        """label → (place of its first word in the text as a fraction, 2 where the letters agree, 1 where only the stems do)."""
        words = text.split(" ")
        stems = [stem_word(w) for w in words]
        found: dict[int, tuple[float, int]] = {}
        for start in range(len(words)):
            for end in range(start + 1, min(len(words), start + LONGEST) + 1):
                place = start / len(words)
                for label in self.by_letters.get("".join(words[start:end]), ()):
                    if found.get(label, (0, 0))[1] < 2:
                        found[label] = (place, 2)
                for label in self.by_stem.get(" ".join(stems[start:end]), ()):
                    found.setdefault(label, (place, 1))
        return found
