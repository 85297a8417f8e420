"""How a picture becomes a network's input, by the JSON files that Hugging Face and timm keep beside its weights.

Followed as these processors run, which is not always what their fields seem to say: EfficientNet's divides by the
standard deviation twice, and ConvNeXt's crops only below 384 pixels. `tests/models/test_processors.py` compares every
one with the original, pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.folder import CONFIG, PROCESSOR

__all__ = ["folder_input", "pixel_statistics"]

_HALF, _IMAGENET = (0.5, 0.5, 0.5), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
_SQUARE_FROM = 384  # pixels: from here on ConvNeXt's processor stretches instead of cropping
_CROP = 224 / 256
# What the classes do where the file does not say: size, crop, resampling, mean and standard deviation.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ViT": {},
    "DeiT": {"size": 256, "crop_size": 224, "do_center_crop": True, "resample": 3},
    "Beit": {"crop_size": 224, "resample": 3},
    "ConvNext": {"size": {"shortest_edge": 384}, "crop_pct": _CROP, "resample": 3},
    "EfficientNet": {"size": 346, "crop_size": 289, "resample": 3, "rescale_offset": False, "include_top": True},
    "MobileNetV1": {"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": True},
    "MobileNetV2": {"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": True},
    "Bit": {"size": {"shortest_edge": 224}, "crop_size": 224, "do_center_crop": True, "resample": 3,
            "image_mean": _CLIP[0], "image_std": _CLIP[1]},
    "CLIP": {"size": {"shortest_edge": 224}, "crop_size": 224, "do_center_crop": True, "resample": 3,
             "image_mean": _CLIP[0], "image_std": _CLIP[1]},
    "Siglip": {"resample": 3},
}  # fmt: skip
_ALL = {
    "size": 224, "crop_size": None, "do_resize": True, "do_center_crop": False, "do_rescale": True,
    "do_normalize": True, "do_pad": False, "resample": 2, "rescale_factor": 1 / 255,
    "image_mean": _HALF, "image_std": _HALF,
}  # fmt: skip
_SHORTEST_EDGE = ("ConvNext", "MobileNetV1", "MobileNetV2", "Bit", "CLIP")  # what one number as a size means to them


def folder_input(path: Any, statements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Fields of `reportgen.config.Preprocessing` that a model's folder states; empty where it states none.

    Parameters
    ----------
    path
        For messages.
    statements
        From `folder_statements`.

    Raises
    ------
    CheckpointError
        It states something that is not done here.
    """
    processor, config = statements.get(PROCESSOR), statements.get(CONFIG, {})
    try:
        if processor is not None and "timm" not in str(processor.get("image_processor_type", "")).casefold():
            return _hugging_face(processor)
        data = config.get("pretrained_cfg")
        return _timm(data) if isinstance(data, Mapping) else {}
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        name = PROCESSOR if processor is not None else CONFIG
        raise CheckpointError(
            f"{path}: {name} asks for something that is not done here ({error!s:.120}); set the preprocessing of "
            "this model in the settings"
        ) from None


def pixel_statistics(mean: tuple[float, ...], std: tuple[float, ...]) -> dict[str, Any]:
    """Stated `mean` and `std` for pixels from 0 to 1; empty where they are not about pixels.

    A mean above 1, or a standard deviation of every channel above 1, is written for pixels from 0 to 255.
    """
    scale = 255.0 if max(mean) > 1 or min(std) > 1 else 1.0
    if not all(0 <= m <= scale for m in mean) or not all(0 < s < math.inf for s in std):
        return {}
    return {"mean": tuple(m / scale for m in mean), "std": tuple(s / scale for s in std)}


def _hugging_face(content: Mapping[str, Any]) -> dict[str, Any]:
    given = str(content.get("image_processor_type") or content.get("feature_extractor_type") or "")
    kind = given
    for ending in ("Pil", "Fast", "ImageProcessor", "FeatureExtractor"):
        kind = kind.removesuffix(ending)
    if kind not in _DEFAULTS:
        raise ValueError(f"the processor {given or 'without a name'}")
    said = {**_ALL, **_DEFAULTS[kind], **{key: value for key, value in content.items() if value is not None}}
    if not said["do_resize"]:
        raise ValueError("pictures of any size, which a network of one input size cannot take")
    if said["do_pad"]:
        raise ValueError("do_pad")
    size = _size(said["size"], kind in _SHORTEST_EDGE)
    crop = _size(said["crop_size"], False) if said["do_center_crop"] else None
    geometry = _convnext(size, float(said["crop_pct"]), crop) if kind == "ConvNext" else _geometry(size, crop)
    return {
        **geometry, **_statistics(said, twice=kind == "EfficientNet" and bool(said["include_top"])),
        "resample": _RESAMPLE[said["resample"]], "library": "torchvision",
    }  # fmt: skip


