from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image, ImageFilter

from reportgen.inputs.images import quality
from reportgen.inputs.images.quality import WORKING_SIZE, image_quality


def flat(red: int, green: int, blue: int, size: int = WORKING_SIZE) -> np.ndarray:
    return np.full((size, size, 3), (red, green, blue), dtype=np.uint8)


def noise(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)


def test_all_is_complete() -> None:
    assert all(hasattr(quality, name) for name in quality.__all__)


def test_flat_grey() -> None:
    found = image_quality(flat(51, 51, 51))
    assert (found.sharpness, found.contrast, found.colourfulness) == pytest.approx((0, 0, 0), abs=1e-6)
    assert found.luminance == pytest.approx(0.2)


def test_flat_red_by_hand() -> None:
    found = image_quality(flat(255, 0, 0))
    assert found.luminance == pytest.approx(0.299)
    assert found.colourfulness == pytest.approx(0.3 * np.hypot(1, 0.5))
    assert (found.red_green, found.yellow_blue) == pytest.approx((1, 0.5))


def test_one_bright_dot_by_hand() -> None:
    pixels = flat(0, 0, 0)
    pixels[60, 60] = 255
    found = image_quality(pixels)
    cells = (WORKING_SIZE - 2) ** 2
    # the Laplacian of a dot is -4 there and 1 at its four neighbours, and sums to nothing
    assert found.sharpness == pytest.approx(255**2 * 20 / cells, rel=1e-5)
    share = 1 / WORKING_SIZE**2
    assert found.contrast == pytest.approx(np.sqrt(share * (1 - share)), rel=1e-4)


def test_blur_and_enlarging_lower_sharpness() -> None:
    image = Image.fromarray(noise(WORKING_SIZE))
    sharp = image_quality(np.asarray(image)).sharpness
    assert image_quality(np.asarray(image.filter(ImageFilter.GaussianBlur(2)))).sharpness < 0.1 * sharp
    small = image.resize((32, 32)).resize((400, 400))
    assert image_quality(np.asarray(small)).sharpness < 0.1 * sharp


def test_same_photo_at_another_size_is_about_as_sharp() -> None:
    large = Image.fromarray(noise(64)).resize((512, 512), Image.Resampling.BICUBIC)
    one = image_quality(np.asarray(large.resize((256, 256), Image.Resampling.BOX)))
    other = image_quality(np.asarray(large))
    assert one.sharpness == pytest.approx(other.sharpness, rel=0.15)
    assert one.luminance == pytest.approx(other.luminance, abs=0.01)


def test_any_shape_with_three_channels() -> None:
    assert image_quality(noise(300)[:1]).contrast > 0
    assert image_quality(noise(300)[:2, :, :]).luminance == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 pixels|at least one pixel"):
        image_quality(pixels)


@pytest.mark.parametrize("shape", [(350, 350), (128, 128), (48, 48), (1, 1), (700, 90)])
def test_one_grey_channel_gives_the_numbers_of_three_equal_ones(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_equal(asdict(image_quality(grey)), asdict(image_quality(np.repeat(grey[..., None], 3, axis=2))))
