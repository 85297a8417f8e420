"""A change takes one property away and leaves the others."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from reportgen.demo import demo_files
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS, region_map
from reportgen.faces.surroundings import measure_surroundings
from reportgen.inputs.images.changes import (
    CHANGES,
    AddedCue,
    Level,
    add,
    can_change,
    change,
    neutral,
    typical_level,
)
from reportgen.inputs.images.quality import blockiness as blocks_of
from reportgen.inputs.images.quality import image_quality

LEVEL = Level(0.5, 0.15, 1e5, noise=3.0, blockiness=1.3, eyes=0.3, x=0.55, y=0.4, roll=0.2)
POINTS = canonical_points()


def photo(seed=0, size=96):
    """Smooth colours with fine noise over them, none of it near black or white."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(70, 190, (6, 6, 3), dtype=np.uint8)).resize((size, size), 2)
    return np.clip(np.asarray(coarse).astype(int) + rng.integers(-12, 13, (size, size, 3)), 0, 255).astype(np.uint8)


def chroma(rgb):
    return np.asarray(Image.fromarray(rgb).convert("YCbCr")).astype(int)[..., 1:]


def luma(rgb):
    return rgb.astype(float) @ [0.299, 0.587, 0.114] / 255


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_change_keeps_shape_and_type_and_is_the_same_every_time(name):
    rgb = photo()
    once = change(name, rgb, LEVEL, POINTS)
    assert once.shape == rgb.shape
    assert once.dtype == np.uint8
    assert (once != rgb).any()
    np.testing.assert_array_equal(once, change(name, rgb, LEVEL, POINTS))


def test_grey_has_no_colour_and_the_same_light():
    rgb = photo()
    grey = change("grey", rgb, LEVEL)
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 1] == grey[..., 2]).all()
    assert np.abs(luma(grey) - luma(rgb)).max() < 1 / 255


def test_a_grey_photo_made_grey_is_the_same_to_the_bit():
    """This is why such photos are not shown again; every level, so that no rounding hides."""
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    np.testing.assert_array_equal(change("grey", grey, LEVEL), grey)
    images = pd.DataFrame({"colourfulness": [image_quality(p).colourfulness for p in (grey, photo())]})
    assert can_change("grey", images, None).tolist() == [False, True]


@pytest.mark.parametrize(("dark", "flat"), [(0.3, 1.0), (1.0, 0.4), (0.6, 0.6)])
def test_equalised_photos_have_one_brightness_and_contrast_and_their_own_colours(dark, flat):
    rgb = photo(1)
    taken = np.clip(((rgb - rgb.mean()) * flat + rgb.mean()) * dark, 0, 255).astype(np.uint8)
    even = change("equalised", taken, LEVEL)
    assert luma(even).mean() == pytest.approx(LEVEL.luminance, abs=0.015)
    assert luma(even).std() == pytest.approx(LEVEL.contrast, abs=0.015)
    # Rounding, and at the ends of the scale the RGB cube, keep it from being exact.
    assert np.abs(chroma(even) - chroma(taken)).mean() < 1.5


def test_an_even_picture_is_brought_to_the_level_without_noise():
    even = change("equalised", np.full((20, 20, 3), 30, np.uint8), LEVEL)
    assert np.ptp(even) == 0
    assert even.mean() / 255 == pytest.approx(LEVEL.luminance, abs=0.01)


def test_a_blurred_photo_is_soft_and_otherwise_alike():
    rgb = photo(2, 224)
    soft = change("blurred", rgb, LEVEL)
    assert image_quality(soft).sharpness < 0.1 * image_quality(rgb).sharpness
    np.testing.assert_allclose(soft.mean(axis=(0, 1)), rgb.mean(axis=(0, 1)), atol=1)


def blockiness(rgb):
    """Steps across the borders of JPEG's blocks of 8 pixels against steps inside them."""
    steps = np.abs(np.diff(rgb.astype(float).mean(axis=2), axis=1)).mean(axis=0)
    border = np.arange(len(steps)) % 8 == 7
    return steps[border].mean() / steps[~border].mean()


