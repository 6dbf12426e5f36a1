"""MiniLM-L6 as a mean-pooled sentence encoder with a classifier over the labels, in PyTorch.

The encoder is BERT's (post-norm, learned positions, exact GELU); its parameters carry the
names of the published checkpoint, so that the weights load as they are. The architecture's
numbers come from that checkpoint's config.json, see config.yaml.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inputs import SEGMENTS


class Layer(nn.Module):
    """Self-attention and feed-forward, each followed by its residual and LayerNorm."""

    def __init__(self, hidden: int, heads: int, inner: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        self.attended = nn.Linear(hidden, hidden)
        self.attended_norm = nn.LayerNorm(hidden, eps=1e-12)
        self.widen = nn.Linear(hidden, inner)
        self.narrow = nn.Linear(inner, hidden)
        self.narrow_norm = nn.LayerNorm(hidden, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [batch, tokens, hidden], mask bool [batch, 1, 1, tokens] → x's shape."""
        b, t, h = x.shape
        q, k, v = (part(x).view(b, t, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value))
        # By hand: over these short posts PyTorch's fused attention took a third longer (bfloat16, two cores).
        likeness = (q @ k.transpose(-1, -2)) * (h // self.heads) ** -0.5
        mixed = likeness.masked_fill(~mask, -1e4).softmax(-1).to(v.dtype) @ v
        mixed = self.attended(mixed.transpose(1, 2).reshape(b, t, h))
        x = self.attended_norm(x + F.dropout(mixed, self.dropout, self.training))
        inner = self.narrow(F.gelu(self.widen(x)))
        return self.narrow_norm(x + F.dropout(inner, self.dropout, self.training))


class Encoder(nn.Module):
    """Token ids → one unit vector a post."""

    def __init__(self, vocabulary: int, hidden: int, layers: int, heads: int, inner: int, positions: int, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.words = nn.Embedding(vocabulary, hidden)
        self.positions = nn.Embedding(positions, hidden)
        self.types = nn.Embedding(len(SEGMENTS), hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.layers = nn.ModuleList(Layer(hidden, heads, inner, dropout) for _ in range(layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """int64 [batch, tokens] each → the post's vector [batch, hidden] of length 1, states [batch, tokens, hidden]."""
        x = self.words(input_ids) + self.positions.weight[: input_ids.shape[1]] + self.types(token_type_ids)
        x = F.dropout(self.norm(x), self.dropout, self.training)
        mask = attention_mask.bool()[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        x = x.float()
        keep = attention_mask[:, :, None].to(x.dtype)
        return F.normalize((x * keep).sum(1) / keep.sum(1), dim=-1), x


PRIOR_POSTS, PRIOR_SHIFT, PRIOR_SLOPE = 32_000, 20, 0.8


def log_prior(label_counts: Tensor) -> Tensor:
    """The logarithm of each label's share of all labels: its posts and `PRIOR_POSTS` posts by its rank in the list.

    The list is sorted by frequency, and the frequency of the label of rank r is as 1 / (r + shift)^slope (the
    Zipf-Mandelbrot law). The three numbers are those under which the labels of held-out posts are likeliest.
    """
    law = (torch.arange(len(label_counts)) + PRIOR_SHIFT).pow(-PRIOR_SLOPE)
    return ((label_counts + PRIOR_POSTS * law / law.sum()) / (label_counts.sum() + PRIOR_POSTS)).log()


class Tagger(nn.Module):
    """The encoder and, over its unit vectors, one weight vector and prior bias a label.

    A label's weights are the encoder's own vector of the label's words (`anchors`) and a learned difference,
    which decays towards nothing: rare labels stay near their words, and a label never seen in training can be
    scored by its words alone.
    """

    def __init__(self, encoder: Encoder, anchors: Tensor, label_counts: Tensor, scale: float):
        """anchors [labels, hidden] of length 1; label_counts [labels] in the training posts."""
        super().__init__()
        self.encoder = encoder
        self.register_buffer("anchors", anchors.clone())
        self.differences = nn.Parameter(torch.zeros_like(anchors))
        self.bias = nn.Parameter(log_prior(label_counts))
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))

    def weights(self) -> Tensor:
        """[labels, hidden]"""
        return self.anchors + self.differences

    def classify(self, vectors: Tensor) -> Tensor:
        """The posts' vectors [batch, hidden] → logits [batch, labels]."""
        return self.log_scale.exp() * vectors @ self.weights().T + self.bias


_NAMES = {  # ours → the checkpoint's
    "words": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "narrow_norm": "output.LayerNorm",
}


def _checkpoint_name(ours: str) -> str:
    parts = ours.split(".")
    if parts[0] == "layers":
        return f"encoder.layer.{parts[1]}.{_NAMES[parts[2]]}.{parts[3]}"
    return f"{_NAMES[parts[0]]}.{parts[1]}"


def pretrained(dropout: float) -> tuple[Encoder, str]:
    """MiniLM-L6 with its published weights, and its tokenizer.json without truncation or padding."""
    import all_minilm_l6_v2  # the package prints a line when imported
    from safetensors.torch import load

    with zipfile.ZipFile(Path(all_minilm_l6_v2.__file__).parent / "model.zip") as archive:
        shape = json.loads(archive.read("config.json"))
        weights = load(archive.read("model.safetensors"))
        tokenizer = json.loads(archive.read("tokenizer.json"))
    tokenizer["truncation"] = tokenizer["padding"] = None
    encoder = Encoder(
        shape["vocab_size"], shape["hidden_size"], shape["num_hidden_layers"], shape["num_attention_heads"],
        shape["intermediate_size"], shape["max_position_embeddings"], dropout,
    )  # fmt: skip
    state = {name: weights[_checkpoint_name(name)] for name in encoder.state_dict()}
    # The checkpoint knows two types; every kind of image words starts as the second.
    state["types.weight"] = state["types.weight"][[0] + [1] * (len(SEGMENTS) - 1)]
    encoder.load_state_dict(state)
    return encoder, json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
