"""The stages of the half that reads words, in their order."""

from __future__ import annotations

import json
from collections import Counter
from typing import Sequence

import lightgbm
import numpy as np
import torch

import decoder as writing
import encoder as model
import export_decoder
import export_ranker
import export_text
import ranker as ranking
import tagger as training
from bundle import counts, write_json, write_vectors
from candidates import Knowledge, Proposal
from data import known_labels
from inputs import Post
from measure import evaluate, stem
from run import ALL, Run, onnx_vectors


def adapt(run: Run) -> None:
    """The encoder learns the domain: hashtag posts stand near their tags."""
    tagger = run.untrained()
    watched = run.posts[:1000]
    watch = lambda t: run.figures(training.log_probabilities(t, run.batcher, watched)[1], watched)
    training.fit(tagger, run.batcher, run.hashtags, run.index, run.config["adapt"], run.config["modality_dropout"], "adapt", run.seed, run.cache / "adapt.resume.pt", watch)
    torch.save(tagger.state_dict(), run.cache / "adapt.pt")
    (run.cache / "adapt.resume.pt").unlink(missing_ok=True)


def finetune(run: Run, part: str) -> None:
    """The tagger on the labelled posts of a part; a label starts from its words as the adapted encoder reads them."""
    tagger = run.tagger("adapt")
    posts = run.training_posts(part)
    shift = training.encode_words(tagger.encoder, run.batcher, run.labels) - tagger.anchors
    with torch.no_grad():
        tagger.anchors += shift
        tagger.differences -= shift
        tagger.bias.copy_(model.log_prior(training.label_counts(posts, run.labels)))
    held = [post for post, fold in zip(run.posts, run.fold) if str(fold) == part]
    watch = (lambda t: run.figures(training.log_probabilities(t, run.batcher, held)[1], held)) if held else None
    resume = run.cache / f"finetune-{part}.resume.pt"
    training.fit(tagger, run.batcher, posts, run.index, run.config["finetune"], run.config["modality_dropout"], f"finetune-{part}", run.seed, resume, watch)
    torch.save(tagger.state_dict(), run.cache / f"finetune-{part}.pt")
    resume.unlink()


def predict(run: Run, part: str) -> None:
    """What a part's tagger says of every post it has not seen, and its vectors of all posts, for what follows."""
    tagger = run.tagger(f"finetune-{part}")
    vectors, logp = training.log_probabilities(tagger, run.batcher, run.posts)
    own = np.array([str(fold) == part for fold in run.fold])
    label_vectors = training.encode_words(tagger.encoder, run.batcher, run.labels).float().numpy()
    np.savez(run.cache / f"predict-{part}.npz", vectors=vectors, own=np.flatnonzero(own), logp=logp[own], label_vectors=label_vectors)


def unseen_logp(run: Run) -> np.ndarray:
    """Every post's label log-probabilities [posts, labels] by the tagger that has not seen it."""
    rows = np.zeros((len(run.posts), len(run.labels)), np.float32)
    for part in run.parts[:-1]:
        with np.load(run.cache / f"predict-{part}.npz") as saved:
            rows[saved["own"]] = saved["logp"]
    return rows


def decoder_pieces(run: Run) -> writing.Pieces:
    """The decoder's vocabulary: the pieces of all labels, and of the hashtag posts' tags where they are common."""
    pieces = writing.Pieces(run.tokenizer, [])
    counts = Counter(t for post in run.hashtags for tag in post.keyphrases for t in pieces.of(tag))
    common = {t for t, count in counts.items() if count >= run.config["decoder"]["common"]}
    return writing.Pieces(run.tokenizer, sorted(common | {t for label in run.labels for t in pieces.of(label)}))


def sources(run: Run, name: str, posts: Sequence[Post], logp: np.ndarray, pieces: writing.Pieces) -> list[writing.Source]:
    """What a decoder reads: the states of the tagger `name`, and the first labels by log-probabilities [posts, labels]."""
    states = training.token_states(run.tagger(name), run.batcher, posts)
    found, count = [], run.config["decoder"]["predictions"]
    for (rows, tokens), row in zip(states, logp):
        first = np.argpartition(-row, min(count, len(row) - 1))[:count]
        first = first[np.argsort(-row[first], kind="stable")]
        found.append(writing.Source(rows, tokens, [(pieces.of(run.labels[i]), float(row[i])) for i in first]))
    return found


def special_tokens(run: Run) -> set[int]:
    return {run.tokenizer.token_to_id(token) for token in ("[PAD]", "[CLS]", "[SEP]")}


def write_first(run: Run) -> None:
    """The decoder on the hashtag posts, over the adapted encoder's states."""
    pieces, tagger = decoder_pieces(run), run.tagger("adapt")
    chosen = run.hashtags
    # The classifier was trained on these posts, so its predictions are hidden from the decoder half of the time.
    _, logp = training.log_probabilities(tagger, run.batcher, chosen)
    read = sources(run, "adapt", chosen, logp, pieces)
    decoder = writing.untrained(pieces, tagger.encoder.words.weight.detach(), run.config["decoder"])
    writing.fit(decoder, pieces, read, [p.keyphrases for p in chosen], special_tokens(run), run.config["write_first"], 0.5, "write_first", run.seed)
    torch.save(decoder.state_dict(), run.cache / "write_first.pt")


