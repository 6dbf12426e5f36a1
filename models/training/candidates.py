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

from data import known_labels
from inputs import Post
from measure import stem, stem_word

WORD = re.compile(r"[^\W_]")
WORDS = re.compile(r"[^\W_]+(?: [^\W_]+)*")  # a whole phrase: no marks, no half words ("##ing"), no [UNK]
LONGEST = 6  # words of a label that is looked for in a text


def words_of(text: str) -> list[str]:
    """The words of a normalised text: no marks, no placeholders."""
    return [word for word in text.split(" ") if WORD.search(word) and not word.startswith("<")]


FIELDS = ("text", "pairs", "entities", "attributes", "ocr")


def terms_of(post: Post) -> dict[str, list[str]]:
    """The distinct terms of each field, in their order: words, for the text its pairs of words as a field of
    their own, and for the entities the whole names beside their words."""
    words = words_of(post.text)
    return {
        "text": list(dict.fromkeys(words)),
        "pairs": list(dict.fromkeys(f"{one} {next_}" for one, next_ in zip(words, words[1:]))),
        "entities": list(dict.fromkeys([*post.entities, *(w for e in post.entities for w in words_of(e))])),
        "attributes": list(dict.fromkeys(w for a in post.attributes for w in words_of(a))),
        "ocr": list(dict.fromkeys(words_of(post.ocr))),
    }


class Associations:
    """How often a term and a label went together, by field.

    The share of a label in a term is posts with both / (posts with the term + `shrink`): rare terms say less.
    """

    def __init__(self, fields: Sequence[str], shrink: float):
        self.shrink = shrink
        self.posts = 0
        self.labels: Counter = Counter()  # label → posts
        self.together: dict[int, Counter] = defaultdict(Counter)  # label → other label → posts
        self.seen: dict[str, Counter] = {field: Counter() for field in fields}  # field → term → posts
        self.pairs: dict[str, dict[str, dict[int, int]]] = {field: {} for field in fields}  # field → term → label → posts

    def add(self, post: Post, gold: Sequence[int]) -> None:
        """Takes in a labelled post."""
        if not gold:
            return
        self.posts += 1
        for one in gold:
            self.labels[one] += 1
            for other in gold:
                if other != one:
                    self.together[one][other] += 1
        terms = terms_of(post)
        for field, pairs in self.pairs.items():
            for term in terms[field]:
                self.seen[field][term] += 1
                labels = pairs.setdefault(term, {})
                for label in gold:
                    labels[label] = labels.get(label, 0) + 1

    def forget(self, floor: float) -> None:
        """Drops pairs of a share below `floor`, and terms without pairs."""
        for field, pairs in self.pairs.items():
            for term in list(pairs):
                least = floor * (self.seen[field][term] + self.shrink)
                pairs[term] = {label: both for label, both in pairs[term].items() if both >= least}
                if not pairs[term]:
                    del pairs[term], self.seen[field][term]

    def of(self, field: str, terms: Sequence[str]) -> dict[int, Share]:
        """What the terms say of each label that went with one of them."""
        found: dict[int, Share] = {}
        for term in terms:
            labels = self.pairs[field].get(term)
            if labels is None:
                continue
            all_ = self.seen[field][term] + self.shrink
            for label, both in labels.items():
                share = both / all_
                lift = math.log(1 + share * self.posts / self.labels[label])
                largest, total, lifts = found.get(label, NO_SHARE)
                found[label] = (max(largest, share), total + share, lifts + lift)
        return found


# The largest share, the sum of the shares, and the sum of log(1 + share / the label's share of all posts).
Share = tuple[float, float, float]
NO_SHARE: Share = (0.0, 0.0, 0.0)


def associate(posts: Sequence[Post], index: Mapping[str, int], fields: Sequence[str], shrink: float, floor: float) -> Associations:
    found = Associations(fields, shrink)
    for post in posts:
        found.add(post, known_labels(post, index))
    found.forget(floor)
    return found


class Phrasebook:
    """Finds labels in texts by their stemmed words, or by their letters once spaces are taken out."""

    def __init__(self, labels: Sequence[str]):
        self.labels = labels
        self.index = {label: i for i, label in enumerate(labels)}
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


@dataclass(frozen=True)
class Proposal:
    """What the model's parts say of one post, before anything is ranked."""

    post: Post
    log_probabilities: np.ndarray  # float32 [labels], the classifier's
    vector: np.ndarray  # float32 [hidden], of length 1
    neighbours: Sequence[tuple[float, Sequence[int]]]  # likeness and labels of the nearest posts, nearest first
    beams: Sequence[tuple[str, float]]  # phrases of the decoder and their log-probabilities, best first


