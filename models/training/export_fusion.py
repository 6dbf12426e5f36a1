"""Writes fusion.onnx: how a photo joins its text (fusion.py), node by node.

    keys, values    float32 [posts, tokens, width], the text's tokens by text.onnx
    mask            int64 [posts, tokens]
    regions         float32 [posts, 49, 1280] by image.onnx
    region_filter   float32 [], 1; with 0 all regions weigh the same
    familiarity     float32 [posts], in [0, 1]: how like the photos of the training the photo is (familiar.py)
    match           float32 [posts], in [0, 1]: the network's as far as the photo is familiar, else `prior`
    weights         float32 [posts, 49], of sum 1
    vector          float32 [posts, hidden], of length 1

Weight matrices are int8 with a scale an output, widened to float32 when the file is loaded, as in image.onnx.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from export_text import Graph, quantise_rows
from familiar import Familiar
from fusion import FEATURES, REGIONS, SHARPNESS, Fusion


def build(weights: dict[str, np.ndarray], heads: int, known: Familiar, prior: float) -> Graph:
    """`prior`: the matching score of a photo of which nothing is known."""
    g = Graph()
    shared, hidden = weights["region.weight"].shape[0], weights["value.weight"].shape[0]
    ints = lambda name, *values: g.constant(name, np.array(values, np.int64))
    number = lambda name, value: g.constant(name, np.float32(value))
    axis_1, axis_2 = ints("axis_1", 1), ints("axis_2", 2)

    def linear(x: str, name: str, out: str | None = None) -> str:
        """x [..., in] → [..., out]"""
        rows, scale = quantise_rows(weights[f"{name}.weight"])
        wide = g.node("Cast", [g.constant(f"{name}.int8", rows.T)], f"{name}.cast", to=TensorProto.FLOAT)
        wide = g.node("Mul", [wide, g.constant(f"{name}.scale", scale[:, 0])], f"{name}.weight")
        return g.node("Add", [g.node("MatMul", [x, wide], f"{name}.product"), g.constant(f"{name}.bias", weights[f"{name}.bias"])], out or f"{name}.out")

    def norm(x: str, name: str) -> str:
        return g.node("LayerNormalization", [x, g.constant(f"{name}.gamma", weights[f"{name}.weight"]), g.constant(f"{name}.beta", weights[f"{name}.bias"])], f"{name}.out", axis=-1, epsilon=1e-5)

    def unit(x: str, name: str) -> str:
        return g.node("LpNormalization", [x], name, axis=-1, p=2)

    def split(x: str, name: str, width: int) -> str:
        """[posts, rows, heads × width] → [posts, heads, rows, width]"""
        return g.node("Transpose", [g.node("Reshape", [x, ints(f"{name}.shape", 0, 0, heads, width)], f"{name}.parts")], name, perm=[0, 2, 1, 3])

    pooled = g.node("ReduceMean", ["regions", axis_1], "pooled", keepdims=0)
    pooled = g.node("Sub", [pooled, g.constant("known.mean", known.mean)], "pooled.centred")
    pooled = unit(g.node("Mul", [pooled, g.constant("known.inverse_std", 1 / known.std)], "pooled.scaled"), "pooled.unit")
    rows, scale = quantise_rows(known.centres)
    centres = g.node("Mul", [g.node("Cast", [g.constant("known.int8", rows.T)], "known.cast", to=TensorProto.FLOAT), g.constant("known.scale", scale[:, 0])], "known.centres")
    nearest = g.node("ReduceMax", [g.node("MatMul", [pooled, centres], "known.likeness"), axis_1], "known.nearest", keepdims=0)
    above = g.node("Sub", [nearest, number("known.least", known.least)], "known.above")
    familiarity = g.node("Clip", [g.node("Mul", [above, number("known.step", 1 / (known.usual - known.least))], "known.share"), number("zero", 0), number("one", 1)], "familiarity")

    seen = norm("regions", "region_norm")
    region_worth = g.node("Softmax", [g.node("Squeeze", [linear(seen, "region_worth"), axis_2], "region_worth.flat")], "region_worth.share", axis=-1)
    region = unit(linear(seen, "region"), "region.unit")

    def whole(x: str, worth: str, name: str) -> str:
        """The pieces' features, as much as each counts, [posts, shared] of length 1."""
        row = g.node("MatMul", [g.node("Unsqueeze", [worth, axis_1], f"{name}.worth"), x], f"{name}.row")
        return unit(linear(g.node("Squeeze", [row, axis_1], f"{name}.flat"), name), f"{name}.unit")

    keep = g.node("Cast", ["mask"], "keep", to=TensorProto.FLOAT)
    hide = g.node("Mul", [g.node("Sub", [keep, "one"], "padding"), number("far", 1e4)], "hide")  # -1e4 in padding
    read = norm(g.node("Concat", ["keys", "values"], "states", axis=-1), "token_norm")
    token_worth = g.node("Add", [g.node("Squeeze", [linear(read, "token_worth"), axis_2], "token_worth.flat"), hide], "token_worth.kept")
    token_worth = g.node("Softmax", [token_worth], "token_worth.share", axis=-1)
    token = unit(linear(read, "token"), "token.unit")
    wide_keep = g.node("Unsqueeze", [keep, axis_2], "keep.wide")
    token = g.node("Mul", [token, wide_keep], "token.kept")

    likeness = g.node("MatMul", [region, g.node("Transpose", [token], "token.across", perm=[0, 2, 1])], "likeness.all")
    likeness = g.node("Add", [likeness, g.node("Unsqueeze", [hide, axis_1], "hide.wide")], "likeness")  # [posts, regions, tokens]
    of_regions = g.node("ReduceMax", [likeness, axis_2], "of_regions", keepdims=0)
    of_tokens = g.node("ReduceMax", [likeness, axis_1], "of_tokens", keepdims=0)
    found = [g.node("ReduceSum", [g.node("Mul", pair, f"{name}.weighed"), axis_1], f"{name}.found", keepdims=0)
             for name, pair in (("token", [of_tokens, token_worth]), ("region", [of_regions, region_worth]))]  # fmt: skip
    wholes = g.node("Mul", [whole(seen, region_worth, "whole_photo"), whole(read, token_worth, "whole_text")], "wholes")
    wholes = g.node("ReduceSum", [wholes, axis_1], "whole.found", keepdims=0)
    logit = g.node("Mul", [g.node("Sum", [*found, wholes], "found"), number("match_scale", weights["match_scale"])], "logit.scaled")
    judged = g.node("Sigmoid", [g.node("Add", [logit, number("match_bias", weights["match_bias"])], "logit")], "judged")
    apart = g.node("Mul", [g.node("Sub", [judged, number("prior", prior)], "judged.apart"), familiarity], "judged.known")
    match = g.node("Add", [apart, "prior"], "match")
    sharp = g.node("Mul", [g.node("Unsqueeze", [judged, axis_1], "judged.wide"), g.node("Mul", [number("sharpness", SHARPNESS), "region_filter"], "sharp")], "sharp.match")
    weight = g.node("Softmax", [g.node("Mul", [of_regions, sharp], "weights.logits")], "weights", axis=-1)

    text = g.node("MatMul", [g.node("Unsqueeze", [token_worth, axis_1], "token_worth.row"), token], "text")  # [posts, 1, shared]
    query, key = split(linear(text, "query"), "query.heads", shared // heads), split(linear(region, "key"), "key.heads", shared // heads)
    scores = g.node("MatMul", [query, g.node("Transpose", [key], "key.across", perm=[0, 1, 3, 2])], "scores.all")
    scores = g.node("Mul", [scores, number("scores.scale", (shared / heads) ** -0.5)], "scores")
    bias = g.node("Log", [g.node("Max", [weight, number("least", 1e-6)], "weights.positive")], "weights.log")
    bias = g.node("Unsqueeze", [bias, ints("axes_1_2", 1, 2)], "bias")
    attention = g.node("Softmax", [g.node("Add", [scores, bias], "scores.biased")], "attention", axis=-1)
    mixed = g.node("MatMul", [attention, split(linear(region, "value"), "value.heads", hidden // heads)], "mixed.heads")
    mixed = g.node("Reshape", [g.node("Transpose", [mixed], "mixed.rows", perm=[0, 2, 1, 3]), ints("mixed.shape", 0, hidden)], "seen")
    added = g.node("Add", [linear(g.node("Gelu", [mixed], "seen.gelu"), "mixed"), mixed], "added")
    unit(added, "vector")
    return g


def export(model: Fusion, known: Familiar, prior: float, bundle: Path) -> None:
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    tokens, hidden = weights["token.weight"].shape[1] // 2, weights["value.weight"].shape[0]
    floats = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
    inputs = [
        floats("keys", "posts", "tokens", tokens), floats("values", "posts", "tokens", tokens),
        helper.make_tensor_value_info("mask", TensorProto.INT64, ["posts", "tokens"]),
        floats("regions", "posts", REGIONS, FEATURES), floats("region_filter"),
    ]  # fmt: skip
    outputs = [floats("familiarity", "posts"), floats("match", "posts"), floats("weights", "posts", REGIONS), floats("vector", "posts", hidden)]
    build(weights, model.heads, known, prior).save(bundle / "fusion.onnx", inputs, outputs)
    print(f"fusion: fusion.onnx {(bundle / 'fusion.onnx').stat().st_size:,} bytes", flush=True)
