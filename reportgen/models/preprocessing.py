"""From decoded pixels to a model's input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from reportgen.config import Preprocessing
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["candidate_inputs", "first_inputs", "normalise", "resize"]

_SIZES = (224, 112, 64, 48)
# By channels: ImageNet's statistics, one half for all, and numbers that stay between 0 and 1.
_STATISTICS: dict[int, tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]] = {
    3: (((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), ((0.0,) * 3, (1.0,) * 3)),
    1: (((0.449,), (0.226,)), ((0.5,), (0.5,)), ((0.0,), (1.0,))),
}


_PIXELS = (1 / 255,) * 3
_VGGFACE2 = (91.4953 / 255, 103.8827 / 255, 131.0912 / 255)  # blue, green, red
_CAFFE = (103.939 / 255, 116.779 / 255, 123.68 / 255)  # the same of ImageNet
_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resize(samples: npt.NDArray[np.uint8], spec: Preprocessing) -> npt.NDArray[np.uint8]:
    """Resize and crop, by default as torchvision does for a Pillow image: bilinear, with antialiasing, stretched.

    Parameters
    ----------
    samples
        (H, W, 3) RGB, or (H, W) where all three channels are equal: the same result for a third of the work.

    Returns
    -------
    ndarray
        (height, width, 3) with the channels in the model's order, or (height, width, 1) for one grey channel.
    """
    image = Image.fromarray(samples)
    if spec.grey:
        image = image.convert("L")
    size = spec.resized(*image.size)
    if image.size != size:
        if spec.library == "torchvision":
            image = _resize_by_torchvision(image, size, spec.resample)
        else:
            image = image.resize(size, _RESAMPLING[spec.resample])
    if size != (spec.width, spec.height):
        left, top = spec.crop_at(size)
        image = image.crop((left, top, left + spec.width, top + spec.height))
    resized = np.asarray(image).reshape(spec.height, spec.width, -1)
    if spec.channels == 1:
        return resized
    resized = resized if resized.shape[2] == 3 else np.repeat(resized, 3, axis=2)
    return np.ascontiguousarray(resized[..., ::-1]) if spec.bgr else resized


def _resize_by_torchvision(image: Image.Image, size: tuple[int, int], resample: str) -> Image.Image:
    """As torchvision resizes a tensor of bytes: not the very levels that Pillow gives."""
    transforms = import_torchvision().transforms
    mode = "nearest-exact" if resample == "nearest" else resample  # what Hugging Face means by it, and Pillow does
    pixels = torch.from_numpy(np.array(image)).reshape(image.height, image.width, -1).permute(2, 0, 1).contiguous()
    resized = transforms.v2.functional.resize(
        pixels, [size[1], size[0]], interpolation=transforms.InterpolationMode(mode), antialias=True
    )
    return Image.fromarray(resized.permute(1, 2, 0).squeeze(2).numpy())


def normalise(images: Sequence[npt.NDArray[np.uint8]], spec: Preprocessing) -> Tensor:
    """Stack resized images and normalise them as torchvision's ToTensor and Normalize do, operation by operation.

    Returns
    -------
    Tensor
        (B, channels, height, width) float32 in channels-last layout, the order in which decoded pixels come.
    """
    rows = torch.from_numpy(np.stack(images)).flatten(2).float()  # (B, h, w * channels)
    # Whole rows at a time: a subtraction that repeats every three numbers does not use the processor's vectors.
    channels = rows.shape[2] // spec.width
    mean, std = (torch.tensor(values).expand(channels).repeat(spec.width) for values in (spec.mean, spec.std))
    rows = rows.div_(255).sub_(mean).div_(std)
    return rows.view(-1, spec.height, spec.width, channels).permute(0, 3, 1, 2)  # (B, channels, h, w)


def candidate_inputs(
    spec: Preprocessing, part: Literal["statistics", "grey", "size"], *, keras: bool = False
) -> Iterator[Preprocessing]:
    """The usual values of one part of a preprocessing, with its other parts as they are.

    Parameters
    ----------
    keras
        Also what networks born in Keras take: pixels from 0 to 255 as they are, and in the order blue, green, red less
        the mean of VGGFace2 (Cao et al. 2018), which ResNet50s of faces were trained on, or of ImageNet. VGGFace2's
        mean is tried in the order red, green, blue as well: else that order would pass for the other one.
    """
    if part == "size":
        for side in _SIZES:
            yield spec.model_copy(update={"width": side, "height": side})
    elif part == "statistics":
        for mean, std in _STATISTICS[spec.channels]:
            yield spec.model_copy(update={"mean": mean, "std": std})
        if keras and not spec.grey:
            yield spec.model_copy(update={"mean": (0.0,) * 3, "std": _PIXELS})
            for mean, bgr in ((_VGGFACE2, True), (_VGGFACE2[::-1], False), (_CAFFE, True)):
                yield spec.model_copy(update={"mean": mean, "std": _PIXELS, "bgr": bgr})
    elif spec.channels == 3:
        for mean, std in _STATISTICS[3]:
            yield spec.model_copy(update={"mean": mean, "std": std, "grey": True})


def first_inputs() -> Iterator[Preprocessing]:
    """Inputs that a network of unknown make may take: three channels and one, from large to small."""
    for grey in (False, True):
        mean, std = _STATISTICS[1 if grey else 3][0]
        for side in _SIZES:
            yield Preprocessing(width=side, height=side, grey=grey, mean=mean, std=std)
