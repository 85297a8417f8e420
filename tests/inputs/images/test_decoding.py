from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from reportgen.errors import DataError
from reportgen.inputs.images import decoding
from reportgen.inputs.images.decoding import FORMATS, decode, read_header

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
GREY = RGB[..., 0]


def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    sink = io.BytesIO()
    image.save(sink, format, **options)
    return sink.getvalue()


def oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(Image.fromarray(RGB), "PNG", exif=exif.tobytes())


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("pixels", [RGB, GREY], ids=["rgb", "grey"])
def test_plain_images_equal_pillow_exactly(format: str, pixels: np.ndarray, tmp_path: Path) -> None:
    data = encode(Image.fromarray(pixels), format)
    path = tmp_path / "image"
    path.write_bytes(data)
    image = Image.open(io.BytesIO(data))
    expected = np.asarray(image.convert("RGB"))
    for decoded in (decode(data), decode(path)):
        np.testing.assert_array_equal(decoded.pixels, expected)
        assert decoded.pixels.dtype == np.uint8
        assert (decoded.width, decoded.height) == (30, 20)
        assert decoded.notes == (("grey",) if image.mode == "L" else ())


def test_one_channel_is_kept_where_all_three_are_equal() -> None:
    three = np.repeat(GREY[..., None], 3, axis=2)
    for pixels in (GREY, three):
        decoded = decode(encode(Image.fromarray(pixels)))
        np.testing.assert_array_equal(decoded.samples, GREY)
        np.testing.assert_array_equal(decoded.pixels, three)
    # One pixel with a touch of colour, anywhere, makes a colour image.
    for row, column, channel in ((0, 0, 1), (7, 13, 2), (19, 29, 1)):
        touched = three.copy()
        touched[row, column, channel] ^= 1
        np.testing.assert_array_equal(decode(encode(Image.fromarray(touched))).samples, touched)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, RGB),
        (2, RGB[:, ::-1]),
        (3, RGB[::-1, ::-1]),
        (4, RGB[::-1]),
        (5, RGB.transpose(1, 0, 2)),
        (6, np.rot90(RGB, -1)),
        (7, np.rot90(RGB.transpose(1, 0, 2), 2)),
        (8, np.rot90(RGB, 1)),
    ],
)
def test_exif_orientation(orientation: int, upright: np.ndarray) -> None:
    decoded = decode(oriented(orientation))
    np.testing.assert_array_equal(decoded.pixels, upright)
    assert decoded.notes == (() if orientation == 1 else ("EXIF-rotated",))
    assert decoded.pixels.shape == (decoded.height, decoded.width, 3)


def _with_exif(exif: Image.Exif, format: str = "JPEG", **more: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "grey").save(buffer, format, exif=exif, **more)
    return buffer.getvalue()


def test_camera_software_and_day_are_read_and_nothing_else() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "NIKON", "D70"
    exif[ExifTags.Base.Software] = "Paint\n3.5\x00\x07 " + "x" * 100
    exif[ExifTags.Base.DateTime] = "2020:01:02 10:11:12"
    found = decode(_with_exif(exif))
    assert (found.camera, found.taken) == ("NIKON D70", "2020-01-02")
    assert found.software.startswith("Paint 3.5") and found.software.isprintable() and len(found.software) <= 60
    # The day of the photo comes before that of its last change; a make that the model repeats is named once.
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2019:05:17 08:00:00"}
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Canon", "Canon EOS 5D"
    found = decode(_with_exif(exif))
    assert (found.camera, found.taken) == ("Canon EOS 5D", "2019-05-17")


def test_a_file_that_says_nothing_or_nonsense_of_its_origin() -> None:
    plain = decode(_with_exif(Image.Exif(), "PNG"))
    assert (plain.camera, plain.software, plain.taken, plain.jpeg_tables) == ("", "", "", "")
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "yesterday"
    odd = decode(_with_exif(exif))
    assert (odd.software, odd.taken) == ("", "")


def test_encoders_are_told_apart_by_their_tables() -> None:
    first, again, other = (decode(_with_exif(Image.Exif(), quality=q)) for q in (75, 75, 76))
    assert first.jpeg_tables == again.jpeg_tables != other.jpeg_tables
    assert len(first.jpeg_tables) == 8


def test_unknown_orientation_is_ignored() -> None:
    assert decode(oriented(9)).notes == ()


def test_alpha_is_laid_on_white() -> None:
    rgba = np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)])
    rgba[0, 0, 3] = 255
    rgba[0, 1] = (0, 0, 0, 51)
    decoded = decode(encode(Image.fromarray(rgba)))
    assert decoded.notes == ("alpha on white",)
    np.testing.assert_array_equal(decoded.pixels[0, 0], RGB[0, 0])
    np.testing.assert_array_equal(decoded.pixels[0, 1], [204, 204, 204])  # 255 * (1 - 51/255)
    np.testing.assert_array_equal(decoded.pixels[1:], 255)


def test_opaque_alpha_changes_nothing() -> None:
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    decoded = decode(encode(Image.fromarray(rgba)))
    np.testing.assert_array_equal(decoded.pixels, RGB)
    assert decoded.notes == ()


