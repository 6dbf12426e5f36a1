"""The stages of the half that sees, in their order."""

from __future__ import annotations

import json
import random

import numpy as np
import torch

import export_fusion
import familiar
import photos as flickr
import ranker as ranking
import see as seeing
from bundle import read_vectors, write_vectors
from export_image import export as export_image
from export_image import published, random_weights
from familiar import Familiar
from fusion import Fusion
from run import Run, word_vectors


def image(run: Run) -> None:
    """The image model, from published weights; nothing is trained."""
    export_image(published() if run.config["encoder"]["pretrained"] else random_weights(), run.config, run.bundle)


def look(run: Run) -> None:
    """The regions of Flickr8k's photos, and the words' half's view of their captions and of the benchmark's posts."""
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
    settings, state = run.config["see"], torch.load(run.cache / "see.pt")
    model = Fusion(state["token.weight"].shape[1], state["value.weight"].shape[0], settings["shared"], settings["heads"], settings["dropout"])
    model.load_state_dict(state)
    with np.load(run.cache / "familiar.npz") as saved:
        known = Familiar(**{name: value if value.ndim else float(value) for name, value in saved.items()})
    export_fusion.export(model, known, settings["prior"], run.bundle)
    (run.bundle / "visual-words.txt").write_text("\n".join(run.nouns) + "\n", "utf-8")
    write_vectors(run.bundle / "visual-words.vectors.bin", word_vectors(run, run.nouns))
