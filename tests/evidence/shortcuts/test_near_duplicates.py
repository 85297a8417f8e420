"""Near duplicates: every pair that is near, none that is not, and copies as people make them."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reportgen.evidence.shortcuts.near_duplicates import find_near_duplicates
from reportgen.evidence.stats.units import close_pairs
from reportgen.inputs.images.quality import image_quality


def brute(hashes, most):
    return [
        (i, j, bin(a ^ b).count("1"))
        for i, a in enumerate(hashes)
        for j, b in enumerate(hashes[i + 1 :], start=i + 1)
        if bin(a ^ b).count("1") <= most
    ]


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 63), max_size=7)), max_size=12),
    st.integers(0, 6),
)
def test_all_near_pairs_are_found_and_no_other(roots, turned, most):
    """Hashes that differ from a few roots in up to seven bits, so that near pairs abound."""
    hashes = list(roots)
    for root, bits in turned:
        value = roots[root % len(roots)]
        for bit in bits:
            value ^= 1 << bit
        hashes.append(value)
    found = close_pairs(np.array(hashes, dtype=np.uint64), most)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == brute(hashes, most)


def test_one_hash_has_no_pair():
    assert [len(part) for part in close_pairs(np.array([5], dtype=np.uint64), 4)] == [0, 0, 0]


def test_twenty_thousand_photos_take_seconds_at_most():
    import time

    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 20_000, dtype=np.int64).astype(np.uint64)
    hashes[7_000] = hashes[19_000] ^ np.uint64(0b1011)
    start = time.perf_counter()
    first, second, distance = close_pairs(hashes, 4)
    assert time.perf_counter() - start < 20
    assert (7_000, 19_000, 3) in zip(first.tolist(), second.tolist(), distance.tolist(), strict=True)


def picture(seed):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize((180, 180), Image.Resampling.BICUBIC)


def stored(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def table(pictures, content=None):
    facts = [image_quality(np.asarray(one)) for one in pictures]
    n = len(pictures)
    return pd.DataFrame(
        {
            "perceptual_hash": [fact.perceptual_hash for fact in facts],
            "contrast": [fact.contrast for fact in facts],
            "sha256": content or [str(i) for i in range(n)],
            "path": [f"{i}.jpg" for i in range(n)],
            "emotion": ["?"] * n,
        }
    )


@pytest.mark.parametrize("seed", range(4))
def test_copies_that_were_resized_stored_again_or_made_grey_are_near(seed):
    first = picture(seed)
    copies = [first, first.resize((90, 90)), stored(first, 40), first.convert("L").convert("RGB")]
    found = find_near_duplicates(table([*copies, picture(50 + seed)]), np.arange(5))
    assert {(pair.a, pair.b) for pair in found.pairs} == {(a, b) for a in range(4) for b in range(a + 1, 4)}


def test_equal_labels_are_counted_and_other_labels_listed():
    first = picture(9)
    found = find_near_duplicates(table([first, stored(first, 70), stored(first, 50)]), np.array([0, 0, 1]))
    assert found.alike == 1
    assert [(pair.a, pair.b) for pair in found.pairs] == [(0, 2), (1, 2)]


def test_exact_copies_even_pictures_and_unlabelled_photos_are_left_out():
    first, black = picture(1), Image.new("RGB", (50, 50))
    same = find_near_duplicates(table([first, first], ["x", "x"]), np.array([0, 1]))
    assert same.pairs == ()
    assert find_near_duplicates(table([black, Image.new("RGB", (60, 60), "white")]), np.array([0, 1])).pairs == ()
    unlabelled = find_near_duplicates(table([first, stored(first, 60)]), np.array([0, -1]))
    assert (unlabelled.pairs, unlabelled.compared) == ((), 1)
