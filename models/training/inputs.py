"""From a post to the text model's input: the one place that says how, mirrored by the agent.

    segment A   the post's normalised text, cut to `max_text_tokens` word pieces
    segment B   entities, then attributes, joined by " , "; then, where the image holds
                text, " . " and that text; cut to what is left of `max_tokens`

    input_ids        [CLS] A [SEP]          or   [CLS] A [SEP] B [SEP]   (B not empty)
    token_type_ids     0   0   0                   0   0   0   1   1
    attention_mask   1 for each of these; padding has id 0, type 0, mask 0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:  # at run time only `pad` needs it, so that reading posts needs no package
    import numpy as np


@dataclass(frozen=True)
class Post:
    """What the text model may see of a post, and what it should say (`keyphrases`)."""

    text: str
    entities: Sequence[str] = ()
    attributes: Sequence[str] = ()
    ocr: str = ""
    keyphrases: Sequence[str] = field(default=(), compare=False)


def image_words(entities: Sequence[str], attributes: Sequence[str], ocr: str) -> str:
    """Segment B as text; a part that is missing takes its separator with it."""
    words = " , ".join([*entities, *attributes])
    return " . ".join(part for part in (words, ocr) if part)


def assemble(tokenizer, post: Post, max_tokens: int, max_text_tokens: int) -> tuple[list[int], list[int]]:
    """`(input_ids, token_type_ids)` of one post, unpadded; both at most `max_tokens` long.

    `tokenizer` is a `tokenizers.Tokenizer` without truncation or padding.
    """
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    a = tokenizer.encode(post.text, add_special_tokens=False).ids[:max_text_tokens]
    ids, types = [cls, *a, sep], [0] * (len(a) + 2)
    b = tokenizer.encode(image_words(post.entities, post.attributes, post.ocr), add_special_tokens=False).ids
    b = b[: max(0, max_tokens - len(ids) - 1)]
    if b:
        ids, types = [*ids, *b, sep], [*types, *[1] * (len(b) + 1)]
    return ids, types


def pad(rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, np.ndarray]:
    """A batch of assembled posts as int64 arrays `[batch, tokens]`, by input name."""
    import numpy as np

    width = max(len(ids) for ids, _ in rows)
    batch = {name: np.zeros((len(rows), width), np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for i, (ids, types) in enumerate(rows):
        batch["input_ids"][i, : len(ids)] = ids
        batch["attention_mask"][i, : len(ids)] = 1
        batch["token_type_ids"][i, : len(types)] = types
    return batch