@dataclass(frozen=True)
class Knowledge:
    """What the ranker's features look things up in; for a fold it knows nothing of the fold's posts."""

    labels: Sequence[str]
    label_vectors: np.ndarray  # float32 [labels, hidden]: the encoder's vectors of the labels' words
    memory: Associations  # the labelled posts
    past: Associations  # hashtag posts of earlier years
    phrasebook: Phrasebook
    settings: Mapping[str, float]


def shares(knowledge: Knowledge, post: Post) -> dict[str, dict[int, Share]]:
    """What the post's terms say of the labels, by field; "past" is what the text's say in earlier years."""
    terms = terms_of(post)
    found = {field: knowledge.memory.of(field, terms[field]) for field in FIELDS}
    found["past"] = knowledge.past.of("text", terms["text"])
    return found


def top(scores: Mapping[int, float], count: int) -> list[int]:
    """The `count` labels of the highest scores, best first; of equal ones the smaller label."""
    return sorted(scores, key=lambda label: (-scores[label], label))[:count]


def neighbour_votes(proposal: Proposal, sharpness: float) -> dict[int, list[float]]:
    """label → [largest likeness, share of the votes, neighbours, rank of the first]; a vote is exp(sharpness × likeness)."""
    nearest = proposal.neighbours[0][0] if proposal.neighbours else 0.0
    votes = [math.exp(sharpness * (likeness - nearest)) for likeness, _ in proposal.neighbours]
    total = sum(votes)
    found: dict[int, list[float]] = {}
    for rank, ((likeness, labels), vote) in enumerate(zip(proposal.neighbours, votes)):
        for label in labels:
            at = found.setdefault(label, [likeness, 0.0, 0.0, float(rank)])
            at[1] += vote / total
            at[2] += 1
    return found


FEATURES = (
    "classified", "classified_rank", "classified_gap", "likeness", "likeness_rank", "likeness_gap", "neighbour_likeness", "neighbour_votes",
    "neighbour_count", "neighbour_rank", "text_share", "text_shares", "text_lift", "pair_share", "pair_shares", "pair_lift",
    "entity_share", "entity_shares", "entity_lift", "attribute_share", "attribute_shares", "attribute_lift",
    "ocr_share", "ocr_shares", "ocr_lift", "past_share", "past_shares", "past_lift", "together", "together_voted",
    "votes_gap", "shares_gap",
    "prior", "past_prior", "label_rank", "words", "letters", "in_text", "text_place", "in_ocr", "in_entities", "text_overlap",
    "ocr_overlap", "entity_overlap", "beam", "beam_rank", "text_words", "ocr_words", "best_classified", "entropy",
    "nearest", "best_beam", "votes_rank", "shares_rank",
)  # fmt: skip
NONE = -20.0  # a log-probability where there is none


@dataclass(frozen=True)
class Candidate:
    """A phrase worth ranking; `label` is -1 where it is none of the labels: a beam may write what it likes."""

    phrase: str
    label: int


def find_phrase(stems: Sequence[str], text_stems: Sequence[str]) -> int:
    """Where stemmed words stand one after the other among a text's: the first place, or -1."""
    for start in range(len(text_stems) - len(stems) + 1):
        if text_stems[start : start + len(stems)] == stems:
            return start
    return -1


