"""Writes the small models around the encoder: decoder.onnx, one step of the pointer generator, and search.onnx.

decoder.onnx takes every row's whole prefix, which is at most nine pieces long, and gives the last place's
probabilities; its weights are int8 with a scale a row, widened as the model is loaded.

    prefix            int64 [rows, length], the decoder's ids, BEGIN first
    post              int64 [rows], which post of the batch the row belongs to
    keys, values      float32 [posts, tokens, width], text.onnx's
    source_mask       int64 [posts, tokens], 1 for tokens that may be read and copied
    predicted, predicted_places   int64 [posts, options]; END pads
    predicted_logp    float32 [posts, options]
    vocabulary        float32 [rows, vocabulary]
    copied            float32 [rows, tokens]
    chosen            float32 [rows, options]

search.onnx takes the memory as an input, so that it can grow while the agent runs.

    query             float32 [posts, hidden]
    memory            float32 [entries, hidden]
    k                 int64 [1]
    similarities      float32 [posts, k], falling
    entries           int64 [posts, k]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from decoder import END, PointerDecoder
from export_text import Graph, quantise_rows

SMALL = 4096  # weights of fewer elements stay float32


def decoder_graph(decoder: PointerDecoder) -> Graph:
    g = Graph()
    w = {name: value.detach().numpy() for name, value in decoder.state_dict().items()}
    head = decoder.width // decoder.heads

    def weight(name: str, array: np.ndarray) -> str:
        """A matrix, stored as int8 rows where it is large."""
        if array.size < SMALL:
            return g.constant(name, array.astype(np.float32))
        rows, scale = quantise_rows(array)
        # Not DequantizeLinear: onnxruntime keeps that for the sake of fusions, and would widen anew in every run.
        wide = g.node("Cast", [g.constant(f"{name}.int8", rows)], f"{name}.wide", to=TensorProto.FLOAT)
        return g.node("Mul", [wide, g.constant(f"{name}.scale", scale)], name)

    def linear(x: str, name: str, out: str) -> str:
        turned = g.node("Transpose", [weight(f"{name}.weight", w[f"{name}.weight"])], f"{name}.turned", perm=[1, 0])
        return g.node("Add", [g.node("MatMul", [x, turned], f"{out}.product"), g.constant(f"{out}.bias", w[f"{name}.bias"])], out)

    def norm(x: str, y: str | None, name: str) -> str:
        total = g.node("Add", [x, y], f"{name}.sum") if y else x
        return g.node("LayerNormalization", [total, g.constant(f"{name}.gamma", w[f"{name}.weight"]), g.constant(f"{name}.beta", w[f"{name}.bias"])], f"{name}.out", axis=-1, epsilon=1e-5)

    for name, value in (("axis_0", [0]), ("axis_1", [1]), ("axis_2", [2]), ("last", [-1]), ("beyond", [2**62]), ("minus_two", [-2])):
        g.constant(name, np.array(value, np.int64))
    g.constant("heads", np.array([0, 0, decoder.heads, head], np.int64))
    g.constant("joined", np.array([0, 0, decoder.width], np.int64))
    g.constant("never", np.float32(-1e4))
    g.constant("per_head", np.float32(head**-0.5))
    g.constant("per_width", np.float32(decoder.width**-0.5))

    def split(x: str, name: str, perm: list[int]) -> str:
        return g.node("Transpose", [g.node("Reshape", [x, "heads"], f"{name}.heads")], f"{name}.split", perm=perm)

    def attend(query: str, key: str, value: str, forbidden: str, name: str) -> str:
        likeness = g.node("MatMul", [split(query, f"{name}.q", [0, 2, 1, 3]), split(key, f"{name}.k", [0, 2, 3, 1])], f"{name}.likeness")
        likeness = g.node("Mul", [likeness, "per_head"], f"{name}.scaled")
        likeness = g.node("Where", [forbidden, "never", likeness], f"{name}.masked")
        mixed = g.node("MatMul", [g.node("Softmax", [likeness], f"{name}.weights", axis=-1), split(value, f"{name}.v", [0, 2, 1, 3])], f"{name}.mixed")
        return g.node("Reshape", [g.node("Transpose", [mixed], f"{name}.back", perm=[0, 2, 1, 3]), "joined"], f"{name}.joined")

    pieces = weight("pieces", w["pieces.weight"])
    length = g.node("Shape", ["prefix"], "length", start=1, end=2)
    places = g.node("Slice", [g.constant("places", w["places.weight"]), "axis_0", length, "axis_0"], "places.used")
    x = norm(g.node("Add", [g.node("Gather", [pieces, "prefix"], "prefix.pieces"), places], "embedded"), None, "norm")
    later = np.triu(np.ones((len(w["places.weight"]),) * 2, bool), 1)
    later = g.node("Slice", [g.constant("later", later), "axis_0", length, "axis_0"], "later.rows")
    later = g.node("Slice", [later, "axis_0", length, "axis_1"], "later.used")
    near = attend(linear(x, "query", "near.query"), linear(x, "key", "near.key"), linear(x, "value", "near.value"), later, "near")
    x = norm(x, linear(near, "attended", "near.out"), "attended_norm")
    # From here only the last place matters.
    x = g.node("Slice", [x, "last", "beyond", "axis_1"], "x.last")
    keys = g.node("Gather", ["keys", "post"], "row.keys", axis=0)
    values = g.node("Gather", ["values", "post"], "row.values", axis=0)
    hidden = g.node("Not", [g.node("Cast", [g.node("Gather", ["source_mask", "post"], "row.mask", axis=0)], "row.readable", to=TensorProto.BOOL)], "row.hidden")
    hidden_heads = g.node("Unsqueeze", [hidden, g.constant("axes_1_2", np.array([1, 2], np.int64))], "row.hidden_heads")
    far = attend(linear(x, "source_query", "far.query"), keys, values, hidden_heads, "far")
    x = norm(x, linear(far, "sourced", "far.out"), "sourced_norm")
    inner = g.node("Gelu", [linear(x, "widen", "inner.wide")], "inner.gelu")
    x = norm(x, linear(inner, "narrow", "inner.out"), "narrow_norm")

    gates = g.node("Softmax", [linear(x, "gates", "gates.logits")], "gates", axis=-1)
    for i, name in enumerate(("write", "copy", "choose")):
        g.node("Slice", [gates, g.constant(f"{name}.from", np.array([i], np.int64)), g.constant(f"{name}.to", np.array([i + 1], np.int64)), "axis_2"], f"{name}.gate")
    turned = g.node("Transpose", [pieces], "pieces.turned", perm=[1, 0])
    logits = g.node("Add", [g.node("MatMul", [x, turned], "write.product"), g.constant("write.bias", w["bias"])], "write.logits")
    part = g.node("Mul", [g.node("Softmax", [logits], "write.softmax", axis=-1), "write.gate"], "write.part")
    g.node("Squeeze", [part, "axis_1"], "vocabulary")

    def point(query: str, options: str, forbidden: str, gate: str, name: str, out: str, extra: str | None = None) -> None:
        turned = g.node("Transpose", [options], f"{name}.turned", perm=[0, 2, 1])
        scores = g.node("Mul", [g.node("MatMul", [query, turned], f"{name}.product"), "per_width"], f"{name}.scores")
        if extra:
            scores = g.node("Add", [scores, extra], f"{name}.confident")
        scores = g.node("Where", [g.node("Unsqueeze", [forbidden, "axis_1"], f"{name}.forbidden"), "never", scores], f"{name}.masked")
        part = g.node("Mul", [g.node("Softmax", [scores], f"{name}.softmax", axis=-1), gate], f"{name}.part")
        g.node("Squeeze", [part, "axis_1"], out)

    point(linear(x, "copy_query", "copy.query"), keys, hidden, "copy.gate", "copy", "copied")
    predicted = g.node("Gather", ["predicted", "post"], "row.predicted", axis=0)
    where = g.node("Gather", [g.constant("predicted_places.weight", w["predicted_places.weight"]), g.node("Gather", ["predicted_places", "post"], "row.places", axis=0)], "row.place")
    options = g.node("Add", [g.node("Gather", [pieces, predicted], "row.pieces"), where], "row.options")
    confidence = g.node("Mul", [g.node("Gather", ["predicted_logp", "post"], "row.logp", axis=0), g.constant("confidence", w["confidence"])], "row.confidence")
    none = g.node("Equal", [predicted, g.constant("end", np.int64(END))], "row.none")
    point(linear(x, "predicted_query", "choose.query"), options, none, "choose.gate", "choose", "chosen", g.node("Unsqueeze", [confidence, "axis_1"], "row.confidence_1"))
    return g


def export(decoder: PointerDecoder, hidden: int, bundle: Path) -> None:
    info = helper.make_tensor_value_info
    wide, whole, real = decoder.width, TensorProto.INT64, TensorProto.FLOAT
    inputs = [info("prefix", whole, ["rows", "length"]), info("post", whole, ["rows"]),
              info("keys", real, ["posts", "tokens", wide]), info("values", real, ["posts", "tokens", wide]),
              info("source_mask", whole, ["posts", "tokens"]), info("predicted", whole, ["posts", "options"]),
              info("predicted_places", whole, ["posts", "options"]), info("predicted_logp", real, ["posts", "options"])]  # fmt: skip
    outputs = [info("vocabulary", real, ["rows", len(decoder.bias)]), info("copied", real, ["rows", "tokens"]), info("chosen", real, ["rows", "options"])]
    decoder_graph(decoder).save(bundle / "decoder.onnx", inputs, outputs)

    g = Graph()
    likeness = g.node("MatMul", ["query", g.node("Transpose", ["memory"], "turned", perm=[1, 0])], "likeness")
    g.node("TopK", [likeness, "k"], "top", ["similarities", "entries"], axis=-1, largest=1, sorted=1)
    inputs = [info("query", real, ["posts", hidden]), info("memory", real, ["entries", hidden]), info("k", whole, [1])]
    g.save(bundle / "search.onnx", inputs, [info("similarities", real, ["posts", "k"]), info("entries", whole, ["posts", "k"])])
    for name in ("decoder.onnx", "search.onnx"):
        print(f"export: {name} {(bundle / name).stat().st_size:,} bytes", flush=True)
