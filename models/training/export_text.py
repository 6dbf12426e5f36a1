"""Writes the text model: two graphs over one file of weights.

    text.weights.bin   the weights, int8 with a scale an output column, and all else float32
    text.onnx          products of integers, for the CPU
    text.float.onnx    the same weights, widened as the model is loaded, in products of float32: for CUDA, which has no
                       kernel for the integer products, and as the reference that both are compared with

    input_ids, attention_mask, token_type_ids   int64 [posts, tokens]
    vectors                                     float32 [posts, hidden], of length 1
    log_probabilities                           float32 [posts, labels]
    keys, values                                float32 [posts, tokens, width], the tokens as the decoder reads them

In text.onnx every matrix product is one of integers: int8 weights and uint8 activations with a scale a row (a token),
taken from that row alone as the model runs. So a post's scores do not depend on the posts beside it, as they would under
ordinary dynamic quantisation, whose activation scale spans the batch. (The operator MatMulNBits is as independent, but
its 8-bit kernel was no faster than float32: README.md.) Weights stay within ±64, which keeps pairs of products inside 16
bits: processors without VNNI instructions saturate there. The word embeddings are int8 rows, each with a scale.

    python models/training/export_text.py OLD NEW

writes both graphs and the weights into the folder NEW from the text.onnx in the folder OLD, without training: after a
change of the graphs alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model

CONTRIB = "com.microsoft"  # onnxruntime's own operators: integer products and the fused transformer ones
OPSET = 21
WEIGHTS = "text.weights.bin"
INLINE = 1024  # bytes: smaller tensors stand in the graphs themselves
ALIGNED = 64  # bytes: where a tensor begins in the file of weights


class Weights:
    """A file of tensors that several graphs share."""

    def __init__(self, file: Path):
        self.file = file
        self.data = bytearray()
        self.offsets: dict[str, int] = {}

    def place(self, tensor: onnx.TensorProto) -> onnx.TensorProto:
        """The tensor with its content in the file, where it is large."""
        raw = tensor.raw_data
        if len(raw) < INLINE:
            return tensor
        if tensor.name not in self.offsets:
            self.data.extend(bytes(-len(self.data) % ALIGNED))
            self.offsets[tensor.name] = len(self.data)
            self.data.extend(raw)
        outside = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.file.name), ("offset", self.offsets[tensor.name]), ("length", len(raw))):
            outside.external_data.add(key=key, value=str(value))
        return outside

    def write(self) -> None:
        self.file.write_bytes(self.data)


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

    def save(self, file: Path, inputs: list, outputs: list, weights: Weights | None = None) -> None:
        """Writes the graph; with `weights`, which is to be written first, its large tensors stay there."""
        initializers = self.weights if weights is None else [weights.place(tensor) for tensor in self.weights]
        graph = helper.make_graph(self.nodes, "tagstream", inputs, outputs, initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        proto = helper.make_model(graph, opset_imports=opsets, producer_name="tagstream", ir_version=10)
        file.write_bytes(proto.SerializeToString(deterministic=True))
        if weights is not None:
            weights.write()
        onnx.checker.check_model(file)


def quantise_rows(table: np.ndarray, levels: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """float [rows, width] → int8 within ±levels of that shape, float32 scales [rows, 1]."""
    scale = np.abs(table).max(-1, keepdims=True) / levels
    scale[scale == 0] = 1
    return np.rint(table / scale).astype(np.int8), scale.astype(np.float32)


def tensors_of(weights: Mapping[str, np.ndarray], levels: int) -> dict[str, np.ndarray]:
    """A Tagger's state dict, with the decoder's `source_key` and `source_value`, as the graphs hold it."""
    tensors: dict[str, np.ndarray] = {}

    def product(name: str, weight: np.ndarray) -> None:
        """A weight [out, in] as int8 [in, out] and a scale an output column."""
        columns, scale = quantise_rows(weight, levels)
        tensors[f"{name}.weight"] = np.ascontiguousarray(columns.T)
        tensors[f"{name}.scale"] = scale[:, 0]

    tensors["words"], tensors["words.scale"] = quantise_rows(weights["encoder.words.weight"])
    tensors["types"], tensors["positions"] = weights["encoder.types.weight"], weights["encoder.positions.weight"]
    tensors["norm.gamma"], tensors["norm.beta"] = weights["encoder.norm.weight"], weights["encoder.norm.bias"]
    for at in layers_of(weights):
        w, b = (lambda part: weights[f"{at}.{part}.weight"]), (lambda part: weights[f"{at}.{part}.bias"])
        three = ("query", "key", "value")
        product(f"{at}.qkv", np.concatenate([w(part) for part in three]))
        tensors[f"{at}.qkv_bias"] = np.concatenate([b(part) for part in three])
        for part in ("attended", "widen", "narrow"):
            product(f"{at}.{part}", w(part))
        tensors[f"{at}.widen_bias"] = b("widen")
        for part in ("attended", "narrow"):
            tensors[f"{at}.{part}_norm.skip_bias"] = b(part)
            tensors[f"{at}.{part}_norm.gamma"], tensors[f"{at}.{part}_norm.beta"] = w(f"{part}_norm"), b(f"{part}_norm")
    for name in ("source_key", "source_value"):
        product(name, weights[f"{name}.weight"])
        tensors[f"{name}.bias"] = weights[f"{name}.bias"]
    product("labels", (weights["anchors"] + weights["differences"]) * np.exp(weights["log_scale"]))
    tensors["labels.bias"] = weights["bias"]
    return tensors


def layers_of(names: Mapping[str, np.ndarray]) -> list[str]:
    count = 1 + max(int(name.split(".")[2]) for name in names if name.startswith("encoder.layers."))
    return [f"encoder.layers.{i}" for i in range(count)]


def build(tensors: Mapping[str, np.ndarray], heads: int, max_tokens: int, integers: bool) -> Graph:
    """The graph over `tensors_of`: with products of integers, or of float32."""
    g = Graph()
    hidden = len(tensors["norm.gamma"])
    width = len(tensors["source_key.bias"])
    own = lambda name: g.constant(name, tensors[name])
    quantised: dict[str, tuple[str, str]] = {}  # products of one input share its quantised form

    def quantise(x: str) -> tuple[str, str]:
        """float32 [rows, in] → uint8 of that shape around 128, float32 scales [rows, 1]."""
        if x not in quantised:
            largest = g.node("ReduceMax", [g.node("Abs", [x], f"{x}.abs"), "last_axis"], f"{x}.largest", keepdims=1)
            scale = g.node("Max", [g.node("Mul", [largest, "one_127th"], f"{x}.step"), "tiny"], f"{x}.row_scale")
            flat = g.node("Reshape", [scale, "all"], f"{x}.row_scales")
            zeros = g.node("Expand", ["zero_points", g.node("Shape", [flat], f"{x}.rows")], f"{x}.row_zeros")
            quantised[x] = g.node("QuantizeLinear", [x, flat, zeros], f"{x}.quantised", axis=0), scale
        return quantised[x]

    def matmul(x: str, name: str) -> str:
        """x [rows, in] times the weight [in, out] → [rows, out]."""
        weight, columns = own(f"{name}.weight"), own(f"{name}.scale")
        if not integers:
            # Not DequantizeLinear: onnxruntime keeps that for the sake of fusions, and would widen anew in every run.
            wide = g.node("Cast", [weight], f"{name}.wide", to=TensorProto.FLOAT)
            return g.node("MatMul", [x, g.node("Mul", [wide, columns], f"{name}.float")], name)
        rows, scale = quantise(x)
        product = g.node("MatMulIntegerToFloat", [rows, weight, "one", columns, "zero_point"], f"{name}.product", domain=CONTRIB)
        return g.node("Mul", [product, scale], name)

    def norm(x: str, skip: str, name: str) -> str:
        """LayerNorm(x + bias + skip) [rows, hidden]. SkipLayerNormalization is one operator, and on a CPU seven times as slow."""
        total = g.node("Sum", [x, own(f"{name}.skip_bias"), skip], f"{name}.sum")
        return g.node("LayerNormalization", [total, own(f"{name}.gamma"), own(f"{name}.beta")], f"{name}.out", axis=-1, epsilon=1e-12)

    for name, value in (("one_127th", np.float32(1 / 127)), ("tiny", np.float32(1e-12)), ("one", np.float32(1)),
                        ("zero_point", np.uint8(128)), ("zero_points", np.array([128], np.uint8)),
                        ("last_axis", np.array([-1], np.int64)), ("all", np.array([-1], np.int64)),
                        ("rows", np.array([-1, hidden], np.int64)), ("hidden", np.array([hidden], np.int64)),
                        ("zero", np.array([0], np.int64)), ("axis_1", np.array([1], np.int64)), ("width", np.array([width], np.int64))):  # fmt: skip
        g.constant(name, value)
    batch = g.node("Shape", ["input_ids"], "batch_and_tokens")
    posts = g.node("Concat", [batch, "hidden"], "posts", axis=0)

    # embeddings: words + positions + types, normalised
    words = g.node("Cast", [g.node("Gather", [own("words"), "input_ids"], "words.int8")], "words.float", to=TensorProto.FLOAT)
    words = g.node("Mul", [words, g.node("Gather", [own("words.scale"), "input_ids"], "words.row_scale")], "words.out")
    types = g.node("Gather", [own("types"), "token_type_ids"], "types.out")
    tokens = g.node("Shape", ["input_ids"], "tokens", start=1, end=2)
    positions = g.node("Slice", [g.constant("positions", tensors["positions"][:max_tokens]), "zero", tokens, "zero"], "positions.out")
    x = g.node("Add", [g.node("Add", [words, types], "words_and_types"), positions], "embedded")
    x = g.node("LayerNormalization", [x, own("norm.gamma"), own("norm.beta")], "embedded.norm", axis=-1, epsilon=1e-12)
    x = g.node("Reshape", [x, "rows"], "embedded.rows")  # [batch, tokens, hidden] → [batch * tokens, hidden]
    mask = g.node("Cast", ["attention_mask"], "mask.int32", to=TensorProto.INT32)

    for at in layers_of(tensors):
        parts = [f"{at}.{part}" for part in ("query", "key", "value")]
        g.node("Split", [matmul(x, f"{at}.qkv")], f"{at}.split", [f"{part}.rows" for part in parts], axis=-1, num_outputs=3)
        for part in parts:
            g.node("Reshape", [f"{part}.rows", posts], part)
        mixed = g.node("MultiHeadAttention", [*parts, own(f"{at}.qkv_bias"), mask], f"{at}.mixed", domain=CONTRIB, num_heads=heads)
        mixed = g.node("Reshape", [mixed, "rows"], f"{at}.mixed_rows")
        x = norm(matmul(mixed, f"{at}.attended"), x, f"{at}.attended_norm")
        inner = g.node("BiasGelu", [matmul(x, f"{at}.widen"), own(f"{at}.widen_bias")], f"{at}.gelu", domain=CONTRIB)
        x = norm(matmul(inner, f"{at}.narrow"), x, f"{at}.narrow_norm")

    decoder_shape = g.node("Concat", [batch, "width"], "decoder_shape", axis=0)
    for name in ("key", "value"):
        rows = g.node("Add", [matmul(x, f"source_{name}"), own(f"source_{name}.bias")], f"{name}.rows")
        g.node("Reshape", [rows, decoder_shape], f"{name}s")

    # mean over the post's own tokens, unit length, labels
    keep = g.node("Unsqueeze", [g.node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT), "last_axis"], "keep")
    x = g.node("Reshape", [x, posts], "encoded")
    total = g.node("ReduceSum", [g.node("Mul", [x, keep], "kept"), "axis_1"], "total", keepdims=0)
    mean = g.node("Div", [total, g.node("ReduceSum", [keep, "axis_1"], "count", keepdims=0)], "mean")
    unit = g.node("LpNormalization", [mean], "vectors", axis=-1, p=2)
    logits = g.node("Add", [matmul(unit, "labels"), own("labels.bias")], "logits")
    g.node("LogSoftmax", [logits], "log_probabilities", axis=-1)
    assert hidden % heads == 0
    return g


def write(tensors: Mapping[str, np.ndarray], heads: int, max_tokens: int, bundle: Path) -> None:
    """Both graphs and their weights into the bundle."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["posts", "tokens"]) for n in names]
    width = len(tensors["source_key.bias"])
    shapes = {
        "vectors": ["posts", len(tensors["norm.gamma"])],
        "log_probabilities": ["posts", len(tensors["labels.bias"])],
        "keys": ["posts", "tokens", width],
        "values": ["posts", "tokens", width],
    }
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()]
    weights = Weights(bundle / WEIGHTS)
    for file, integers in (("text.onnx", True), ("text.float.onnx", False)):
        build(tensors, heads, max_tokens, integers).save(bundle / file, inputs, outputs, weights)
    for file in ("text.onnx", "text.float.onnx", WEIGHTS):
        print(f"export: {file} {(bundle / file).stat().st_size:,} bytes", flush=True)


def export(tagger, decoder, config: Mapping, bundle: Path) -> None:
    """The trained `encoder.Tagger` and what `decoder.PointerDecoder` reads of its tokens, into the bundle."""
    weights = {name: value.detach().numpy() for name, value in tagger.state_dict().items()}
    weights |= {name: value.detach().numpy() for name, value in decoder.state_dict().items() if name.startswith("source_")}
    most = sum(config["limits"].values()) + 1 + len(config["limits"])
    write(tensors_of(weights, config["export"]["levels"]), tagger.encoder.layers[0].heads, most, bundle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    places = parser.parse_args()
    proto = onnx.load(places.old / "text.onnx", load_external_data=False)
    load_external_data_for_model(proto, places.old)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    attention = next(node for node in proto.graph.node if node.op_type == "MultiHeadAttention")
    heads = next(attribute.i for attribute in attention.attribute if attribute.name == "num_heads")
    write(tensors, heads, len(tensors["positions"]), places.new)


if __name__ == "__main__":
    main()
