"""The pointer generator: one transformer layer that writes a keyphrase piece by piece.

Each step's probability of a piece is a mixture of three: the decoder's own vocabulary, a copy from the post's
tokens (text, entities, attributes, image text), and a copy from the classifier's first predictions (the
extended copy). After arXiv 2309.04734, section 3.4, and Wang et al., EMNLP 2020, section 3.3, with a
transformer layer in the place of their GRU and word pieces in the place of words.
"""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from optimise import descend, warm_up_and_decay

BEGIN, END, UNKNOWN = 0, 1, 2  # ids of the decoder's vocabulary before its pieces
PIECES = 3  # where its pieces begin
LONGEST = 8  # pieces of a phrase, without the end
TINY = 1e-9


class Pieces:
    """The decoder's vocabulary: word pieces it can write by itself, in both numberings."""

    def __init__(self, tokenizer, token_ids: Sequence[int]):
        self.tokenizer = tokenizer
        self.token_ids = list(token_ids)
        self.own = {token: PIECES + i for i, token in enumerate(self.token_ids)}
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return PIECES + len(self.token_ids)

    def of(self, phrase: str) -> list[int]:
        """The tokenizer's ids of a phrase."""
        if phrase not in self._cache:
            self._cache[phrase] = self.tokenizer.encode(phrase, add_special_tokens=False).ids
        return self._cache[phrase]

    def ids(self, tokens: Sequence[int]) -> list[int]:
        """The tokenizer's ids as the decoder's, UNKNOWN for what it cannot write by itself."""
        return [self.own.get(token, UNKNOWN) for token in tokens]

    def phrase(self, tokens: Sequence[int]) -> str:
        """Word pieces joined to words."""
        return " ".join(self.tokenizer.id_to_token(t) for t in tokens).replace(" ##", "")


@dataclass(frozen=True)
class Source:
    """What the decoder reads of one post."""

    states: np.ndarray  # float16 [tokens, hidden], the encoder's
    tokens: list[int]  # the tokenizer's ids
    predicted: list[tuple[list[int], float]]  # the classifier's first labels: pieces, log-probability


