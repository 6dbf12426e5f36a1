"""The half that sees, in PyTorch: how a photo's regions meet a post's words.

After arXiv 2309.04734, section 3: a matching score m says whether the photo belongs to the text at all; the correlation
of each region with the words, together with m, weighs the regions; multi-head attention from the text over the weighted
regions gives what the photo adds. Regions are EfficientNet-lite0's 7×7, projected to where the text's tokens are, so
that a region stands near the words that name it (late interaction, as in ColBERT, Khattab and Zaharia, 2020, and FILIP,
Yao et al., 2021).

The text's tokens come as the decoder reads them: `keys` and `values` of text.onnx, one behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = COLUMNS = 7
REGIONS = ROWS * COLUMNS
FEATURES = 1280  # of a region: EfficientNet-lite0's last layer
SHARPNESS = 10.0  # of the softmax that turns correlations of regions into weights


@dataclass(frozen=True)
class Part:
    """Photos or texts where they meet."""

    pieces: Tensor  # [_, regions or tokens, shared], of length 1; 0 in padding
    worth: Tensor  # [_, regions or tokens], how much each counts in the match; sums to 1
    whole: Tensor  # [_, shared], of length 1

    def __getitem__(self, rows) -> Part:
        return Part(self.pieces[rows], self.worth[rows], self.whole[rows])


@dataclass(frozen=True)
class Sight:
    """What comes of posts and their photos."""

    match: Tensor  # [posts] in [0, 1]
    logit: Tensor  # [posts], whose logistic function is `match`
    correlation: Tensor  # [posts, regions], cosines
    weights: Tensor  # [posts, regions], sums to 1
    vector: Tensor  # [posts, hidden] of length 1, where the encoder's vectors of words are


class Fusion(nn.Module):
    def __init__(self, tokens: int, hidden: int, shared: int, heads: int, dropout: float):
        """`tokens`: width of a token's keys and values together; `hidden`: the encoder's; `shared`: where words and regions meet."""
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.region_norm, self.token_norm = nn.LayerNorm(FEATURES), nn.LayerNorm(tokens)
        self.region, self.token = nn.Linear(FEATURES, shared), nn.Linear(tokens, shared)
        self.whole_photo, self.whole_text = nn.Linear(FEATURES, shared), nn.Linear(tokens, shared)
        self.region_worth, self.token_worth = nn.Linear(FEATURES, 1), nn.Linear(tokens, 1)
        self.match_scale, self.match_bias = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(-5.0))
        self.query, self.key, self.value = nn.Linear(shared, shared), nn.Linear(shared, shared), nn.Linear(shared, hidden)
        self.mixed = nn.Linear(hidden, hidden)

    def photos(self, features: Tensor) -> Part:
        """float [photos, regions, features]"""
        x = self.region_norm(features)
        worth = self.region_worth(x)[..., 0].softmax(-1)
        x = F.dropout(x, self.dropout, self.training)
        whole = F.normalize(self.whole_photo((x * worth[..., None]).sum(1)), dim=-1)
        return Part(F.normalize(self.region(x), dim=-1), worth, whole)

    def texts(self, states: Tensor, mask: Tensor) -> Part:
        """float [texts, tokens, width], bool [texts, tokens]"""
        x = self.token_norm(states)
        worth = self.token_worth(x)[..., 0].masked_fill(~mask, -1e4).softmax(-1)
        x = F.dropout(x, self.dropout, self.training)
        whole = F.normalize(self.whole_text((x * worth[..., None]).sum(1)), dim=-1)
        return Part(F.normalize(self.token(x), dim=-1) * mask[..., None], worth, whole)

    def logits(self, photos: Part, texts: Part, mask: Tensor) -> Tensor:
        """Every photo against every text → [photos, texts]. `mask` bool [texts, tokens]."""
        likeness = torch.einsum("irs,jts->ijrt", photos.pieces, texts.pieces).masked_fill(~mask[None, :, None], -1.0)
        found = (likeness.amax(2) * texts.worth[None]).sum(-1) + (likeness.amax(3) * photos.worth[:, None]).sum(-1)
        return self.match_scale * (found + photos.whole @ texts.whole.T) + self.match_bias

    def attend(self, regions: Tensor, weights: Tensor, texts: Part) -> Tensor:
        """What the photos add: [posts, regions, shared], their weights and texts → [posts, hidden] of length 1."""
        posts = len(regions)
        split = lambda x: x.reshape(posts, -1, self.heads, x.shape[-1] // self.heads).transpose(1, 2)
        text = (texts.pieces * texts.worth[..., None]).sum(1, keepdim=True)
        scores = split(self.query(text)) @ split(self.key(regions)).transpose(2, 3) / (self.key.out_features / self.heads) ** 0.5
        attention = (scores + weights.clamp_min(1e-6).log()[:, None, None]).softmax(-1)
        seen = (attention @ split(self.value(regions))).transpose(1, 2).reshape(posts, -1)
        return F.normalize(self.mixed(F.gelu(seen)) + seen, dim=-1)

    def forward(self, photos: Part, texts: Part, mask: Tensor, region_filter: float = 1.0) -> Sight:
        """Each text with its own photo. `mask` bool [posts, tokens]; `region_filter` 0: all regions weigh the same."""
        likeness = torch.einsum("prs,pts->prt", photos.pieces, texts.pieces).masked_fill(~mask[:, None], -1.0)
        of_regions = likeness.amax(2)
        found = (likeness.amax(1) * texts.worth).sum(-1) + (of_regions * photos.worth).sum(-1)
        logit = self.match_scale * (found + (photos.whole * texts.whole).sum(-1)) + self.match_bias
        match = logit.sigmoid()
        weights = (SHARPNESS * region_filter * match[:, None] * of_regions).softmax(-1)
        return Sight(match, logit, of_regions, weights, self.attend(photos.pieces, weights, texts))
