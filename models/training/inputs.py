"""From a post to the text model's input: the one place that says how, mirrored by the agent.

A post is up to four segments, each the word pieces of one kind of words, cut to its limit and closed by
[SEP]; the first opens with [CLS]. The type of a token is its segment's number. Empty segments but the
first are left out.

    0  text         the post's normalised text
    1  entities     names of what the image shows, joined by " , "
    2  attributes   generic words for the image, joined by " , "
    3  image text   what is written in the image

    input_ids        [CLS] text [SEP] entities [SEP] attributes [SEP] image text [SEP]
    token_type_ids     0    0     0      1       1       2        2       3        3
    attention_mask   1 for each of these; padding has id 0, type 0, mask 0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Mapping, Sequence

if TYPE_CHECKING:  # at run time only `pad` needs it, so that reading posts needs no package
    import numpy as np

SEGMENTS = ("text", "entities", "attributes", "ocr")


@dataclass(frozen=True)
class Post:
    """What the text model may see of a post, and what it should say (`keyphrases`)."""

    text: str
    entities: Sequence[str] = ()
    attributes: Sequence[str] = ()
    ocr: str = ""
    keyphrases: Sequence[str] = field(default=(), compare=False)
    image: str = field(default="", compare=False)  # the photo's file name, which tells its time
    match: float | None = field(default=None, compare=False)  # how well photo and text belong together, as published

    def segments(self) -> tuple[str, str, str, str]:
        """The words of each kind, as one text each."""
        return self.text, " , ".join(self.entities), " , ".join(self.attributes), self.ocr


def assemble(tokenizer, post: Post, limits: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """`(input_ids, token_type_ids)` of one post, unpadded.

    `tokenizer` is a `tokenizers.Tokenizer` without truncation or padding; `limits` has the most word
    pieces of each segment, by its name in `SEGMENTS`.
    """
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    ids, types = [cls], [0]
    for kind, (name, words) in enumerate(zip(SEGMENTS, post.segments())):
        pieces = tokenizer.encode(words, add_special_tokens=False).ids[: limits[name]]
        if pieces or kind == 0:
            ids += [*pieces, sep]
            types += [kind] * (len(pieces) + 1)
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