class PointerDecoder(nn.Module):
    def __init__(self, vocabulary: int, hidden: int, width: int, heads: int, inner: int, dropout: float):
        super().__init__()
        self.width, self.heads, self.dropout = width, heads, dropout
        self.pieces = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(LONGEST + 1, width)
        self.norm = nn.LayerNorm(width)
        self.source_key = nn.Linear(hidden, width)
        self.source_value = nn.Linear(hidden, width)
        self.query, self.key, self.value, self.attended = (nn.Linear(width, width) for _ in range(4))
        self.attended_norm = nn.LayerNorm(width)
        self.source_query, self.sourced = nn.Linear(width, width), nn.Linear(width, width)
        self.sourced_norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, inner), nn.Linear(inner, width)
        self.narrow_norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.copy_query = nn.Linear(width, width)
        self.predicted_query = nn.Linear(width, width)
        self.predicted_places = nn.Embedding(LONGEST + 1, width)
        self.confidence = nn.Parameter(torch.tensor(0.5))  # weight of a prediction's log-probability
        self.gates = nn.Linear(width, 3)

    def forward(self, prefix: Tensor, keys: Tensor, values: Tensor, source_mask: Tensor, predicted: Tensor, predicted_places: Tensor, predicted_logp: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three parts of every next piece's probability; over all three they sum to one.

        prefix int64 [rows, length], BEGIN first; keys, values [rows, tokens, width] of the source, and
        source_mask bool [rows, tokens] of those that may be copied or read; predicted, predicted_places int64
        [rows, predicted] the pieces of the classifier's labels (END marks padding) and their places in their
        label, predicted_logp [rows, predicted] their label's log-probability.

        → vocabulary [rows, length, vocabulary], copied [rows, length, tokens], predicted [rows, length, predicted]
        """
        n, length = prefix.shape
        split = lambda x: x.view(n, -1, self.heads, self.width // self.heads).transpose(1, 2)
        drop = lambda x: F.dropout(x, self.dropout, self.training)
        x = drop(self.norm(self.pieces(prefix) + self.places.weight[:length]))
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        near = split(self.query(x)) @ split(self.key(x)).transpose(-1, -2) * (self.width // self.heads) ** -0.5
        near = near.masked_fill(later, -1e4).softmax(-1) @ split(self.value(x))
        x = self.attended_norm(x + drop(self.attended(near.transpose(1, 2).reshape(n, length, self.width))))
        far = split(self.source_query(x)) @ split(keys).transpose(-1, -2) * (self.width // self.heads) ** -0.5
        far = far.masked_fill(~source_mask[:, None, None, :], -1e4).softmax(-1) @ split(values)
        x = self.sourced_norm(x + drop(self.sourced(far.transpose(1, 2).reshape(n, length, self.width))))
        x = self.narrow_norm(x + drop(self.narrow(F.gelu(self.widen(x)))))

        gates = self.gates(x).softmax(-1)
        vocabulary = (x @ self.pieces.weight.T + self.bias).softmax(-1)
        copied = self.copy_query(x) @ keys.transpose(-1, -2) * self.width**-0.5
        copied = copied.masked_fill(~source_mask[:, None, :], -1e4).softmax(-1)
        options = self.pieces(predicted) + self.predicted_places(predicted_places)
        chosen = self.predicted_query(x) @ options.transpose(-1, -2) * self.width**-0.5
        chosen = chosen + self.confidence * predicted_logp[:, None, :]
        chosen = chosen.masked_fill((predicted == END)[:, None, :], -1e4).softmax(-1)
        return vocabulary * gates[..., :1], copied * gates[..., 1:2], chosen * gates[..., 2:]


def pad_sources(sources: Sequence[Source], pieces: Pieces, special: set[int]) -> dict[str, Tensor]:
    """A batch: states [posts, tokens, hidden], tokens and their mask, and the predictions' pieces."""
    width = max(len(s.tokens) for s in sources)
    options = [[(t, min(place, LONGEST), logp) for tokens, logp in s.predicted for place, t in enumerate(tokens)] for s in sources]
    wide = max(1, max(map(len, options)))
    batch = {
        "states": torch.zeros(len(sources), width, sources[0].states.shape[1]),
        "tokens": torch.zeros(len(sources), width, dtype=torch.long),
        "source_mask": torch.zeros(len(sources), width, dtype=torch.bool),
        "predicted_tokens": torch.zeros(len(sources), wide, dtype=torch.long),
        "predicted": torch.full((len(sources), wide), END),
        "predicted_places": torch.zeros(len(sources), wide, dtype=torch.long),
        "predicted_logp": torch.zeros(len(sources), wide),
    }
    for i, (source, option) in enumerate(zip(sources, options)):
        size = len(source.tokens)
        batch["states"][i, :size] = torch.from_numpy(source.states.astype(np.float32))
        batch["tokens"][i, :size] = torch.tensor(source.tokens)
        batch["source_mask"][i, :size] = torch.tensor([t not in special for t in source.tokens])
        for j, (token, place, logp) in enumerate(option):
            batch["predicted_tokens"][i, j] = token
            batch["predicted"][i, j] = pieces.own.get(token, UNKNOWN)
            batch["predicted_places"][i, j] = place
            batch["predicted_logp"][i, j] = logp
    return batch


def phrase_loss(decoder: PointerDecoder, pieces: Pieces, sources: Sequence[Source], phrases: Sequence[str], special: set[int]) -> Tensor:
    """Mean negative log-likelihood of one phrase a source, END included, by phrase."""
    batch = pad_sources(sources, pieces, special)
    targets = [pieces.of(phrase)[:LONGEST] for phrase in phrases]
    length = max(map(len, targets)) + 1
    prefix = torch.full((len(targets), length), END)
    for i, target in enumerate(targets):
        prefix[i, : len(target) + 1] = torch.tensor([BEGIN, *pieces.ids(target)])
    keys, values = decoder.source_key(batch["states"]), decoder.source_value(batch["states"])
    vocabulary, copied, chosen = decoder(prefix, keys, values, batch["source_mask"], batch["predicted"], batch["predicted_places"], batch["predicted_logp"])
    # Each position's wanted piece, in the decoder's and in the tokenizer's numbering; -1 where there is none.
    own = torch.full((len(targets), length), -1)
    token = torch.full((len(targets), length), -1)
    for i, target in enumerate(targets):
        for j, (mine, theirs) in enumerate(zip(pieces.ids(target), target)):
            own[i, j] = mine if mine != UNKNOWN else -1
            token[i, j] = theirs
        own[i, len(target)] = END
    real = (own >= 0) | (token >= 0)
    written = vocabulary.gather(-1, own.clamp(min=0)[..., None])[..., 0] * (own >= 0)
    from_source = (copied * (batch["tokens"][:, None, :] == token[..., None])).sum(-1)
    from_predicted = (chosen * (batch["predicted_tokens"][:, None, :] == token[..., None])).sum(-1)
    logp = (written + from_source + from_predicted + TINY).log()
    return -(logp * real).sum(1).mean()


# One step: prefixes int64 [rows, length] and each row's post int64 [rows] → the last place's three parts.
Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def beams(step: Step, batch: dict[str, np.ndarray], pieces: Pieces, width: int) -> list[list[tuple[str, float]]]:
    """The `width` likeliest phrases of each post of a batch (of `pad_sources`), with their log-probabilities, best first.

    A finished phrase leaves its beam a place free. Of equal pieces that with the smaller id comes first, of
    equal phrases that which was found first.
    """
    posts = len(batch["tokens"])
    growing: list[list[tuple[float, list[int]]]] = [[(0.0, [])] for _ in range(posts)]
    done: list[list[tuple[float, list[int]]]] = [[] for _ in range(posts)]
    for length in range(LONGEST + 1):
        rows = [(post, logp, tokens) for post, group in enumerate(growing) for logp, tokens in group]
        if not rows:
            break
        prefix = np.array([[BEGIN, *pieces.ids(tokens)] for _, _, tokens in rows])
        vocabulary, copied, chosen = step(prefix, np.array([post for post, _, _ in rows]))
        grown: list[list[tuple[float, list[int], bool]]] = [[] for _ in range(posts)]
        for row, (post, logp, tokens) in enumerate(rows):
            if tokens:
                grown[post].append((logp + math.log(float(vocabulary[row, END]) + TINY), tokens, True))
            if length == LONGEST:
                continue
            total = next_pieces(vocabulary[row], copied[row], chosen[row], {name: part[post] for name, part in batch.items()}, pieces, width)
            first = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:width]
            grown[post] += [(logp + math.log(p + TINY), [*tokens, token], False) for token, p in first]
        for post, options in enumerate(grown):
            options.sort(key=lambda option: -option[0])
            kept = options[: width - len(done[post])]
            done[post] += [(logp, tokens) for logp, tokens, ended in kept if ended]
            growing[post] = [(logp, tokens) for logp, tokens, ended in kept if not ended]
    return [[(pieces.phrase(tokens), logp) for logp, tokens in sorted(group, key=lambda item: -item[0])] for group in done]


