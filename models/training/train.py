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
import random
from collections import Counter
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import torch
import yaml
from tokenizers import Tokenizer

import decoder as writing
import encoder as model
import ranker as ranking
import tagger as training
from bundle import counts, write_json, write_manifest, write_vectors
from candidates import FIELDS, Associations, Knowledge, Phrasebook, Proposal, associate
from data import cached_posts, data_folder, folds, hashtag_posts, known_labels, posted_at, read_labels, read_posts
from inputs import Post
from measure import evaluate, stem
from normalise import Normaliser, load_words

HERE = Path(__file__).resolve().parent
ALL = "all"  # the part that leaves nothing out: what is shipped


def load_config(*variants: str) -> dict:
    """The configuration with the sections of `variants` laid over it."""
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    overlays = {**config.pop("ablations"), **{name: config.pop(name) for name in ("early", "smoke")}}
    for name in variants:
        for section, values in overlays[name].items():
            config[section] |= values
    return config


def parts_of(config: dict) -> list[str]:
    """What the stages by parts train: a number for each fold, and "all"."""
    return [*map(str, range(config["data"]["folds"])), ALL]


class Run:
    """What the stages share: configuration, folders, posts, labels and models.

    `parts` names what is trained: a number for each fold, trained on the other folds' posts, and "all".
    """

    def __init__(self, config: dict, data: Path, cache: Path, bundle: Path, early: float | None):
        self.config, self.data, self.cache, self.bundle, self.early = config, data, cache, bundle, early
        cache.mkdir(parents=True, exist_ok=True)
        bundle.mkdir(parents=True, exist_ok=True)
        self.seed = config["seed"]
        self.labels = read_labels(data)
        self.index = {label: i for i, label in enumerate(self.labels)}
        posts = read_posts(data / "tweets" / "train.jsonl")
        self.later: list[Post] = []
        if early is None:
            posts += read_posts(data / "tweets" / "train-extra.jsonl")
        else:  # in the order of time: the earliest share trains, the rest is for reporting
            posts.sort(key=posted_at)
            posts, self.later = posts[: round(len(posts) * early)], posts[round(len(posts) * early) :]
        self.posts = posts
        self.fold = folds(len(posts), config["data"]["folds"], self.seed)
        self.parts = parts_of(config)

    def training_posts(self, part: str) -> list[Post]:
        """The part's own: all but its fold."""
        return [post for post, fold in zip(self.posts, self.fold) if str(fold) != part]

    @property
    def writes(self) -> bool:
        """Whether there is a decoder to train."""
        return self.config["decoder"]["beams"] > 0

    @cached_property
    def normalise(self) -> Normaliser:
        return Normaliser(load_words(HERE.parent / "bundle" / "words.txt"))

    @cached_property
    def hashtags(self) -> list[Post]:
        make = lambda: hashtag_posts(self.data, self.labels, self.normalise, self.config["data"]["posts_per_tag"], self.seed)
        return cached_posts(self.cache / "hashtags.jsonl", make)

    @cached_property
    def published(self) -> tuple[model.Encoder, str]:
        """The untrained encoder and its tokenizer.json."""
        torch.manual_seed(self.seed)
        settings = self.config["encoder"]
        if settings["pretrained"]:
            return model.pretrained(settings["dropout"])
        from synthetic import tiny_tokenizer

        tokenizer_json = tiny_tokenizer(post.text for post in self.posts)
        shape = {name: settings[name] for name in ("hidden", "layers", "heads", "inner", "positions", "dropout")}
        return model.Encoder(vocabulary=Tokenizer.from_str(tokenizer_json).get_vocab_size(), **shape), tokenizer_json

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_str(self.published[1])

    @cached_property
    def batcher(self) -> training.Batcher:
        return training.Batcher(self.tokenizer, self.config["limits"])

    @cached_property
    def nouns(self) -> list[str]:
        """The words for what photos show."""
        import photos as flickr

        return flickr.read_nouns()

    @cached_property
    def phrasebook(self) -> Phrasebook:
        return Phrasebook(self.labels)

    def memory(self, posts: Sequence[Post]) -> Associations:
        """The associations of labelled posts."""
        settings = self.config["ranker"]
        return associate(posts, self.index, FIELDS, settings["shrink"], settings["floor"])

    @cached_property
    def past(self) -> Associations:
        """Those of the hashtag posts of earlier years."""
        settings = self.config["ranker"]
        return associate(self.hashtags, self.index, ("text",), settings["past_shrink"], settings["past_floor"])

    def untrained(self) -> model.Tagger:
        encoder = deepcopy(self.published[0])
        anchors = training.encode_words(encoder, self.batcher, self.labels)
        return model.Tagger(encoder, anchors, training.label_counts(self.hashtags, self.labels), self.config["encoder"]["label_scale"])

    def tagger(self, name: str) -> model.Tagger:
        """A trained one: "adapt", or "finetune-" and a part."""
        encoder = deepcopy(self.published[0])
        blank = torch.zeros(len(self.labels), encoder.words.weight.shape[1])
        tagger = model.Tagger(encoder, blank, torch.ones(len(self.labels)), 1.0)
        tagger.load_state_dict(torch.load(self.cache / f"{name}.pt"))
        return tagger

    def figures(self, rows: np.ndarray, posts: Sequence[Post]) -> dict[str, float]:
        """The benchmark's three for label scores [posts, labels]."""
        best = [[self.labels[i] for i in np.argsort(-row, kind="stable")[:5]] for row in rows]
        return {name: round(value, 2) for name, value in evaluate(best, [p.keyphrases for p in posts]).items()}


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


