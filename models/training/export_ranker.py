"""Writes ranker.onnx: the trees of some LightGBM rankers as one TreeEnsembleRegressor, the mean of their scores.

    features   float32 [candidates, features]
    score      float32 [candidates, 1], to be calibrated

Thresholds are rounded down to float32: for a float32 feature x and a float64 threshold t, x ≤ t holds just when
x ≤ the largest float32 that is no greater than t. (Converters that round to the nearest send values that equal a
threshold the wrong way.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper


def round_down(threshold: float) -> float:
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))


def export(boosters: Sequence[lightgbm.Booster], bundle: Path) -> None:
    models = [booster.dump_model() for booster in boosters]
    columns: dict[str, list] = {name: [] for name in (
        "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids",
        "nodes_falsenodeids", "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids", "target_weights",
    )}  # fmt: skip

    def add(tree: int, node: dict, ids: list[int]) -> int:
        """Adds a node with all below it; returns its id."""
        own = len(ids)
        ids.append(own)
        for name, value in (("treeids", tree), ("nodeids", own), ("missing_value_tracks_true", 0)):
            columns[f"nodes_{name}"].append(value)
        place = len(columns["nodes_nodeids"]) - 1
        leaf = "leaf_value" in node
        if not leaf and node["decision_type"] != "<=":
            raise ValueError(f"a split by {node['decision_type']} has no place here")
        for name, value in (
            ("featureids", 0 if leaf else node["split_feature"]), ("modes", "LEAF" if leaf else "BRANCH_LEQ"),
            ("values", 0.0 if leaf else round_down(node["threshold"])), ("truenodeids", 0), ("falsenodeids", 0),
        ):  # fmt: skip
            columns[f"nodes_{name}"].append(value)
        if leaf:
            for name, value in (("treeids", tree), ("nodeids", own), ("ids", 0), ("weights", node["leaf_value"] / len(models))):
                columns[f"target_{name}"].append(value)
        else:
            columns["nodes_truenodeids"][place] = add(tree, node["left_child"], ids)
            columns["nodes_falsenodeids"][place] = add(tree, node["right_child"], ids)
        return own

    trees = [tree["tree_structure"] for model in models for tree in model["tree_info"]]
    for number, tree in enumerate(trees):
        add(number, tree, [])
    node = helper.make_node("TreeEnsembleRegressor", ["features"], ["score"], domain="ai.onnx.ml", n_targets=1, **columns)
    features = len(models[0]["feature_names"])
    graph = helper.make_graph(
        [node], "ranker", [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["candidates", features])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["candidates", 1])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(graph, opset_imports=opsets, producer_name="tagstream", ir_version=10)
    onnx.checker.check_model(proto)
    (bundle / "ranker.onnx").write_bytes(proto.SerializeToString(deterministic=True))
    print(f"export: ranker.onnx {(bundle / 'ranker.onnx').stat().st_size:,} bytes", flush=True)