def test_grey_with_alpha() -> None:
    la = np.dstack([GREY, np.full(GREY.shape, 0, np.uint8)])
    decoded = decode(encode(Image.fromarray(la)))
    assert decoded.notes == ("grey", "alpha on white")
    assert (decoded.pixels == 255).all()


def test_palette_with_and_without_a_transparent_colour() -> None:
    image = Image.fromarray(RGB).quantize(16)
    decoded = decode(encode(image))
    assert decoded.notes == ("palette",)
    np.testing.assert_array_equal(decoded.pixels, np.asarray(image.convert("RGB")))
    seen = np.asarray(image)
    clear = decode(encode(image, transparency=int(seen[0, 0])))
    assert clear.notes == ("palette", "alpha on white")
    assert (clear.pixels[seen == seen[0, 0]] == 255).all()
    np.testing.assert_array_equal(clear.pixels[seen != seen[0, 0]], decoded.pixels[seen != seen[0, 0]])


def test_rgb_png_with_a_transparent_colour() -> None:
    decoded = decode(encode(Image.fromarray(RGB), transparency=tuple(map(int, RGB[0, 0]))))
    assert decoded.notes == ("alpha on white",)
    np.testing.assert_array_equal(decoded.pixels[0, 0], 255)


def test_cmyk_jpeg() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    decoded = decode(encode(image, "JPEG", quality=100))
    assert decoded.notes == ("CMYK",)
    assert np.abs(decoded.pixels.astype(int) - [255, 0, 0]).max() <= 3


def test_one_bit() -> None:
    bits = GREY > 127
    decoded = decode(encode(Image.fromarray(bits)))
    assert decoded.notes == ("grey",)
    np.testing.assert_array_equal(decoded.pixels[..., 1], bits * 255)


def test_sixteen_bits_are_scaled_by_the_full_range() -> None:
    values = np.array([[0, 257, 65535, 32896]], dtype=np.uint16)
    for format in ("PNG", "TIFF"):
        decoded = decode(encode(Image.fromarray(values), format))
        np.testing.assert_array_equal(decoded.pixels[0, :, 0], [0, 1, 255, 128])
        assert decoded.notes == ("grey", "16-bit scaled")


def test_thirty_two_bits() -> None:
    values = np.array([[0, 2**31 - 1]], dtype=np.int32)
    decoded = decode(encode(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(decoded.pixels[0, :, 2], [0, 127])
    assert decoded.notes == ("grey", "32-bit scaled")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
    ],
)
def test_floats(values: list[float], expected: list[int]) -> None:
    decoded = decode(encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF"))
    np.testing.assert_array_equal(decoded.pixels[0, :, 0], expected)
    assert decoded.notes == ("grey", "float scaled")


def test_floats_without_a_finite_value_are_refused() -> None:
    with pytest.raises(DataError, match="no finite pixel value"):
        decode(encode(Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32)), "TIFF"))


@pytest.mark.parametrize(
    ("format", "word"), [("GIF", "frames"), ("WEBP", "frames"), ("PNG", "frames"), ("TIFF", "pages")]
)
def test_first_frame(format: str, word: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    decoded = decode(encode(frames[0], format, save_all=True, append_images=frames[1:], **options))
    assert f"first of 3 {word}" in decoded.notes
    np.testing.assert_array_equal(decoded.pixels[0, 0], [255, 0, 0])


def test_phone_photo_with_a_second_picture_is_a_plain_photo() -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
    data = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert decode(data).notes == ()
    assert read_header(data).format == "MPO"


def test_truncated_empty_foreign_and_missing_files(tmp_path: Path) -> None:
    photo = encode(Image.fromarray(np.tile(RGB, (10, 10, 1))), "JPEG")
    cases = {
        photo[: len(photo) // 2]: "damaged or truncated",
        b"": "file is empty",
        b"%PDF-1.7 nothing": "not an image of an accepted format",
        encode(Image.fromarray(RGB), "ICO"): "not an image of an accepted format",
    }
    for data, message in cases.items():
        with pytest.raises(DataError, match=message) as caught:
            decode(data)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"gone\.jpg: no such file"):
        decode(tmp_path / "gone.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(DataError, match=r"empty\.jpg: the file is empty"):
        decode(tmp_path / "empty.jpg")


def test_too_many_pixels_are_refused_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_PIXELS", 599)
    header_alone = encode(Image.fromarray(RGB))[:60]
    with pytest.raises(DataError, match="30 x 20 pixels, at most 599"):
        decode(header_alone)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 600)
    assert decode(encode(Image.fromarray(RGB))).width == 30
    with pytest.raises(DataError, match="damaged or truncated"):
        decode(header_alone)


def test_header() -> None:
    header = read_header(encode(Image.fromarray(GREY), "JPEG"))
    assert (header.format, header.mode, header.width, header.height) == ("JPEG", "L", 30, 20)
    with pytest.raises(DataError):
        read_header(b"nothing")


def test_every_format_is_known_to_pillow_under_that_name() -> None:
    assert set(FORMATS) <= set(Image.OPEN)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 2000), st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP"]))
def test_damage_gives_pixels_or_one_line(noise: bytes, place: int, format: str) -> None:
    data = bytearray(encode(Image.fromarray(RGB), format))
    place %= len(data)
    data[place : place + len(noise)] = noise
    try:
        decoded = decode(bytes(data))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert decoded.pixels.shape == (decoded.height, decoded.width, 3)
