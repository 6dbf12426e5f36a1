"""Draws what the filters do: photos with a text of their own and with another's, into a JPEG.

    python models/training/picture.py assets/demo/photos docs/filters.jpg < models/training/tests/fixtures/photo-posts.jsonl

Above, each photo with its own text; below, with the text of the next. A veil covers the regions that count little. The
number is the matching score; a photo that is turned away is grey.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from reference_photos import SIDE, Sighted

WIDTH, GAP, WORDS, SHOWN = 208, 16, 96, 6


def panel(sighted: Sighted, photo: Image.Image, text: str) -> Image.Image:
    settings = sighted.manifest["image"]
    entities, regions, pixels = sighted.look(photo)
    fused = sighted.fuse(text, regions, entities)
    used = fused["match"] >= sighted.manifest["fusion"]["minMatch"]
    image = Image.fromarray(pixels)
    weights = np.array(fused["weights"]).reshape(SIDE, SIDE)
    veil = Image.fromarray((190 * (1 - weights / weights.max())).astype(np.uint8)).resize((settings["size"],) * 2, Image.Resampling.BICUBIC)
    image = Image.composite(Image.new("RGB", image.size, "black"), image, veil) if used else ImageOps.grayscale(image).convert("RGB")
    found = Image.new("RGB", (WIDTH, WIDTH + WORDS), "white")
    found.paste(image.resize((WIDTH, WIDTH)))
    draw, font = ImageDraw.Draw(found), ImageFont.load_default(13)
    shown = ", ".join(word["word"] for word in fused["shown"][:3]) or "no word added"
    lines = [f"match {fused['match']:.2f}: {shown if used else 'turned away'}", *textwrap.wrap(text, 34)[:3]]
    for number, line in enumerate(lines):
        draw.text((0, WIDTH + 6 + 20 * number), line, "#111111" if number == 0 else "#666666", font)
    return found


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    posts = [json.loads(line) for line in sys.stdin][:SHOWN]
    sighted = Sighted()
    picture = Image.new("RGB", (SHOWN * (WIDTH + GAP) + GAP, 2 * (WIDTH + WORDS) + 3 * GAP), "white")
    for column, post in enumerate(posts):
        photo = Image.open(folder / post["photo"]).convert("RGB")
        for row, text in enumerate((post["text"], posts[(column + 1) % len(posts)]["text"])):
            picture.paste(panel(sighted, photo, text), (GAP + column * (WIDTH + GAP), GAP + row * (WIDTH + WORDS + GAP)))
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target, quality=85)


if __name__ == "__main__":
    main()
