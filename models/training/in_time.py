"""The model in the order of time: trained on the earliest posts, asked about the later ones.

    python models/training/train.py --data DIR --early 0.6 --bundle BUNDLE
    python models/training/in_time.py --data DIR --early 0.6 --bundle BUNDLE

prints the figures with the memory as it was trained (frozen), and with a memory that takes in each post and its
keyphrases once the post has been answered (rolling), both in the order in which the posts were written.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from data import data_folder, posted_at, read_posts
from measure import evaluate
from reference import Reference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of the data sets; default TAGSTREAM_DATA")
    parser.add_argument("--early", type=float, required=True, help="the share of train.jsonl that was trained on")
    parser.add_argument("--bundle", type=Path, required=True)
    given = parser.parse_args()
    posts = sorted(read_posts(data_folder(given.data) / "tweets" / "train.jsonl"), key=posted_at)
    later = posts[round(len(posts) * given.early) :]
    for name in ("frozen", "rolling"):
        reference = Reference(given.bundle)
        best = []
        for post in later:
            ((_, proposal),) = reference.propose([post])
            best.append([phrase for phrase, _ in reference.rank(proposal)[2]])
            if name == "rolling":
                reference.learn(post, proposal.vector)
        figures = evaluate(best, [post.keyphrases for post in later])
        print(json.dumps({"memory": name, "posts": len(later)} | {k: round(v, 2) for k, v in figures.items()}), flush=True)


if __name__ == "__main__":
    main()
