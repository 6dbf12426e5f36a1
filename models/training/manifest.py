"""Writes the bundle's manifest.json; cheap, to be run again whenever a file of the bundle changes.

    python models/training/manifest.py [BUNDLE]

Hashes and sizes of every known file that is there, the models' inputs and outputs as the ONNX
files declare them, and the figures that report.py left in report.json beside this script.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import onnx
import yaml

HERE = Path(__file__).resolve().parent
REQUIRED = ("text.onnx", "tokenizer.json", "labels.txt", "image.onnx", "imagenet-classes.txt")
OPTIONAL = ("words.txt",)  # hashtag segmentation
VERSION = "0.1.0"


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


def write(bundle: Path, config: dict, metrics: Path = HERE / "report.json") -> dict:
    missing = [name for name in REQUIRED if not (bundle / name).exists()]
    if missing:
        raise SystemExit(f"the bundle lacks {', '.join(missing)}")
    present = [*REQUIRED, *(name for name in OPTIONAL if (bundle / name).exists())]
    text = {"model": "text.onnx", "tokenizer": "tokenizer.json", "labels": "labels.txt"}
    if "words.txt" in present:
        text["words"] = "words.txt"
    contents = {name: (bundle / name).read_bytes() for name in present}
    manifest = {
        "formatVersion": 1,
        "name": "tagstream",
        "version": VERSION,
        "files": {n: {"sha256": hashlib.sha256(b).hexdigest(), "bytes": len(b)} for n, b in contents.items()},
        "text": text
        | {"maxTokens": config["inputs"]["max_tokens"], "maxTextTokens": config["inputs"]["max_text_tokens"]}
        | interface(bundle / "text.onnx"),
        "image": {"model": "image.onnx", "classes": "imagenet-classes.txt"}
        | {"resize": config["image"]["resize"], "size": config["image"]["size"]}
        | {"minScore": config["image"]["min_score"], "maxEntities": config["image"]["max_entities"]}
        | interface(bundle / "image.onnx"),
        "metrics": json.loads(metrics.read_text())["metrics"] if metrics.exists() else {},
    }
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    total = sum(map(len, contents.values()))
    print(f"manifest: {len(present)} files, {total:,} bytes", flush=True)
    return manifest


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "bundle"
    write(given, yaml.safe_load((HERE / "config.yaml").read_text()))