def write(run: Run, part: str) -> None:
    """The decoder on a part's posts, with predictions by taggers that have not seen them (the second stage)."""
    pieces = decoder_pieces(run)
    logp = unseen_logp(run)
    read = sources(run, f"finetune-{part}", run.posts, logp, pieces)
    decoder = writing.untrained(pieces, run.published[0].words.weight.detach(), run.config["decoder"])
    decoder.load_state_dict(torch.load(run.cache / "write_first.pt"))
    mine = [i for i, fold in enumerate(run.fold) if str(fold) != part]
    held = [i for i, fold in enumerate(run.fold) if str(fold) == part]
    writing.fit(decoder, pieces, [read[i] for i in mine], [run.posts[i].keyphrases for i in mine], special_tokens(run), run.config["write"], 0.1, f"write-{part}", run.seed)
    torch.save(decoder.state_dict(), run.cache / f"write-{part}.pt")
    found = {}
    for start in range(0, len(held), 64):
        group = held[start : start + 64]
        found |= dict(zip(group, writing.write(decoder, pieces, [read[i] for i in group], special_tokens(run), run.config["decoder"]["beams"])))
    (run.cache / f"beams-{part}.json").write_text(json.dumps(found))
    if held:
        best = [[phrase for phrase, _ in found[i][:5]] for i in held]
        print(f"write-{part}", evaluate(best, [run.posts[i].keyphrases for i in held]), flush=True)


def table_of(run: Run, part: str) -> ranking.Table:
    """The candidates of a fold's posts, as what was trained without them describes them."""
    settings = run.config["ranker"]
    with np.load(run.cache / f"predict-{part}.npz") as saved:
        vectors, own, logp, label_vectors = (saved[name] for name in ("vectors", "own", "logp", "label_vectors"))
    others = np.setdiff1d(np.arange(len(run.posts)), own)
    labels = [known_labels(run.posts[i], run.index) for i in others]
    near = ranking.nearest(vectors[own], vectors[others], labels, settings["neighbours"])
    beams = json.loads((run.cache / f"beams-{part}.json").read_text()) if run.writes else {}
    memory = run.memory([run.posts[i] for i in others])
    knowledge = Knowledge(run.labels, label_vectors, memory, run.past, run.phrasebook, settings)
    proposals = [
        Proposal(run.posts[i], row, vectors[i], neighbours, [tuple(beam) for beam in beams.get(str(i), [])])
        for i, row, neighbours in zip(own, logp, near)
    ]
    return ranking.tabulate(knowledge, proposals)


def tables(run: Run) -> tuple[ranking.Table, list[int]]:
    """The candidates of all posts, fold by fold, and each post's fold."""
    found = [table_of(run, part) for part in run.parts[:-1]]
    fold = [part for part, table in enumerate(found) for _ in table.phrases]
    return ranking.join(found), fold


def rank(run: Run) -> None:
    """The ranker on all posts; its figures and its calibration come from rankers that have not seen the post."""
    table, fold = tables(run)
    settings = run.config["ranker"]
    figures, scores = ranking.cross_validate(table, settings, fold, run.seed)
    best = ranking.ranked(table, scores)
    stems = [{stem(k) for k in gold} for gold in table.gold]
    pairs = [(score, stem(phrase) in answers) for group, answers in zip(best, stems) for phrase, score in group]
    a, b = ranking.platt(*map(np.array, zip(*pairs)))
    for number, booster in enumerate(ranking.train(table, settings, run.seed)):
        booster.save_model(run.cache / f"rank-{number}.txt")
    ends = np.cumsum([0, *table.sizes])
    covered = float(np.mean([table.hits[ends[i] : ends[i + 1]].any() for i in range(len(table.phrases))]))
    result = {"a": a, "b": b, "covered": covered, "candidates": float(np.mean(table.sizes)), **figures}
    (run.cache / "rank.json").write_text(json.dumps(result, indent=2))
    print("rank", result, flush=True)


def export(run: Run) -> None:
    """Everything the words' half needs, into the bundle."""
    tagger, pieces = run.tagger(f"finetune-{ALL}"), decoder_pieces(run)
    decoder = writing.untrained(pieces, run.published[0].words.weight.detach(), run.config["decoder"])
    if run.writes:
        decoder.load_state_dict(torch.load(run.cache / f"write-{ALL}.pt"))
    export_text.export(tagger, decoder, run.config, run.bundle)
    export_decoder.export(decoder, tagger.anchors.shape[1], run.bundle)
    members = range(run.config["ranker"]["members"])
    export_ranker.export([lightgbm.Booster(model_file=run.cache / f"rank-{number}.txt") for number in members], run.bundle)
    known = [post for post in run.posts if known_labels(post, run.index)]
    write_vectors(run.bundle / "memory.vectors.bin", onnx_vectors(run, known))
    write_json(run.bundle / "memory.posts.json", [known_labels(post, run.index) for post in known])
    write_vectors(run.bundle / "labels.vectors.bin", onnx_vectors(run, [Post(label) for label in run.labels]))
    write_json(run.bundle / "associations.json", {"memory": counts(run.memory(run.posts)), "past": counts(run.past)})
    (run.bundle / "pieces.txt").write_text("".join(f"{run.tokenizer.id_to_token(t)}\n" for t in pieces.token_ids), "utf-8")
    (run.bundle / "labels.txt").write_text("\n".join(run.labels) + "\n", "utf-8")
    (run.bundle / "tokenizer.json").write_text(run.published[1], "utf-8")