def word_vectors(run: Run, words: Sequence[str]) -> np.ndarray:
    """The vectors [words, hidden] of words by the bundle's own text.onnx."""
    return np.concatenate([onnx_vectors(run, [Post(word)]) for word in words])


def onnx_vectors(run: Run, posts: Sequence[Post]) -> np.ndarray:
    """The posts' vectors [posts, hidden] by the bundle's own text.onnx."""
    import onnxruntime

    session = onnxruntime.InferenceSession(run.bundle / "text.onnx", providers=["CPUExecutionProvider"])
    rows = []
    for start in range(0, len(posts), 32):
        feed = {name: tensor.numpy() for name, tensor in run.batcher(posts[start : start + 32]).items()}
        rows.append(session.run(["vectors"], feed)[0])
    return np.concatenate(rows)


def export(run: Run) -> None:
    """Everything the words' half needs, into the bundle."""
    import export_decoder
    import export_ranker
    import export_text
    import lightgbm

    tagger, pieces = run.tagger(f"finetune-{ALL}"), decoder_pieces(run)
    decoder = writing.untrained(pieces, run.published[0].words.weight.detach(), run.config["decoder"])
    if run.writes:
        decoder.load_state_dict(torch.load(run.cache / f"write-{ALL}.pt"))
    export_text.export(tagger, decoder, run.config, run.cache, run.bundle)
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


def image(run: Run) -> None:
    """The image model, from published weights; nothing is trained."""
    from export_image import export as export_image
    from export_image import published, random_weights

    export_image(published() if run.config["encoder"]["pretrained"] else random_weights(), run.config, run.bundle)