def _size(value: Any, short: bool) -> int | tuple[int, int]:
    """Height and width, or the length of the shorter side."""
    if isinstance(value, Mapping):
        sides = {key: side for key, side in value.items() if side is not None}
        if sides.keys() == {"height", "width"}:
            return int(sides["height"]), int(sides["width"])
        if sides.keys() == {"shortest_edge"}:
            return int(sides["shortest_edge"])
        raise ValueError(f"a size by {', '.join(map(str, sides)) or 'nothing'}")
    if isinstance(value, list | tuple):
        height, width = value
        return int(height), int(width)
    return int(value) if short else (int(value), int(value))


def _geometry(size: int | tuple[int, int], crop: int | tuple[int, int] | None) -> dict[str, Any]:
    """Resizing to a size, then a cut from the middle."""
    if crop is None and isinstance(size, int):
        raise ValueError("pictures that keep their aspect ratio, without a crop")
    if crop is None or crop == size:
        height, width = crop or size  # type: ignore[misc]
        return {"height": height, "width": width}
    height, width = crop if isinstance(crop, tuple) else (crop, crop)
    if isinstance(size, tuple) and size[0] != size[1]:
        raise ValueError("a crop from pictures that are not square")
    side = size if isinstance(size, int) else size[0]
    if side < max(height, width):
        raise ValueError("a crop that is larger than the picture")
    resize = "shortest edge" if isinstance(size, int) else "stretch"
    return {"height": height, "width": width, "resize": resize, "resize_to": side}


def _convnext(size: int | tuple[int, int], share: float, crop: int | tuple[int, int] | None) -> dict[str, Any]:
    """ConvNeXt's own: below 384 pixels the shorter side of `size / crop_pct`, of which the middle is cut out."""
    if not isinstance(size, int) or crop is not None:
        raise ValueError("a ConvNeXt processor with another crop than its own")
    if size >= _SQUARE_FROM:
        return {"height": size, "width": size}
    return {"height": size, "width": size, "resize": "shortest edge", "resize_to": int(size / share)}


def _statistics(said: Mapping[str, Any], *, twice: bool) -> dict[str, Any]:
    """Mean and standard deviation of pixels from 0 to 1, into which every further step of the processor goes."""
    scale = 255 * float(said["rescale_factor"]) if said["do_rescale"] else 255.0
    offset = 1.0 if said["do_rescale"] and said.get("rescale_offset") else 0.0
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    mean = _three(said["image_mean"]) if said["do_normalize"] else zero
    std = _three(said["image_std"]) if said["do_normalize"] else one
    again = _three(said["image_std"]) if twice else one
    return {
        "mean": tuple((m + offset) / scale for m in mean),
        "std": tuple(s * t / scale for s, t in zip(std, again, strict=True)),
    }


def _three(value: Any) -> tuple[float, float, float]:
    numbers = [float(value)] * 3 if isinstance(value, int | float) else [float(number) for number in value]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{len(numbers)} channels")
    return numbers[0], numbers[1], numbers[2]


def _timm(data: Mapping[str, Any]) -> dict[str, Any]:
    """Timm's evaluation transform, as `create_transform(**resolve_data_config(pretrained_cfg))` makes it."""
    channels, height, width = data.get("input_size") or (3, 224, 224)
    if channels != 3 or data.get("crop_mode", "center") not in ("center", None):
        raise ValueError(f"{channels} channels, crop mode {data.get('crop_mode')}")
    side = math.floor(max(height, width) / float(data.get("crop_pct") or 0.875))
    geometry = {"height": int(height), "width": int(width)}
    if height != width:
        raise ValueError("an input that is not square")
    resample = str(data.get("interpolation") or "bilinear")
    if resample not in _RESAMPLE.values():
        raise ValueError(f"the interpolation {resample}")
    return {
        **geometry, "resize": "shortest edge", "resize_to": side, "resample": resample, "library": "pillow",
        "mean": _three(data.get("mean") or _IMAGENET[0]), "std": _three(data.get("std") or _IMAGENET[1]),
    }  # fmt: skip
