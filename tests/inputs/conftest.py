from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def make_images() -> Callable[..., None]:
    """Write small grey JPEG files, each different, by their paths below a folder."""

    def make(folder: Path, *names: str) -> None:
        for number, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            seed = sum(map(ord, name)) * 1000 + number
            pixels = np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(path)

    return make
