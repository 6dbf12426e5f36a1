"""Writes text.onnx: the trained tagger in int8, node by node.

    input_ids, attention_mask, token_type_ids   int64 [posts, tokens]
    vectors                                     float32 [posts, hidden], of length 1
    log_probabilities                           float32 [posts, labels]
    keys, values                                float32 [posts, tokens, width], the tokens as the decoder reads them

Every matrix product is one of integers: int8 weights with a scale an output column, uint8
activations with a scale a row (a token), taken from that row alone as the model runs. So a
post's scores do not depend on the posts beside it, as they would under ordinary dynamic
quantisation, whose activation scale spans the batch. (The operator MatMulNBits is as independent,
but its 8-bit kernel was no faster than float32: README.md.) Weights stay within ±64, which keeps
pairs of products inside 16 bits: processors without VNNI instructions saturate there. The word
embeddings are int8 rows, each with a scale. All else is float32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from decoder import PointerDecoder
from encoder import Tagger

CONTRIB = "com.microsoft"  # onnxruntime's own operators: integer products and the fused transformer ones
OPSET = 21


class Graph:
    """Collects nodes and weights; `node` returns the name of the node's first output."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, array) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, inputs: list[str], name: str, outputs: list[str] | None = None, domain: str = "", **attributes) -> str:
        outputs = outputs or [name]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs[0]

    def save(self, file: Path, inputs: list, outputs: list) -> None:
        graph = helper.make_graph(self.nodes, "tagstream", inputs, outputs, self.weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        proto = helper.make_model(graph, opset_imports=opsets, producer_name="tagstream", ir_version=10)
        onnx.checker.check_model(proto)
        file.write_bytes(proto.SerializeToString(deterministic=True))


def quantise_rows(table: np.ndarray, levels: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """float [rows, width] → int8 within ±levels of that shape, float32 scales [rows, 1]."""
    scale = np.abs(table).max(-1, keepdims=True) / levels
    scale[scale == 0] = 1
    return np.rint(table / scale).astype(np.int8), scale.astype(np.float32)


def build(weights: dict[str, np.ndarray], heads: int, max_tokens: int, levels: int | None) -> Graph:
    """The graph of a Tagger's state dict, with the decoder's `source_key` and `source_value`.

    `levels=None` leaves everything float32 (the reference).
    """
    g = Graph()
    hidden = weights["anchors"].shape[1]
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layers."))

    def matmul(x: str, name: str, weight: np.ndarray) -> str:
        """x [rows, in] times weight [out, in] transposed → [rows, out]."""
        if levels is None:
            return g.node("MatMul", [x, g.constant(f"{name}.weight", weight.T)], name)
        largest = g.node("ReduceMax", [g.node("Abs", [x], f"{name}.abs"), "last_axis"], f"{name}.largest", keepdims=1)
        scale = g.node("Max", [g.node("Mul", [largest, "one_127th"], f"{name}.step"), "tiny"], f"{name}.row_scale")
        flat = g.node("Reshape", [scale, "all"], f"{name}.row_scales")
        zeros = g.node("Expand", ["zero_points", g.node("Shape", [flat], f"{name}.rows")], f"{name}.row_zeros")
        quantised = g.node("QuantizeLinear", [x, flat, zeros], f"{name}.quantised", axis=0)
        columns, column_scale = quantise_rows(weight, levels)
        operands = [g.constant(f"{name}.weight", columns.T), "one", g.constant(f"{name}.scale", column_scale[:, 0]), "zero_point"]
        product = g.node("MatMulIntegerToFloat", [quantised, *operands], f"{name}.product", domain=CONTRIB)
        return g.node("Mul", [product, scale], name)

    def norm(x: str, skip: str, bias: np.ndarray, name: str) -> str:
        """LayerNorm(x + bias + skip) [rows, hidden]."""
        parts = [x, skip, g.constant(f"{name}.gamma", weights[f"{name}.weight"]), g.constant(f"{name}.beta", weights[f"{name}.bias"])]
        return g.node("SkipLayerNormalization", [*parts, g.constant(f"{name}.skip_bias", bias)], f"{name}.out", domain=CONTRIB, epsilon=1e-12)

    for name, value in (("one_127th", np.float32(1 / 127)), ("tiny", np.float32(1e-12)), ("one", np.float32(1)),
                        ("zero_point", np.uint8(128)), ("zero_points", np.array([128], np.uint8)),
                        ("last_axis", np.array([-1], np.int64)), ("all", np.array([-1], np.int64)),
                        ("rows", np.array([-1, hidden], np.int64)), ("hidden", np.array([hidden], np.int64))):  # fmt: skip
        g.constant(name, value)
    posts = g.node("Concat", [g.node("Shape", ["input_ids"], "batch_and_tokens"), "hidden"], "posts", axis=0)

    # embeddings: words + positions + types, normalised
    table = weights["encoder.words.weight"]
    if levels is None:
        words = g.node("Gather", [g.constant("words", table), "input_ids"], "words.out")
    else:
        rows, scale = quantise_rows(table)
        words = g.node("Gather", [g.constant("words", rows), "input_ids"], "words.int8")
        words = g.node("Cast", [words], "words.float", to=TensorProto.FLOAT)
        words = g.node("Mul", [words, g.node("Gather", [g.constant("words.scale", scale), "input_ids"], "words.row_scale")], "words.out")
    types = g.node("Gather", [g.constant("types", weights["encoder.types.weight"]), "token_type_ids"], "types.out")
    shape = g.node("Shape", ["input_ids"], "tokens", start=1, end=2)
    zero, axis = g.constant("zero", np.array([0], np.int64)), g.constant("axis_1", np.array([1], np.int64))
    positions = g.node("Slice", [g.constant("positions", weights["encoder.positions.weight"][:max_tokens]), zero, shape, zero], "positions.out")
    x = g.node("Add", [words, types], "words_and_types")
    x = g.node("Add", [x, positions], "embedded")
    affine = [g.constant("norm.gamma", weights["encoder.norm.weight"]), g.constant("norm.beta", weights["encoder.norm.bias"])]
    x = g.node("LayerNormalization", [x, *affine], "embedded.norm", axis=-1, epsilon=1e-12)
    x = g.node("Reshape", [x, "rows"], "embedded.rows")  # [batch, tokens, hidden] → [batch * tokens, hidden]
    mask = g.node("Cast", ["attention_mask"], "mask.int32", to=TensorProto.INT32)

    for i in range(layers):
        at = f"encoder.layers.{i}"
        w, b = (lambda part: weights[f"{at}.{part}.weight"]), (lambda part: weights[f"{at}.{part}.bias"])
        three = ("query", "key", "value")
        qkv = matmul(x, f"{at}.qkv", np.concatenate([w(p) for p in three]))
        parts = [f"{at}.{p}" for p in three]
        g.node("Split", [qkv], f"{at}.split", [f"{p}.rows" for p in parts], axis=-1, num_outputs=3)
        for part in parts:
            g.node("Reshape", [f"{part}.rows", posts], part)
        bias = g.constant(f"{at}.qkv_bias", np.concatenate([b(p) for p in three]))
        mixed = g.node("MultiHeadAttention", [*parts, bias, mask], f"{at}.mixed", domain=CONTRIB, num_heads=heads)
        mixed = g.node("Reshape", [mixed, "rows"], f"{at}.mixed_rows")
        x = norm(matmul(mixed, f"{at}.attended", w("attended")), x, b("attended"), f"{at}.attended_norm")
        inner = matmul(x, f"{at}.widen", w("widen"))
        inner = g.node("BiasGelu", [inner, g.constant(f"{at}.widen_bias", b("widen"))], f"{at}.gelu", domain=CONTRIB)
        x = norm(matmul(inner, f"{at}.narrow", w("narrow")), x, b("narrow"), f"{at}.narrow_norm")

    for name in ("key", "value"):
        rows = matmul(x, f"source_{name}", weights[f"source_{name}.weight"])
        rows = g.node("Add", [rows, g.constant(f"source_{name}.bias", weights[f"source_{name}.bias"])], f"{name}.rows")
        width = g.constant(f"{name}.width", np.array([len(weights["source_key.bias"])], np.int64))
        shape = g.node("Concat", [g.node("Shape", ["input_ids"], f"{name}.tokens"), width], f"{name}.shape", axis=0)
        g.node("Reshape", [rows, shape], f"{name}s")

    # mean over the post's own tokens, unit length, labels
    keep = g.node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    keep = g.node("Unsqueeze", [keep, "last_axis"], "keep")
    x = g.node("Reshape", [x, posts], "encoded")
    total = g.node("ReduceSum", [g.node("Mul", [x, keep], "kept"), axis], "total", keepdims=0)
    mean = g.node("Div", [total, g.node("ReduceSum", [keep, axis], "count", keepdims=0)], "mean")
    unit = g.node("LpNormalization", [mean], "vectors", axis=-1, p=2)
    logits = matmul(unit, "labels", (weights["anchors"] + weights["differences"]) * np.exp(weights["log_scale"]))
    logits = g.node("Add", [logits, g.constant("labels.bias", weights["bias"])], "logits")
    g.node("LogSoftmax", [logits], "log_probabilities", axis=-1)
    assert hidden % heads == 0
    return g


def export(tagger: Tagger, decoder: PointerDecoder, config: dict, cache: Path, bundle: Path) -> None:
    """text.onnx into the bundle; its float32 twin text-fp32.onnx into the cache, to compare with."""
    weights = {name: value.detach().numpy() for name, value in tagger.state_dict().items()}
    weights |= {name: value.detach().numpy() for name, value in decoder.state_dict().items() if name.startswith("source_")}
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["posts", "tokens"]) for n in names]
    shapes = {
        "vectors": ["posts", weights["anchors"].shape[1]],
        "log_probabilities": ["posts", len(weights["anchors"])],
        "keys": ["posts", "tokens", decoder.width],
        "values": ["posts", "tokens", decoder.width],
    }
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()]
    most = sum(config["limits"].values()) + 1 + len(config["limits"])
    for file, levels in ((bundle / "text.onnx", config["export"]["levels"]), (cache / "text-fp32.onnx", None)):
        graph = build(weights, tagger.encoder.layers[0].heads, most, levels)
        graph.save(file, inputs, outputs)
        print(f"export: {file.name} {file.stat().st_size:,} bytes", flush=True)
