"""The benchmark's measure: F1@1, F1@3 and MAP@5 over Porter-stemmed phrases.

Every word of a phrase is stemmed (`stem`); predicted duplicates and predictions that
hold a comma, a full stop or `<unk>` are dropped. P@k = hits / min(k, predictions) and
R@k = hits / gold phrases are averaged over posts, and F1@k is the harmonic mean of
those two averages (not the average of the posts' F1). AP@5 divides by the number of
gold phrases.

The stemmer is Porter's with his own later rules (NLTK's MARTIN_EXTENSIONS): over the 28,815 words of the
bundle's labels and word list it gives what the agent's package `stemmer` gives. NLTK's three modes give the
same three figures for the benchmark's published predictions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Iterable, Sequence

from nltk.stem.porter import PorterStemmer

_porter = PorterStemmer(mode=PorterStemmer.MARTIN_EXTENSIONS)
DROPPED = (",", ".", "<unk>")


@lru_cache(maxsize=200_000)
def stem_word(word: str) -> str:
    return _porter.stem(word)


def stem(phrase: str) -> str:
    return " ".join(stem_word(word) for word in phrase.strip().lower().split())


def distinct(phrases: Iterable[str]) -> list[str]:
    """Stemmed phrases in their order, without duplicates, empty or malformed ones."""
    stems = (stem(p) for p in phrases if not any(mark in p for mark in DROPPED))
    return list(dict.fromkeys(s for s in stems if s))


def evaluate(predictions: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> dict[str, float]:
    """Percentages for ranked `predictions` (best first), one list a post, against `gold`."""
    if len(predictions) != len(gold) or not gold:
        raise ValueError(f"{len(predictions)} predictions for {len(gold)} posts")
    precision, recall, average = {1: 0.0, 3: 0.0}, {1: 0.0, 3: 0.0}, 0.0
    for guessed, wanted in zip(predictions, gold):
        guesses, answers = distinct(guessed), {stem(phrase) for phrase in wanted}
        hits = [guess in answers for guess in guesses[:5]]
        for k in (1, 3):
            if guesses:
                precision[k] += sum(hits[:k]) / min(k, len(guesses))
            recall[k] += sum(hits[:k]) / len(answers)
        average += sum(sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit) / len(answers)

    def f1(k: int) -> float:
        p, r = precision[k] / len(gold), recall[k] / len(gold)
        return 200 * p * r / (p + r) if p + r else 0.0

    return {"F1@1": f1(1), "F1@3": f1(3), "MAP@5": 100 * average / len(gold)}
