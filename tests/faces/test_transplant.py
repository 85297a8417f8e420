"""Transplants: nothing outside the mask changes, a face given to itself stays itself, light and colour are matched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reportgen.faces.transplant as transplanting
from reportgen.errors import DataError
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS
from reportgen.faces.transplant import TRANSPLANTED, Portrait, fill_region, transplant

SIZE = 112
POINTS = canonical_points()


def smooth(seed: int, *, grey: bool = False, size: int = SIZE) -> np.ndarray:
    """A picture without hard edges, so that resampling hardly changes it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    modes = [(a, b) for a in range(3) for b in range(3)]
    waves = [
        sum(rng.normal() * np.cos(2 * np.pi * (a * x + b * y) + rng.uniform(0, 6)) for a, b in modes)
        for _ in range(1 if grey else 3)
    ]
    picture = np.stack(waves * (3 if grey else 1), axis=2)
    return np.clip(128 + 25 * picture, 0, 255).astype(np.uint8)


def portrait(seed: int, **kinds: bool) -> Portrait:
    return Portrait(smooth(seed, **kinds), POINTS)


@pytest.mark.parametrize("region", TRANSPLANTED)
def test_nothing_changes_outside_the_mask(region):
    receiver, donor = portrait(1), portrait(2)
    changed = (transplant(receiver, donor, region) != receiver.pixels).any(axis=2)
    assert changed.any()
    assert not changed[receiver.soft_mask(region) == 0].any()


@pytest.mark.parametrize(
    "region", [name for name in TRANSPLANTED if name not in ("cheeks+jaw", "forehead", "background")]
)
def test_a_face_given_to_itself_stays_itself(region):
    one = portrait(3)
    assert np.abs(transplant(one, one, region).astype(int) - one.pixels).max() <= 2


def test_the_background_given_to_itself_stays_itself_away_from_the_face():
    one = portrait(3)
    result = transplant(one, one, "background")
    far = one.soft_mask("background") > 0.999
    assert np.abs(result.astype(int) - one.pixels)[far].max() <= 2


@pytest.mark.parametrize("region", ["eyes+brows", "mouth", "background"])
def test_unmatched_pixels_are_the_donors_own(region):
    receiver, donor = portrait(4), portrait(5)
    result = transplant(receiver, donor, region, "unmatched")
    inside = (receiver.soft_mask(region) > 0.999) & (donor.soft_mask(region) > 0.999)
    assert inside.any()
    assert np.abs(result.astype(int) - donor.pixels)[inside].max() <= 2


@pytest.mark.parametrize(("tone", "changed"), [("brightness", "mean"), ("contrast", "spread"), ("colour", "chroma")])
def test_one_property_of_the_background_becomes_the_donors_and_no_other(tone, changed):
    receiver, donor = portrait(20), Portrait((0.6 * smooth(21) + 20).astype(np.uint8), POINTS)
    outside = receiver.soft_mask("background") > 0.999
    result = transplant(receiver, donor, "background", tone)
    face = receiver.soft_mask("background") == 0
    assert np.array_equal(result[face], receiver.pixels[face])

    def measured(pixels: np.ndarray, inside: np.ndarray) -> dict[str, np.ndarray]:
        weights = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
        channels = pixels[inside].astype(float) @ weights.T
        return {"mean": channels[:, 0].mean(), "spread": channels[:, 0].std(), "chroma": channels[:, 1:].mean(axis=0)}

    own, now = (measured(pixels, outside) for pixels in (receiver.pixels, result))
    given = measured(donor.pixels, donor.regions == REGIONS.index("background"))
    for name in own:
        # Not exactly: the soft edge mixes both, and values are cut at black and white.
        assert np.allclose(now[name], (given if name == changed else own)[name], atol=4.0), name
        assert name != changed or not np.allclose(own[name], given[name], atol=4.0), "the donor differs in it"


def test_a_property_alone_is_exchanged_of_backgrounds_only():
    with pytest.raises(DataError, match="background only"):
        transplant(portrait(1), portrait(2), "mouth", "brightness")


@pytest.mark.parametrize("region", TRANSPLANTED)
def test_a_coloured_donor_does_not_colour_a_grey_receiver(region):
    result = transplant(portrait(6, grey=True), portrait(7), region).astype(int)
    assert np.ptp(result, axis=2).max() <= 2


@pytest.mark.parametrize("region", ["nose", "mouth"])
def test_the_mean_under_the_mask_comes_near_the_receivers(region):
    receiver, donor = portrait(8), portrait(9)
    weight = np.repeat(receiver.soft_mask(region)[..., None], 3, 2)

    def distance(picture: np.ndarray) -> float:
        means = [np.average(p, axis=(0, 1), weights=weight) for p in (receiver.pixels, picture)]
        return float(np.abs(means[0] - means[1]).max())

    # Not exactly: the soft edge mixes both, and values are cut at black and white.
    assert distance(transplant(receiver, donor, region)) < 5
    assert distance(transplant(receiver, donor, region, "unmatched")) > 10


def test_the_donors_face_leaves_no_trace_in_its_background():
    donor = portrait(10)
    face = donor.regions != REGIONS.index("background")
    painted = donor.pixels.copy()
    painted[face] = 255
    # Only what lies outside the face may reach the fill: painting the face must not change it, away from the soft edge.
    inner = donor.soft_mask("background") < 0.001
    first, second = donor.without_face, Portrait(painted, POINTS).without_face
    assert np.abs(first.astype(int) - second)[inner].max() <= 1


def test_a_moved_donor_is_brought_into_place():
    donor = portrait(11)
    shift = 8
    moved = Portrait(np.roll(donor.pixels, shift, axis=1), POINTS + np.array([shift / SIZE, 0], np.float32))
    straight, brought = (transplant(portrait(12), given, "nose", "unmatched") for given in (donor, moved))
    assert np.abs(straight.astype(int) - brought).max() <= 2


def test_a_region_is_filled_from_around_it():
    one = Portrait(np.full((SIZE, SIZE, 3), 90, np.uint8), POINTS)
    mouth = one.regions == REGIONS.index("mouth")
    one.pixels[mouth] = 250
    filled = fill_region(one, "mouth")
    assert filled[mouth].max() < 200
    assert (filled[one.soft_mask("mouth") == 0] == 90).all()


def test_an_edge_is_grown_by_eight_pixels_and_feathered_around_its_new_place():
    inside = np.zeros((224, 224), dtype=bool)
    inside[:, 100:] = True
    mask = transplanting._blurred(transplanting._grown(inside, 8), 3.0)
    row = mask[112]
    assert (row[:80] == 0).all()
    assert (row[104:] == 1).all()
    # The edge lies between pixels 91 and 92: there a Gaussian of 3 pixels leaves Phi(-.5 / 3) = .43 and .57.
    assert row[91] == pytest.approx(0.434, abs=0.01)
    assert row[92] == pytest.approx(0.566, abs=0.01)
    assert row[88] == pytest.approx(0.122, abs=0.02)  # Phi(-3.5 / 3)


def test_sizes_must_agree():
    with pytest.raises(DataError, match="same size"):
        transplant(portrait(1), Portrait(smooth(2, size=96), POINTS), "mouth")


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(TRANSPLANTED), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0.6, 1.4))
def test_any_pose_gives_a_picture(region, x, y, scale):
    centre = POINTS.mean(axis=0)
    posed = ((POINTS - centre) * scale + centre + np.array([x, y], np.float32)).astype(np.float32)
    result = transplant(portrait(13), Portrait(smooth(14), posed), region)
    assert result.shape == (SIZE, SIZE, 3)
    assert result.dtype == np.uint8