def test_re_encoding_levels_traces_of_storage():
    """The blocks that tell a copy of low quality from one of high quality are much alike afterwards."""
    files = demo_files()
    differences = []
    for path in pd.read_csv(files.data)["image_path"][::60]:
        with Image.open(files.data.parent / path) as image:
            rgb = image.convert("RGB").resize((224, 224))
        copies = []
        for quality in (95, 50):
            buffer = io.BytesIO()
            rgb.save(buffer, "JPEG", quality=quality)
            copies.append(np.asarray(Image.open(buffer).convert("RGB")))
        again = [change("re-encoded", copy, LEVEL) for copy in copies]
        pairs = [[np.log(blockiness(one)) for one in pair] for pair in (copies, again)]
        differences.append([abs(a - b) for a, b in pairs])
    before, after = np.mean(differences, axis=0)
    assert after < 0.5 * before


def test_the_level_is_the_median():
    images = pd.DataFrame({"luminance": [0.1, 0.4, 0.9], "contrast": [0.3, 0.1, 0.2], "sharpness": [9, 1, 5]})
    level = typical_level(images, None)
    assert (level.luminance, level.contrast, level.sharpness) == (0.4, 0.2, 5.0)
    assert np.isnan([level.noise, level.eyes, level.x, level.y, level.roll]).all()


def cue(name, *aim):
    return AddedCue(name, 0, aim, (), ())


def test_a_cast_is_put_into_a_grey_photo_and_its_light_stays():
    grey = change("grey", photo(3), LEVEL)
    cast = add(cue("grey", 0.08, 0.12), grey)
    quality = image_quality(cast)
    assert (quality.red_green, quality.yellow_blue) == pytest.approx((0.08, 0.12), abs=0.005)
    assert np.abs(luma(cast) - luma(grey)).max() < 2 / 255


def test_light_is_brought_to_the_aim_and_what_is_not_asked_for_stays():
    rgb = photo(4)
    bright = add(cue("equalised", 0.65, np.nan), rgb)
    assert luma(bright).mean() == pytest.approx(0.65, abs=0.015)
    assert luma(bright).std() == pytest.approx(luma(rgb).std(), abs=0.01)
    strong = add(cue("equalised", np.nan, 0.2), rgb)
    assert luma(strong).std() == pytest.approx(0.2, abs=0.015)
    assert luma(strong).mean() == pytest.approx(luma(rgb).mean(), abs=0.015)


def test_sharpness_is_brought_to_the_aim_from_below():
    rgb = photo(5, 224)
    for factor in (1.5, 3.0):
        aim = factor * image_quality(rgb).sharpness
        assert image_quality(add(cue("blurred", aim), rgb)).sharpness == pytest.approx(aim, rel=0.15)


def test_soft_photos_are_sharpened_to_the_level_and_sharp_ones_stay():
    rgb = photo(6, 224)
    own = image_quality(rgb).sharpness
    sharp = change("sharpened", rgb, Level(0.5, 0.15, 2 * own))
    assert image_quality(sharp).sharpness == pytest.approx(2 * own, rel=0.15)
    np.testing.assert_array_equal(change("sharpened", rgb, Level(0.5, 0.15, own / 2)), rgb)


@pytest.mark.parametrize("angle", [0.0, 1.0, 4.0])
def test_a_neutral_change_is_as_large_and_carries_no_cue(angle):
    grey = change("grey", photo(7), LEVEL)
    for changed in (add(cue("grey", 0.1, 0.1), grey), add(cue("equalised", 0.6, np.nan), grey)):
        made = neutral("grey", grey, changed, (), None, angle)
        size = np.sqrt(np.mean((changed.astype(float) - grey) ** 2))
        assert np.sqrt(np.mean((made.astype(float) - grey) ** 2)) == pytest.approx(size, rel=0.03)
        assert luma(made).mean() == pytest.approx(luma(grey).mean(), abs=0.01)
        assert image_quality(made).colourfulness < 0.01
        assert image_quality(made).sharpness == pytest.approx(image_quality(grey).sharpness, rel=0.05)


