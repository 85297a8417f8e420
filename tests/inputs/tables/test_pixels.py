from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reportgen.inputs.images.decoding import decode
from reportgen.inputs.tables.pixels import as_pgm, parse_cell, parse_pixels

images = hnp.arrays(np.uint8, st.integers(8, 20).map(lambda side: (side, side)))


@given(images)
def test_text_and_sequences_give_the_same_image(image: npt.NDArray[np.uint8]) -> None:
    text = " ".join(map(str, image.ravel()))
    for cell in (text, image, image.ravel().tolist(), image.astype(float)):
        parsed, bad = parse_pixels([cell])
        assert bad == []
        np.testing.assert_array_equal(parsed[0], image)


@given(images)
def test_pgm_is_decoded_to_the_same_pixels(image: npt.NDArray[np.uint8]) -> None:
    decoded = decode(as_pgm(image))
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
        " ".join(["7"] * 81),
        -1.5,
    ]
    parsed, bad = parse_pixels(cells)
    assert parsed.shape == (8, 8, 8)
    assert (parsed[0] == 7).all()
    reasons = dict(bad)
    assert sorted(reasons) == [1, 2, 3, 4, 5, 6, 7]
    assert reasons[2] == "65 pixels are no square image"
    assert reasons[3] == "values that are no whole numbers from 0 to 255"
    assert reasons[4] == "not a list of whole numbers"
    assert reasons[6] == "81 pixels where the others have 64"
    assert not parsed[1:].any()


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.lists(st.integers(), max_size=70)))
def test_any_cell_gives_pixels_or_a_reason(cell: object) -> None:
    values, reason = parse_cell(cell)
    assert (values is None) == bool(reason)
