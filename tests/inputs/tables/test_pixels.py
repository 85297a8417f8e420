from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reportgen.inputs.images.decoding import decode
from reportgen.inputs.tables.pixels import as_file, parse_image, parse_images

images = hnp.arrays(np.uint8, st.integers(8, 20).map(lambda side: (side, side)))


@given(images)
def test_text_and_sequences_give_the_same_image(image: npt.NDArray[np.uint8]) -> None:
    text = " ".join(map(str, image.ravel()))
    for cell in (text, image, image.ravel().tolist(), image.astype(float)):
        parsed, bad = parse_images([cell])
        assert bad == []
        np.testing.assert_array_equal(parsed[0], image)


@given(images)
def test_pgm_is_decoded_to_the_same_pixels(image: npt.NDArray[np.uint8]) -> None:
    decoded = decode(as_file(image))
    assert decoded.notes == ("grey",)
    for channel in range(3):
        np.testing.assert_array_equal(decoded.pixels[..., channel], image)


def test_cells_that_are_no_image_name_the_reason() -> None:
    good = " ".join(["7"] * 64)
    cells = [
        good,
        "1 2 3",
        " ".join(["7"] * 65),
        " ".join(["256"] * 64),
        "a b",
        None,
        -1.5,
    ]
    parsed, bad = parse_images(cells)
    assert parsed.shape == (7, 8, 8)
    assert (parsed[0] == 7).all()
    reasons = dict(bad)
    assert sorted(reasons) == [1, 2, 3, 4, 5, 6]
    assert reasons[2] == "65 pixels are no square image"
    assert reasons[3] == "values that are no whole numbers from 0 to 255, as they are or divided by 255"
    assert reasons[4] == "not a list of whole numbers"
    assert not parsed[1:].any()


@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        ([7] * 64, (8, 8)),
        (str([7] * 64), (8, 8)),
        ("(7; 7, " + "7 " * 62 + ")", (8, 8)),
        (np.full((8, 10), 7), (8, 10)),
        (np.full((8, 10, 1), 7.0), (8, 10)),
        (np.full((1, 8, 10), 7), (8, 10)),
        (np.full((8, 10, 3), 7), (8, 10, 3)),
        (np.full((3, 8, 10), 7), (8, 10, 3)),
        (np.array([[7] * 10] * 8).tolist(), (8, 10)),
    ],
    ids=["list", "text of a list", "other text", "array", "one channel", "channel first", "RGB", "RGB first", "rows"],
)
def test_every_way_to_write_an_image(cell: object, shape: tuple[int, ...]) -> None:
    image, reason = parse_image(cell)
    assert reason == "" and isinstance(image, np.ndarray)
    assert image.shape == shape and (image == 7).all()
    assert decode(as_file(image)).pixels.shape == (*shape[:2], 3)


def test_bytes_of_a_file_stay_as_they_are() -> None:
    assert parse_image({"bytes": b"x", "path": None}) == (b"x", "")
    assert parse_image({"bytes": None, "path": "a.png"}) == (None, "not a list of whole numbers")
    images, bad = parse_images([b"x", np.zeros((8, 8)), None])
    assert images[0] == b"x" and images[1].shape == (8, 8) and [row for row, _ in bad] == [2]
    assert as_file(images[0]) == b"x"


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.lists(st.integers(), max_size=70)))
def test_any_cell_gives_pixels_or_a_reason(cell: object) -> None:
    values, reason = parse_image(cell)
    assert (values is None) == bool(reason)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numbers_divided_by_255_are_the_same_image(kind: type) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    image, reason = parse_image((levels / 255).astype(kind))
    assert reason == "" and isinstance(image, np.ndarray)
    assert (image == levels[:, :, 0]).all()
    assert parse_image(np.linspace(0, 1, 144).reshape(12, 12))[0] is None  # not whole numbers divided by 255
    assert parse_image(np.ones((12, 12)))[0].max() == 1  # whole numbers as they are