@pytest.mark.parametrize("aim", [0.7, 2.0, 6.0])
def test_noise_is_put_in_or_smoothed_until_it_is_as_aimed(aim):
    rng = np.random.default_rng(8)
    smooth = np.asarray(Image.fromarray(rng.integers(70, 190, (6, 6, 3), dtype=np.uint8)).resize((224, 224), 2))
    noisy = np.clip(smooth + rng.normal(0, 12, (224, 224, 1)), 0, 255).astype(np.uint8)
    assert image_quality(smooth).noise < 1 and image_quality(noisy).noise > 2.5
    made = add(cue("denoised", aim), smooth)
    assert image_quality(made).noise == pytest.approx(aim, rel=0.1)
    assert image_quality(made).luminance == pytest.approx(image_quality(smooth).luminance, abs=0.01)
    np.testing.assert_allclose(chroma(made).mean(axis=(0, 1)), chroma(smooth).mean(axis=(0, 1)), atol=1)
    # More than the whole median of nine does cannot be smoothed away.
    least = image_quality(np.asarray(Image.fromarray(noisy).filter(ImageFilter.MedianFilter(3)))).noise
    assert least < 0.5 * image_quality(noisy).noise
    cleaned = image_quality(change("denoised", noisy, Level(0.5, 0.2, 50.0, noise=aim))).noise
    assert cleaned == pytest.approx(max(aim, least), rel=0.1)


def test_blocks_are_put_in_or_smoothed_until_they_show_as_aimed():
    """At any place of the ladder of qualities; what is stored at quality 95 shows none."""
    files = demo_files()
    for path in pd.read_csv(files.data)["image_path"][::120]:
        with Image.open(files.data.parent / path) as image:
            rgb = np.asarray(image.convert("RGB").resize((320, 320), Image.Resampling.BICUBIC))
        assert blocks_of(rgb) < 1.1
        for aim in (1.15, 1.4):
            blocky = add(cue("deblocked", aim), rgb)
            assert blocks_of(blocky) == pytest.approx(aim, abs=0.08)
            smooth = change("deblocked", blocky, Level(0.5, 0.2, 50.0, blockiness=1.02))
            assert blocks_of(smooth) == pytest.approx(1.02, abs=0.03)
            # The borders alone are touched.
            kept = np.ones(320, dtype=bool)
            kept[np.add.outer(np.arange(8, 320, 8), [-2, -1, 0, 1]).ravel()] = False
            np.testing.assert_array_equal(smooth[np.ix_(kept, kept)], blocky[np.ix_(kept, kept)])


def test_blocks_are_those_of_the_photo_as_it_was_stored():
    even = np.full((64, 64, 3), 90, np.uint8)
    assert blocks_of(even) == 1.0
    steps = np.repeat(np.repeat(np.uint8([[0, 6], [6, 0]] * 4).reshape(8, 2).repeat(4, axis=1), 8, 0), 8, 1)[:64, :64]
    assert blocks_of(steps + 100) > 3
    assert np.isnan(blocks_of(even[:20]))


def test_without_a_face_nothing_is_moved():
    rgb = photo(9)
    for name in ("zoomed", "shifted", "straightened", "flattened"):
        np.testing.assert_array_equal(change(name, rgb, LEVEL), rgb)
    assert not can_change("zoomed", pd.DataFrame({"colourfulness": [0.1]}), None).any()
    assert can_change("mirrored", pd.DataFrame({"colourfulness": [0.0]}), None).all()


def test_a_flattened_background_has_no_edges_and_keeps_its_light_and_the_face_stays():
    rng = np.random.default_rng(11)
    rgb = rng.integers(60, 200, (224, 224, 3), dtype=np.uint8)
    points = (POINTS - 0.5) * 0.5 + 0.5  # a face in half of the picture
    flat = change("flattened", rgb, LEVEL, points)
    before, after = measure_surroundings(rgb, points), measure_surroundings(flat, points)
    assert after.background_detail < 0.2 * before.background_detail
    assert after.background_luminance == pytest.approx(before.background_luminance, abs=0.01)
    assert after.face_detail == pytest.approx(before.face_detail)
    face = region_map(points, 224, 224) != REGIONS.index("background")
    np.testing.assert_array_equal(flat[face], rgb[face])
    # A face of another colour does not flow into what surrounds it.
    marked = np.where(face[:, :, None], np.uint8([255, 0, 0]), np.uint8([90, 90, 90]))
    assert np.abs(change("flattened", marked, LEVEL, points).astype(int) - marked).max() <= 2


def test_where_a_face_was_moved_the_neutral_change_is_a_shift():
    rgb = photo(10, 224)
    moved = add(cue("zoomed", 0.2), rgb, POINTS)
    made = neutral("zoomed", rgb, moved, (0.2,), POINTS, 0.0)
    step = next(k for k in range(1, 60) if (made[:, :-k] == rgb[:, k:]).mean() > 0.2)
    assert 5 < step < 60
    np.testing.assert_allclose(made[100, 100].astype(int), rgb[100, 100 + step].astype(int), atol=30)