def candidates(knowledge: Knowledge, proposal: Proposal) -> tuple[list[Candidate], np.ndarray]:
    """The phrases worth ranking for a post, and their features float32 [candidates, FEATURES].

    Candidates are the classifier's first, the decoder's beams, the labels whose words are most like the post, the
    first neighbours' labels, those that go with the post's words, and those that stand in its text, its image's text or its entities.
    """
    settings, post, book = knowledge.settings, proposal.post, knowledge.phrasebook
    logp = proposal.log_probabilities
    order = np.argsort(-logp, kind="stable")
    ranks = {int(label): rank for rank, label in enumerate(order[:200])}
    votes = neighbour_votes(proposal, settings["sharpness"])
    found = shares(knowledge, post)
    summed: dict[int, float] = {}
    for field, weight in (("text", 1.0), ("pairs", 1.0), ("entities", 1.0), ("ocr", 1.0), ("past", 0.5)):
        for label, (_, total, _) in found[field].items():
            summed[label] = summed.get(label, 0.0) + weight * total
    texts = {"text": post.text, "ocr": post.ocr, "entities": " , ".join(post.entities)}
    present = {name: book.find(text) if text else {} for name, text in texts.items()}
    likeness = knowledge.label_vectors @ proposal.vector
    by_likeness = [int(label) for label in np.argsort(-likeness, kind="stable")[: int(settings["alike"])]]
    by_votes = top({label: v[1] for label, v in votes.items()}, int(settings["voted"]))
    by_shares = top(summed, int(settings["shared"]))
    written = [book.index.get(phrase, -1) for phrase, _ in proposal.beams]
    labels = dict.fromkeys([
        *map(int, order[: int(settings["classified"])]), *(label for label in written if label >= 0),
        *by_likeness, *by_votes, *by_shares, *(label for places in present.values() for label in places),
    ])  # fmt: skip
    chosen = [Candidate(knowledge.labels[label], label) for label in labels]
    new = [phrase for (phrase, _), label in zip(proposal.beams, written) if label < 0 and WORDS.fullmatch(phrase)]
    chosen += [Candidate(phrase, -1) for phrase in dict.fromkeys(new)]

    beams: dict[str, tuple[float, int]] = {}
    for rank, (phrase, score) in enumerate(proposal.beams):
        beams.setdefault(phrase, (score, rank))
    likeness_rank = {label: rank for rank, label in enumerate(by_likeness)}
    votes_rank = {label: rank for rank, label in enumerate(by_votes)}
    shares_rank = {label: rank for rank, label in enumerate(by_shares)}
    stems = {name: [stem_word(w) for w in text.split(" ")] for name, text in texts.items()}
    distinct = {name: set(words) for name, words in stems.items()}
    entropy = float(-(np.exp(logp) * logp).sum())
    best = int(order[0])
    together, seen = knowledge.memory.together.get(best, {}), knowledge.memory.labels.get(best, 0)
    voted = by_votes[0] if by_votes else -1
    together_voted, seen_voted = knowledge.memory.together.get(voted, {}), knowledge.memory.labels.get(voted, 0)
    most_votes, most_shares = (votes[voted][1] if by_votes else 0.0), (summed[by_shares[0]] if by_shares else 0.0)
    post_wide = (
        len(words_of(post.text)), len(words_of(post.ocr)), float(logp[best]), entropy,
        proposal.neighbours[0][0] if proposal.neighbours else 0.0, proposal.beams[0][1] if proposal.beams else NONE,
    )  # fmt: skip
    rows = np.zeros((len(chosen), len(FEATURES)), np.float32)
    for row, candidate in enumerate(chosen):
        label = candidate.label
        own = book.stems[label] if label >= 0 else [stem_word(w) for w in candidate.phrase.split(" ")]
        if label >= 0:
            place, written_as = present["text"].get(label, (-1.0, 0))
            in_ocr, in_entities = (present[name].get(label, (0, 0))[1] for name in ("ocr", "entities"))
        else:
            start = find_phrase(own, stems["text"])
            place, written_as = (start / len(stems["text"]), 1) if start >= 0 else (-1.0, 0)
            in_ocr, in_entities = (int(find_phrase(own, stems[name]) >= 0) for name in ("ocr", "entities"))
        classified = float(logp[label]) if label >= 0 else NONE
        alike = float(likeness[label]) if label >= 0 else 0.0
        share = [value for field in (*FIELDS, "past") for value in found[field].get(label, NO_SHARE)]
        vote = votes.get(label, (0.0, 0.0, 0.0, 99.0))
        beam = beams.get(candidate.phrase, (NONE, 99))
        rows[row] = (
            classified, ranks.get(label, 200), classified - float(logp[best]),
            alike, likeness_rank.get(label, 99), alike - float(likeness[by_likeness[0]]),
            *vote, *share, together.get(label, 0) / (seen + settings["shrink"]),
            together_voted.get(label, 0) / (seen_voted + settings["shrink"]), vote[1] - most_votes, summed.get(label, 0.0) - most_shares,
            math.log(knowledge.memory.labels.get(label, 0) + 1), math.log(knowledge.past.labels.get(label, 0) + 1),
            math.log(2 + (label if label >= 0 else len(knowledge.labels))),  # the list is sorted by frequency
            len(own), len(candidate.phrase), written_as, place, in_ocr, in_entities,
            *(sum(w in distinct[name] for w in own) / len(own) for name in ("text", "ocr", "entities")),
            *beam, *post_wide, votes_rank.get(label, 99), shares_rank.get(label, 99),
        )  # fmt: skip
    return chosen, rows
