"""Writes the bundle's files around the models: the memory, the associations, the vocabularies; and the manifest.

    memory.vectors.bin, labels.vectors.bin   float32 [rows] scales, then int8 [rows, hidden]: value = int8 × scale
    memory.posts.json                        the labels of each row of memory.vectors.bin, as line numbers of labels.txt
    associations.json                        {"memory": COUNTS, "past": COUNTS}, see `counts`
    pieces.txt                               the decoder's word pieces; the first has the decoder's id 3
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np
import onnx

from candidates import FEATURES, Associations
from decoder import LONGEST
from export_image import TOP as FEATURES_OF_REGION
from export_text import quantise_rows

VERSION = "0.4.1"
# How far a score may lie from its reference: several times what the products of integers differ by between processors.
GOLDEN_TOLERANCE = 0.1


def write_vectors(file: Path, vectors: np.ndarray) -> None:
    """Writes int8 rows with their scales."""
    rows, scale = quantise_rows(vectors)
    file.write_bytes(scale.astype("<f4").tobytes() + rows.tobytes())


def read_vectors(file: Path, hidden: int) -> np.ndarray:
    """What `write_vectors` wrote, as float32 [rows, hidden]."""
    raw = file.read_bytes()
    rows = len(raw) // (4 + hidden)
    scale = np.frombuffer(raw, "<f4", rows)
    return np.frombuffer(raw, np.int8, rows * hidden, 4 * rows).reshape(rows, hidden).astype(np.float32) * scale[:, None]


def counts(associations: Associations) -> dict:
    """Counts of posts: {"posts": n, "labels": {label: n}, "together": {label: {other: n}}, "fields": {field: {term: [n, label, n, label, n, …]}}}.

    A term's list opens with the posts that have the term; then each label and the posts that have both.
    """
    return {
        "posts": associations.posts,
        "labels": {str(label): n for label, n in sorted(associations.labels.items())},
        "together": {str(label): {str(o): n for o, n in sorted(others.items())} for label, others in sorted(associations.together.items()) if others},
        "fields": {
            field: {
                term: [associations.seen[field][term], *(x for pair in sorted(labels.items()) for x in pair)]
                for term, labels in sorted(pairs.items())
            }
            for field, pairs in associations.pairs.items()
        },
    }


def write_json(file: Path, value) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


def signature(values) -> dict:
    """ONNX inputs or outputs → {name: {dtype, shape}}, a named dimension as its name."""
    names = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT64: "int64", onnx.TensorProto.UINT8: "uint8"}
    return {
        v.name: {
            "dtype": names[v.type.tensor_type.elem_type],
            "shape": [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim],
        }
        for v in values
    }


def interface(file: Path) -> dict:
    graph = onnx.load(file).graph
    return {"inputs": signature(graph.input), "outputs": signature(graph.output)}


def write_manifest(bundle: Path, config: Mapping, calibration: Mapping[str, float], sight: Mapping[str, float] | None, metrics: Mapping) -> None:
    """manifest.json: the hash and size of every file, what each part needs to be used, and figures for people.

    Without `sight`, what `see` found, there is no half that sees: the agent does not take such a bundle.
    """
    files = sorted(f for f in bundle.iterdir() if f.suffix in (".onnx", ".txt", ".json", ".bin") and f.name != "manifest.json")
    contents = {file.name: file.read_bytes() for file in files}
    ranker = config["ranker"]
    settings = {name: ranker[name] for name in ("shrink", "past_shrink", "sharpness", "classified", "alike", "voted", "shared")}
    manifest = {
        "formatVersion": 4,
        "name": "tagstream",
        "version": VERSION,
        "files": {n: {"sha256": hashlib.sha256(b).hexdigest(), "bytes": len(b)} for n, b in contents.items()},
        "text": {"model": "text.onnx", "floatModel": "text.float.onnx", "weights": "text.weights.bin", "tokenizer": "tokenizer.json", "labels": "labels.txt", "words": "words.txt", "limits": config["limits"]}
        | interface(bundle / "text.onnx"),
        "knn": {"search": "search.onnx", "vectors": "memory.vectors.bin", "posts": "memory.posts.json", "labelVectors": "labels.vectors.bin", "neighbours": ranker["neighbours"]}
        | interface(bundle / "search.onnx"),
        "coOccurrence": {"file": "associations.json"},
        "decoder": {"model": "decoder.onnx", "wordpieces": "pieces.txt", "width": config["decoder"]["width"], "beams": config["decoder"]["beams"], "longest": LONGEST, "predictions": config["decoder"]["predictions"], "unsureBelow": config["decoder"]["unsure_below"]}
        | interface(bundle / "decoder.onnx"),
        "ranker": {"model": "ranker.onnx", "features": list(FEATURES), "calibration": dict(calibration)}
        | {"".join([first, *map(str.title, rest)]): value for name, value in settings.items() for first, *rest in [name.split("_")]}
        | interface(bundle / "ranker.onnx"),
        "image": {"model": "image.onnx", "classes": "imagenet-classes.txt"}
        | {"resize": config["image"]["resize"], "size": config["image"]["size"]}
        | {"minScore": config["image"]["min_score"], "maxEntities": config["image"]["max_entities"]}
        | {"features": FEATURES_OF_REGION}
        | interface(bundle / "image.onnx"),
        "golden": {"file": "golden.json", "tolerance": GOLDEN_TOLERANCE},
        "metrics": dict(metrics),
    }  # fmt: skip
    if sight is not None:
        see = config["see"]
        manifest["fusion"] = (
            {"model": "fusion.onnx", "words": "visual-words.txt", "vectors": "visual-words.vectors.bin", "keyphrases": see["shown"], "minScore": see["shown_score"], "minMatch": see["min_match"]}
            | {"calibration": {"tagRate": see["worth"], "a": sight["a"], "b": sight["b"]}}
            | interface(bundle / "fusion.onnx")
        )
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"manifest: {len(files)} files, {sum(map(len, contents.values())):,} bytes", flush=True)

