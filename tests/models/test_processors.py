"""Processors of Hugging Face and transforms of timm, followed pixel by pixel."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reportgen.config import Preprocessing
from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.processors import folder_input
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.preprocessing import normalise, resize

SIZES = ((48, 48), (100, 100), (224, 224), (301, 240), (97, 640), (500, 375))
SQUARE = {"height": 224, "width": 224}
PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "ViT": ("ViT", {}),
    "ViT in half of its size, not normalised": ("ViT", {"size": {"height": 112, "width": 112}, "do_normalize": False}),
    "ViT in an old file": ("ViT", {"size": 96, "resample": 3, "image_mean": [0.4, 0.5, 0.6]}),
    "ViT without rescaling": ("ViT", {"do_rescale": False}),
    "DeiT": ("DeiT", {}),
    "BEiT": ("Beit", {}),
    "BEiT with a crop": ("Beit", {"size": {"height": 256, "width": 256}, "do_center_crop": True, "crop_size": SQUARE}),
    "Swin": ("ViT", {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3}),
    "ConvNeXt": ("ConvNext", {}),
    "ConvNeXt at 224": ("ConvNext", {"size": {"shortest_edge": 224}}),
    "ResNet": ("ConvNext", {"size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 2}),
    "EfficientNet": ("EfficientNet", {}),
    "EfficientNet once": ("EfficientNet", {"include_top": False, "size": {"height": 260, "width": 260}}),
    "EfficientNet cropped, from -1 to 1": (
        "EfficientNet", {"do_center_crop": True, "rescale_offset": True, "rescale_factor": 1 / 127.5}
    ),
    "MobileNetV2": ("MobileNetV2", {}),
    "DINOv2": ("Bit", {"size": {"shortest_edge": 256}, "image_mean": [0.485, 0.456, 0.406], "crop_size": SQUARE}),
    "MobileNetV1": ("MobileNetV1", {}),
    "CLIP": ("CLIP", {}),
    "SigLIP": ("Siglip", {}),
    "Lanczos": ("ViT", {"resample": 1}),
    "nearest": ("ViT", {"resample": 0}),
}  # fmt: skip


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.extras
@pytest.mark.parametrize("written", ["all", "differences"])
@pytest.mark.parametrize("name", PROCESSORS)
def test_hugging_faces_processor_is_followed_pixel_by_pixel(name: str, written: str) -> None:
    """Both in a file that lists everything, as it is saved today, and in one that lists what is not the default."""
    import_torchvision()
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    kind, values = PROCESSORS[name]
    original = getattr(transformers, f"{kind}ImageProcessor")(**values)
    content = json.loads(original.to_json_string()) if written == "all" else values
    stated = folder_input(
        "m", {"preprocessor_config.json": {**content, "image_processor_type": f"{kind}ImageProcessor"}}
    )
    spec = Preprocessing(**stated)
    for height, width in SIZES:
        pixels = photo(height, width)
        theirs = original(Image.fromarray(pixels), return_tensors="pt")["pixel_values"]
        ours = normalise([resize(pixels, spec)], spec)
        assert ours.shape == theirs.shape
        largest = float(theirs.abs().max())
        assert float((ours - theirs).abs().max()) <= 2e-6 * largest, (height, width)  # less than a level by far


@pytest.mark.extras
@pytest.mark.parametrize("changes", [{}, {"crop_pct": 0.9, "interpolation": "bicubic", "input_size": (3, 160, 160)}])
def test_timms_transform_is_followed_pixel_by_pixel(changes: dict[str, Any]) -> None:
    import_torchvision()
    data = pytest.importorskip("timm.data", reason="timm is not installed")
    stated = {"input_size": (3, 224, 224), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), "crop_pct": 0.875,
              "interpolation": "bilinear", **changes}  # fmt: skip
    transform = data.create_transform(**data.resolve_data_config({}, pretrained_cfg=stated))
    spec = Preprocessing(**folder_input("m", {"config.json": {"pretrained_cfg": stated}}))
    for height, width in SIZES:
        pixels = photo(height, width)
        theirs = transform(Image.fromarray(pixels))[None]
        assert torch.allclose(normalise([resize(pixels, spec)], spec), theirs, rtol=1e-6, atol=1e-6), (height, width)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"image_processor_type": "OwnImageProcessor"}, "the processor OwnImageProcessor"),
        ({}, "the processor without a name"),
        ({"image_processor_type": "ViTImageProcessor", "do_resize": False}, "pictures of any size"),
        ({"image_processor_type": "BitImageProcessor", "do_center_crop": False}, "without a crop"),
        ({"image_processor_type": "ViTImageProcessor", "do_pad": True}, "do_pad"),
        ({"image_processor_type": "ViTImageProcessor", "resample": 17}, "17"),
        ({"image_processor_type": "ViTImageProcessor", "size": {"longest_edge": 9}}, "a size by longest_edge"),
        ({"image_processor_type": "ViTImageProcessor", "image_mean": [0.5]}, "1 channels"),
        ({"image_processor_type": "ViTImageProcessor", "size": "large"}, "large"),
        ({"image_processor_type": "DeiTImageProcessor", "size": 200}, "larger than the picture"),
    ],
)
def test_a_step_that_is_not_done_here_is_one_line(content: dict[str, Any], reason: str) -> None:
    with pytest.raises(CheckpointError, match=rf"asks for something that is not done here \(.*{reason}"):
        folder_input("m", {"preprocessor_config.json": content})


def test_what_the_model_sees_of_an_image() -> None:
    spec = Preprocessing(width=224, height=224, resize="shortest edge", resize_to=256)
    assert spec.window(500, 500) == (16 / 256, 16 / 256, 240 / 256, 240 / 256)
    assert spec.window(200, 400) == (16 / 256, 144 / 512, 240 / 256, 368 / 512)
    assert Preprocessing().window(300, 200) == (0, 0, 1, 1)
    with pytest.raises(ValueError, match="resize_to"):
        Preprocessing(resize="shortest edge")
    with pytest.raises(ValueError, match="must not be below"):
        Preprocessing(resize_to=100)
