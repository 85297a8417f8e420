from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reportgen.faces.align import canonical_points
from reportgen.faces.landmarks import Landmarker

REAL = Path(__file__).resolve().parents[2] / "../shared/fer/images"


@pytest.fixture(scope="session")
def landmarker() -> Landmarker:
    return Landmarker()


@pytest.fixture
def face() -> np.ndarray:
    """(478, 2) float64: a frontal face that fills the picture."""
    return canonical_points().astype(np.float64)


@pytest.fixture(scope="session")
def photos() -> list[np.ndarray]:
    """60 photos of the real test set, spread over it by name."""
    paths = sorted(REAL.glob("*.jpg"))
    if not paths:
        pytest.skip("the real test set is not beside the checkout")
    chosen = paths[:: max(1, len(paths) // 60)][:60]
    pictures = []
    for path in chosen:
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    return pictures
