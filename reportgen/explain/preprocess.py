"""From decoded pixels to a model's input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from reportgen.config import Preprocessing

__all__ = ["normalise", "resize"]


def resize(pixels: npt.NDArray[np.uint8], spec: Preprocessing) -> npt.NDArray[np.uint8]:
    """Resize as torchvision does for a Pillow image: bilinear with antialiasing, aspect ratio not kept.

    Parameters
    ----------
    pixels
        (H, W, 3) RGB.

    Returns
    -------
    ndarray
        (height, width, 3), or (height, width, 1) for a grey model.
    """
    image = Image.fromarray(pixels)
    if spec.grey:
        image = image.convert("L")
    if image.size != (spec.width, spec.height):
        image = image.resize((spec.width, spec.height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(spec.height, spec.width, -1)


def normalise(images: Sequence[npt.NDArray[np.uint8]], spec: Preprocessing) -> Tensor:
    """Stack resized images and normalise them as torchvision's ToTensor and Normalize do, operation by operation.

    Returns
    -------
    Tensor
        (B, channels, height, width) float32 in channels-last layout, which is how the pixels lie anyway.
    """
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()  # (B, channels, h, w)
    mean = torch.tensor(spec.mean).view(1, -1, 1, 1)
    std = torch.tensor(spec.std).view(1, -1, 1, 1)
    return batch.div_(255).sub_(mean).div_(std)