def next_pieces(vocabulary: np.ndarray, copied: np.ndarray, chosen: np.ndarray, post: dict[str, np.ndarray], pieces: Pieces, width: int) -> dict[int, float]:
    """The tokenizer's ids that may come next, with the sum of their three parts: the vocabulary's likeliest
    `width`, and all that can be copied. A piece that is copied counts with its part of the vocabulary."""
    own = vocabulary[PIECES:]
    likeliest = np.argpartition(-own, min(width, len(own) - 1))[:width]
    total = {pieces.token_ids[i]: float(own[i]) for i in likeliest}
    readable = np.flatnonzero(post["source_mask"])
    options = np.flatnonzero(post["predicted"] != END)
    for tokens, part, places in ((post["tokens"], copied, readable), (post["predicted_tokens"], chosen, options)):
        for place in places:
            token = int(tokens[place])
            if token not in total:
                total[token] = float(vocabulary[pieces.own[token]]) if token in pieces.own else 0.0
            total[token] += float(part[place])
    return total


@torch.inference_mode()
def write(decoder: PointerDecoder, pieces: Pieces, sources: Sequence[Source], special: set[int], width: int) -> list[list[tuple[str, float]]]:
    """`beams` with a decoder in PyTorch."""
    decoder.eval()
    batch = pad_sources(sources, pieces, special)
    keys, values = decoder.source_key(batch["states"]), decoder.source_value(batch["states"])

    def step(prefix: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = torch.from_numpy(post)
        read = (batch[name][at] for name in ("source_mask", "predicted", "predicted_places", "predicted_logp"))
        return tuple(part[:, -1].numpy() for part in decoder(torch.from_numpy(prefix), keys[at], values[at], *read))

    return beams(step, {name: tensor.numpy() for name, tensor in batch.items()}, pieces, width)


def untrained(pieces: Pieces, words: Tensor, settings: dict) -> PointerDecoder:
    """A decoder whose pieces start as the principal components of the encoder's word embeddings [tokens, hidden]."""
    decoder = PointerDecoder(len(pieces), words.shape[1], settings["width"], settings["heads"], settings["inner"], settings["dropout"])
    chosen = words[pieces.token_ids] - words[pieces.token_ids].mean(0)
    _, _, axes = torch.linalg.svd(chosen, full_matrices=False)
    start = chosen @ axes[: settings["width"]].T
    with torch.no_grad():
        decoder.pieces.weight.normal_(0, 0.02)
        decoder.pieces.weight[PIECES:, : start.shape[1]] = start / start.std() * 0.05
        for places in (decoder.places, decoder.predicted_places):
            places.weight.normal_(0, 0.02)
    return decoder


def fit(decoder: PointerDecoder, pieces: Pieces, sources: Sequence[Source], phrases: Sequence[Sequence[str]], special: set[int], settings: dict, blind: float, name: str, seed: int) -> None:
    """Trains on every phrase of every source; a source loses its predictions with probability `blind`."""
    pairs = [(i, phrase) for i, group in enumerate(phrases) for phrase in group if pieces.of(phrase)]
    optimiser = torch.optim.AdamW(decoder.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"], fused=True)
    steps = settings["epochs"] * math.ceil(len(pairs) / settings["batch"])
    warm = max(1, steps // 20)
    schedule = warm_up_and_decay(optimiser, steps, warm)
    chance = random.Random(f"{seed}/{name}")
    torch.manual_seed(chance.randrange(2**31))
    for epoch in range(settings["epochs"]):
        began, seen = time.monotonic(), []
        decoder.train()
        chance.shuffle(pairs)
        pools = [sorted(pairs[i : i + settings["batch"] * 16], key=lambda p: len(sources[p[0]].tokens)) for i in range(0, len(pairs), settings["batch"] * 16)]
        batches = [pool[i : i + settings["batch"]] for pool in pools for i in range(0, len(pool), settings["batch"])]
        chance.shuffle(batches)
        for group in tqdm(batches, desc=f"{name} {epoch + 1}/{settings['epochs']}", disable=None):
            read = [sources[i] if chance.random() >= blind else Source(sources[i].states, sources[i].tokens, []) for i, _ in group]
            loss = phrase_loss(decoder, pieces, read, [phrase for _, phrase in group], special)
            seen.append(descend(loss, decoder, optimiser, schedule))
        print(name, json.dumps({"epoch": epoch + 1, "loss": round(float(np.mean(seen)), 4), "seconds": round(time.monotonic() - began)}), flush=True)