def look(run: Run) -> None:
    """The regions of Flickr8k's photos, and the words' half's view of their captions and of the benchmark's posts."""
    import photos as flickr

    see, image_model, text_model = run.config["see"], flickr.session(run.bundle / "image.onnx"), flickr.session(run.bundle / "text.onnx")
    nouns = flickr.by_stem(run.nouns)
    chance = random.Random(f"{run.seed}/look")
    read = lambda texts: flickr.read(text_model, run.tokenizer, run.config["limits"], [run.normalise(text) for text in texts], see["tokens"])
    for name, views in (("train", flickr.VIEWS), ("dev", 1)):
        pairs = flickr.read_pairs(run.data, f"{name}.tsv")
        np.save(run.cache / f"look-{name}-regions.npy", flickr.look(image_model, pairs.photos, run.config["image"], views, run.seed))
        lacking, texts = [], []
        for photo, captions in pairs.own().items():
            for caption in captions:
                named = sorted({noun for noun, _ in flickr.nouns_in(pairs.captions[caption], nouns)})
                if named:
                    noun = chance.choice(named)
                    lacking.append((photo, noun))
                    texts.append(flickr.without(pairs.captions[caption], noun, nouns))
        for kind, said in (("captions", pairs.captions), ("lacking", texts)):
            states, mask = read(said)
            np.savez(run.cache / f"look-{name}-{kind}.npz", states=states, mask=mask)
        (run.cache / f"look-{name}-lacking.json").write_text(json.dumps({"lacking": lacking, "texts": texts}))
    posts = [post for post in run.posts if post.match is not None]
    states, mask = flickr.read(text_model, run.tokenizer, run.config["limits"], [post.text for post in posts], see["tokens"])
    words = sorted({word for post in posts for word in (*post.entities, *post.attributes)})
    word_states, word_mask = flickr.read(text_model, run.tokenizer, run.config["limits"], words, see["tokens"])
    # A word's own pieces, without the marks around them.
    means = np.stack([rows[1 : max(2, keep.sum() - 1)].astype(np.float32).mean(0) for rows, keep in zip(word_states, word_mask)])
    np.savez(run.cache / "look.npz", states=states, mask=mask, words=means.astype(np.float16))
    (run.cache / "look.json").write_text(json.dumps(words))


def see(run: Run) -> None:
    """The half that sees, over the words' half as it was exported."""
    import familiar
    import photos as flickr
    import see as seeing
    from bundle import read_vectors
    from fusion import Fusion

    settings, nouns = run.config["see"], flickr.by_stem(run.nouns)
    load = lambda name: np.load(run.cache / f"look-{name}.npz")
    pairs, regions = flickr.read_pairs(run.data, "train.tsv"), np.load(run.cache / "look-train-regions.npy", mmap_mode="r")
    with load("train-captions") as captions, load("train-lacking") as lacking, np.load(run.cache / "look.npz") as kept:
        states, mask = captions["states"], captions["mask"]
        lacking_states, lacking_mask = lacking["states"], lacking["mask"]
        post_states, post_mask, word_states = kept["states"], kept["mask"], kept["words"]
    own = pairs.own()
    named = {photo: sorted({noun for c in said for noun, _ in flickr.nouns_in(pairs.captions[c], nouns)}) for photo, said in own.items()}
    taken: dict[int, list[tuple[int, int]]] = {}
    for row, (photo, noun) in enumerate(json.loads((run.cache / "look-train-lacking.json").read_text())["lacking"]):
        taken.setdefault(photo, []).append((row, noun))
    photos = seeing.Photos(regions, own, states, mask, [named.get(i, []) for i in range(len(pairs.photos))], taken, lacking_states, lacking_mask)
    word_row = {word: i for i, word in enumerate(json.loads((run.cache / "look.json").read_text()))}
    posts = [post for post in run.posts if post.match is not None]
    words = [word_states[[word_row[w] for w in (*post.entities, *post.attributes)]] for post in posts]
    some = [i for i, of_post in enumerate(words) if len(of_post)]
    stood_for = seeing.Posts(post_states[some], post_mask[some], [words[i] for i in some], np.array([posts[i].match for i in some]))

    hidden = word_vectors(run, run.nouns)
    seed = run.seed + settings["draw"]
    torch.manual_seed(seed)
    model = Fusion(states.shape[-1], hidden.shape[1], settings["shared"], settings["heads"], settings["dropout"])
    labels = torch.from_numpy(read_vectors(run.bundle / "labels.vectors.bin", hidden.shape[1]))
    trainer = seeing.Trainer(model, photos, stood_for, torch.from_numpy(hidden), labels, settings, seed)
    order = random.Random(run.seed).sample(sorted(own), len(own))
    held, learnt = set(order[: settings["held"]]), order[settings["held"] :]
    rows = [(photo, caption) for photo, caption, _ in pairs.rows if photo in held]
    hits = np.array([match for photo, _, match in pairs.rows if photo in held])
    asked = [(photo, row, noun) for photo in sorted(held) for row, noun in taken.get(photo, [])]

    served = regions[:, 0]

    def nouns_seen(model: Fusion) -> np.ndarray:
        """How like each noun what the photo adds to a caption that lacks one is, [captions, nouns]."""
        return seeing.sights(model, served, lacking_states, lacking_mask, [(photo, row) for photo, row, _ in asked], settings["region_filter"])["vector"] @ hidden.T

    def watch(model: Fusion) -> dict[str, float]:
        found, likeness = seeing.sights(model, served, states, mask, rows, settings["region_filter"]), nouns_seen(model)
        rank = (likeness > likeness[np.arange(len(asked)), [noun for *_, noun in asked]][:, None]).sum(1)
        return {"AUC": round(seeing.auc(found["match"], hits), 4), "noun@1": round(float((rank < 1).mean()), 3), "noun@5": round(float((rank < 5).mean()), 3)}

    model = trainer.fit(learnt, watch)
    seeing.calibrate(model, seeing.sights(model, served, states, mask, rows, settings["region_filter"])["logit"], hits)
    right = np.array([[noun in photos.nouns[photo] for noun in range(len(run.nouns))] for photo, *_ in asked]).ravel()
    a, b = ranking.platt(nouns_seen(model).ravel(), right)
    figures = watch(model)
    known = familiar.learn(regions[sorted(learnt), 0], regions[sorted(held), 0], settings["centres"], run.seed)
    np.savez(run.cache / "familiar.npz", **vars(known))
    (run.cache / "see.json").write_text(json.dumps({"a": a, "b": b, **figures}))
    torch.save(model.state_dict(), run.cache / "see.pt")


