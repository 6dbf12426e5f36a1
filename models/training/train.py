"""From data to bundle, stage by stage.

    python models/training/train.py --data DIR            everything
    python models/training/train.py --data DIR --stage rank --stage export
    python models/training/train.py --smoke               a tiny synthetic run, no pretrained weights

A stage whose result lies in the cache folder is not run again (`--fresh` starts it over); adapt and finetune resume
after their last finished epoch.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Callable, Sequence

import yaml

from bundle import write_manifest
from data import data_folder
from reference import write_golden
from run import HERE, Run, load_config, parts_of
from stages_photos import fuse, image, look, see
from stages_words import adapt, export, finetune, predict, rank, write, write_first


def manifest(run: Run) -> None:
    words = HERE.parent / "bundle" / "words.txt"
    if words.parent != run.bundle:
        (run.bundle / "words.txt").write_bytes(words.read_bytes())
    calibration, metrics = ranked(run)
    write = lambda: write_manifest(run.bundle, run.config, calibration, seen(run), metrics)
    # The golden set is what the bundle itself says, so it needs a manifest, and the manifest its hash.
    write()
    write_golden(run.bundle)
    write()


def ranked(run: Run) -> tuple[dict, dict]:
    """The ranker's calibration and figures; those of the bundle's manifest where only the half that sees was trained here."""
    found = run.cache / "rank.json"
    if not found.exists():
        before = json.loads((run.bundle / "manifest.json").read_text())
        return before["ranker"]["calibration"], before["metrics"]
    result = json.loads(found.read_text())
    return {"a": result["a"], "b": result["b"]}, {"outOfFold": {name: round(result[name], 2) for name in ("F1@1", "F1@3", "MAP@5")}}


def seen(run: Run) -> dict | None:
    """What `see` found; what the bundle's manifest says of it where only the text model was trained here."""
    found = run.cache / "see.json"
    if found.exists():
        return json.loads(found.read_text())
    before = run.bundle / "manifest.json"
    return json.loads(before.read_text()).get("fusion", {}).get("calibration") if before.exists() else None


STAGES: dict[str, Callable[[Run], None] | Callable[[Run, str], None]] = {
    "adapt": adapt, "finetune": finetune, "predict": predict, "write_first": write_first, "write": write,
    "rank": rank, "export": export, "image": image, "look": look, "see": see, "fuse": fuse, "manifest": manifest,
}  # fmt: skip
BY_PART = {"finetune", "predict", "write"}
WRITING, SEEING = {"write_first", "write"}, {"look", "see", "fuse"}
CACHED = {"adapt", "finetune", "predict", "write_first", "write", "rank", "look", "see"}
RESULTS = {"predict": "npz", "rank": "json", "look": "json"}  # what a stage leaves in the cache, where it is not a "pt" file
# How the names of a stage's files begin, where not all begin with its own.
LEAVES = {"see": ["see.", "familiar"], "write": ["write-", "beams-"]}


def branch(cache: Path, name: str, again: Sequence[str]) -> Path:
    """A cache folder beside another, with links to all that its stages left but for those that are to run again.

    Links of an earlier call to the latter's files go: a stage would take them for its own, or write through them.
    """
    own = cache.with_name(f"{cache.name}-{name}")
    own.mkdir(parents=True, exist_ok=True)
    left = tuple(start for stage in again for start in LEAVES.get(stage, [stage]))
    for file in own.iterdir():
        if file.is_symlink() and file.name.startswith(left):
            file.unlink()
    for file in cache.iterdir():
        if file.is_file() and not file.name.startswith(left) and not (own / file.name).exists():
            (own / file.name).symlink_to(file.absolute())
    return own


def share(text: str) -> float:
    """A number between 0 and 1, neither of them."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1, such as 0.6")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of the data sets; default TAGSTREAM_DATA")
    parser.add_argument("--cache", default=os.environ.get("TAGSTREAM_CACHE", "~/.cache/tagstream/training"))
    parser.add_argument("--bundle", help="where the bundle goes; default models/bundle")
    parser.add_argument("--stage", action="append", choices=STAGES, help="run these only; default all")
    parser.add_argument("--part", action="append", help="of a stage by parts, these only: a fold's number, or all")
    parser.add_argument("--early", type=share, help="train on this earliest share of train.jsonl only")
    parser.add_argument("--fresh", action="store_true", help="train again although the cache holds the result")
    parser.add_argument("--ablation", choices=yaml.safe_load((HERE / "config.yaml").read_text())["ablations"], help="train without a part, from what is in the cache, in a cache of its own; wants --stage and --bundle")
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data, random encoder, two minutes")
    given = parser.parse_args()
    if given.ablation and not (given.stage and given.bundle):
        parser.error("--ablation wants --stage, what to train again, and --bundle, a copy of models/bundle")
    if given.ablation and (given.smoke or given.early is not None):
        parser.error("--ablation goes with neither --smoke nor --early")
    bundle = Path(given.bundle) if given.bundle else HERE.parent / "bundle"
    if given.ablation and bundle.resolve() == HERE.parent / "bundle":
        parser.error(f"--ablation would overwrite the shipped bundle {bundle}: give a copy of it as --bundle")
    config = load_config(*["early"] * (given.early is not None), *[given.ablation] * bool(given.ablation), *["smoke"] * given.smoke)
    parts = parts_of(config)
    for part in given.part or []:
        if part not in parts:
            parser.error(f"--part {part}: there is no such part; give one of {', '.join(parts)}")
    cache = Path(given.cache).expanduser()
    if given.early is not None:
        cache = cache.with_name(f"{cache.name}-early")
    if given.ablation:
        if not cache.is_dir():
            parser.error(f"--ablation begins with what a training left, and there is no {cache}: train first, or give --cache")
        cache = branch(cache, given.ablation, given.stage)
    if given.smoke:
        from synthetic import write_data

        cache = cache / "smoke"
        bundle = Path(given.bundle) if given.bundle else cache / "bundle"
        data = write_data(cache / "data", config["seed"])
    else:
        data = data_folder(given.data)
    run = Run(config, data, cache, bundle, given.early)
    for stage in given.stage or STAGES:
        if stage in WRITING and not run.writes or stage in SEEING and given.early is not None:
            continue
        for part in (given.part or run.parts) if stage in BY_PART else [None]:
            name = stage if part is None else f"{stage}-{part}"
            done = cache / f"{name}.{RESULTS.get(stage, 'pt')}"
            if stage in CACHED and done.exists() and not given.fresh:
                print(f"{name}: skipped", flush=True)
            elif part is None:
                STAGES[stage](run)
            else:
                STAGES[stage](run, part)


if __name__ == "__main__":
    main()