def fuse(run: Run) -> None:
    """The trained half that sees, into the bundle."""
    import export_fusion
    from familiar import Familiar
    from fusion import Fusion

    settings, state = run.config["see"], torch.load(run.cache / "see.pt")
    model = Fusion(state["token.weight"].shape[1], state["value.weight"].shape[0], settings["shared"], settings["heads"], settings["dropout"])
    model.load_state_dict(state)
    with np.load(run.cache / "familiar.npz") as saved:
        known = Familiar(**{name: value if value.ndim else float(value) for name, value in saved.items()})
    export_fusion.export(model, known, settings["prior"], run.bundle)
    (run.bundle / "visual-words.txt").write_text("\n".join(run.nouns) + "\n", "utf-8")
    write_vectors(run.bundle / "visual-words.vectors.bin", word_vectors(run, run.nouns))


def manifest(run: Run) -> None:
    words = HERE.parent / "bundle" / "words.txt"
    if words.parent != run.bundle:
        (run.bundle / "words.txt").write_bytes(words.read_bytes())
    calibration, metrics = ranked(run)
    seen = run.cache / "see.json"
    write_manifest(run.bundle, run.config, calibration, json.loads(seen.read_text()) if seen.exists() else None, metrics)


def ranked(run: Run) -> tuple[dict, dict]:
    """The ranker's calibration and figures; those of the bundle's manifest where only the half that sees was trained here."""
    found = run.cache / "rank.json"
    if not found.exists():
        before = json.loads((run.bundle / "manifest.json").read_text())
        return before["ranker"]["calibration"], before["metrics"]
    result = json.loads(found.read_text())
    return {"a": result["a"], "b": result["b"]}, {"outOfFold": {name: round(result[name], 2) for name in ("F1@1", "F1@3", "MAP@5")}}


STAGES: dict[str, Callable[[Run], None] | Callable[[Run, str], None]] = {
    "adapt": adapt, "finetune": finetune, "predict": predict, "write_first": write_first, "write": write,
    "rank": rank, "export": export, "image": image, "look": look, "see": see, "fuse": fuse, "manifest": manifest,
}  # fmt: skip
BY_PART = {"finetune", "predict", "write"}
WRITING, SEEING = {"write_first", "write"}, {"look", "see", "fuse"}
CACHED = {"adapt", "finetune", "predict", "write_first", "write", "rank", "look", "see"}
RESULTS = {"predict": "npz", "rank": "json", "look": "json"}  # what a stage leaves in the cache, where it is not a "pt" file
# How the names of a stage's files begin, where not all begin with its own.
LEAVES = {"see": ["see.", "familiar"], "write": ["write-", "beams-"], "export": ["text-fp32"]}


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
