"""Images that are damaged, unusual or too much.

Most of them are images of one test set and share its build, whose limits are low: no file here is large, nor does it
announce anything that a usual reader could not hold.
"""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
from faults.scene import EMOTIONS, Scene, draw, usual_warnings, without_override
from faults.table import FOLDERS, GOES_ON, LISTED, USED, fault, shared_setup
from PIL import Image, PngImagePlugin

from reportgen.inputs.images import decoding

MANY = "many images"


@shared_setup(MANY)
def _(scene: Scene) -> None:
    """Faces are looked for, and every limit is lowered to what a small file reaches."""
    scene.settings(('regions = "none"', 'regions = "auto"'))
    scene.monkeypatch.setattr(decoding, "MAX_PIXELS", 70_000)
    scene.monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)  # Pillow's own: refused from twice as many on
    scene.monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 20_000)
    scene.monkeypatch.setattr(decoding, "_LARGEST", 300_000)


def png(width: int, height: int, body: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG from its parts, whatever its header claims."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    extra = b"".join(chunk(kind, content) for kind, content in more)
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@fault("truncated image", "the first 120 bytes of a PNG", LISTED, 0, r"damaged or truncated", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(scene.image().read_bytes()[:120])


@fault("truncated JPEG", "the first half of a JPEG", LISTED, 0, r"damaged or truncated", MANY)
def _(scene: Scene) -> None:
    sink = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(sink, "JPEG")
    scene.replace_image(sink.getvalue()[: len(sink.getvalue()) // 2])


@fault("empty image", "a file of no bytes", LISTED, 0, r"the file is empty", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(b"")


@fault("text as image", "a text file ending in .png", LISTED, 0, r"not an image of an accepted format", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(b"this is not an image\n" * 9)


@fault("foreign format", "an ICO file ending in .png", LISTED, 0, r"not an image of an accepted format", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(draw(0, (32, 32)), format="ICO")


@fault(
    "wrong extension",
    "a JPEG ending in .png",
    "continues with it: content counts, not the name",
    0,
    r"^JPEG 40 x 48 ",
    MANY,
)
def _(scene: Scene) -> None:
    scene.replace_image(draw(0), format="JPEG")


@fault("bytes behind an image", "a PNG with a zip file appended", GOES_ON, 0, r"^PNG \d+ x 48 ", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(scene.image().read_bytes() + b"PK\x03\x04" + bytes(500))


@fault(
    "far too many pixels",
    "more than twice as many as Pillow opens",
    LISTED,
    0,
    r"announces far more than the 70,000",
    MANY,
)
def _(scene: Scene) -> None:
    scene.replace_image(png(500, 500, zlib.compress(b"")))


@fault("too many pixels", "more than an image may have", LISTED, 0, r"300 x 300 pixels, at most 70,000", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(png(300, 300, zlib.compress(b"")))


@fault("no pixels", "a PNG header of 0 x 0", LISTED, 0, r"damaged or truncated|not an image", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(png(0, 0, zlib.compress(b"")))


@fault("long text in an image", "a PNG with more text than is read", LISTED, 0, r"damaged or truncated", MANY)
def _(scene: Scene) -> None:
    text = b"comment\x00\x00" + zlib.compress(bytes(30_000), 9)
    scene.replace_image(png(8, 8, zlib.compress(bytes(8 * 25)), (b"zTXt", text)))


@fault("too large a file", "more bytes than are read of an image", LISTED, 0, r"GB, at most .* GB are read", MANY)
def _(scene: Scene) -> None:
    os.truncate(scene.image(), 300_001)


@fault("1 x 1 image", "one pixel; faces are looked for", GOES_ON, 0, r"^PNG 1 x 1 ", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(Image.new("RGB", (1, 1), "red"))


@fault("20000 x 3 image", "three rows of pixels; faces are looked for", GOES_ON, 0, r"^PNG 20000 x 3 ", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(draw(0, (20000, 3)))


@fault("3 x 20000 image", "three columns of pixels; faces are looked for", GOES_ON, 0, r"^PNG 3 x 20000 ", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(draw(0, (3, 20000)))


@fault("CMYK", "a CMYK JPEG", USED, 0, r"CMYK", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(draw(0).convert("CMYK"), format="JPEG")


@fault("16 bits", "a grey 16-bit PNG", USED, 0, r"16-bit scaled", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(Image.fromarray(np.linspace(0, 65535, 1600).astype(np.uint16).reshape(40, 40)))


@fault("floats", "a TIFF of floats with NaN among them", USED, 0, r"float scaled", MANY)
def _(scene: Scene) -> None:
    values = np.linspace(0, 1, 1600, dtype=np.float32).reshape(40, 40)
    values[3, 3] = np.nan
    scene.replace_image(Image.fromarray(values), format="TIFF")


@fault("floats without a number", "a TIFF of nothing but NaN", LISTED, 0, r"no finite pixel value", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(Image.fromarray(np.full((40, 40), np.nan, np.float32)), format="TIFF")


@fault("animation", "a GIF of seven frames", USED, 0, r"first of 7 frames", MANY)
def _(scene: Scene) -> None:
    frames = [draw(number) for number in range(len(EMOTIONS))]
    scene.replace_image(frames[0], format="GIF", save_all=True, append_images=frames[1:])


@fault("EXIF rotation", "a JPEG with orientation 6", USED, 0, r"EXIF-rotated", MANY)
def _(scene: Scene) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    scene.replace_image(draw(0), format="JPEG", exif=exif)


@fault("broken EXIF", "a JPEG whose EXIF block is noise", GOES_ON, 0, r"^JPEG 40 x 48 ", MANY)
def _(scene: Scene) -> None:
    scene.during.append(usual_warnings)
    scene.replace_image(draw(0), format="JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + b"\x07" * 90)


@fault("nothing but transparency", "a PNG of alpha 0", USED, 0, r"alpha on white", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(Image.new("RGBA", (40, 40), (0, 0, 0, 0)))


@fault("palette", "a PNG of 16 colours", USED, 0, r"palette", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(draw(0).quantize(16))


@fault("one flat colour", "a black image; faces are looked for", GOES_ON, 0, r"^PNG 40 x 40 ", MANY)
def _(scene: Scene) -> None:
    scene.replace_image(Image.new("RGB", (40, 40)))


@fault("missing image", "a listed file that is gone", LISTED, 0, r"no such file", MANY)
def _(scene: Scene) -> None:
    scene.image().unlink()


@fault("folder as image", "a folder of the listed name", LISTED, 0, r"no such file", MANY)
def _(scene: Scene) -> None:
    scene.image().unlink()
    scene.image().mkdir()


@fault("pipe as image", "a named pipe, which would wait for ever", LISTED, 0, r"no such file", MANY)
def _(scene: Scene) -> None:
    scene.image().unlink()
    os.mkfifo(scene.image())


@fault(
    "unreadable image", "mode 000; root's right to pass that over is put down", LISTED, 0, r"Permission denied", MANY
)
def _(scene: Scene) -> None:
    scene.image().chmod(0)
    scene.stack.callback(scene.image().chmod, 0o600)
    scene.during.append(without_override)


@fault(
    "every image unreadable",
    "seven files of no bytes",
    "one line; the last good site stays",
    2,
    r"no image could be read; the first: ",
)
def _(scene: Scene) -> None:
    for number in range(len(EMOTIONS)):
        scene.replace_image(b"", number)


@fault(
    "the same content twice",
    "two paths, one picture, two labels",
    "continues and says that the labels disagree",
    0,
    r"copies of each other, in 1 group; the labels of 1 group differ",
)
def _(scene: Scene) -> None:
    scene.replace_image(scene.image(1).read_bytes(), 0)


@fault(
    "link to a picture elsewhere",
    "a symbolic link out of the folder",
    "continues with it; where it points is not stated",
    0,
    r"^PNG \d+ x 48 ",
    MANY,
)
def _(scene: Scene) -> None:
    elsewhere = scene.root / "elsewhere-private"
    elsewhere.mkdir()
    scene.image().rename(elsewhere / "secret-name.png")
    scene.image().symlink_to(elsewhere / "secret-name.png")
    scene.never_told.append("secret-name")


@fault(
    "link to a file of secrets",
    "a symbolic link to a text file",
    "continues without it; nothing of the file is stated",
    0,
    r"not an image of an accepted format",
    MANY,
)
def _(scene: Scene) -> None:
    (scene.root / "passwords").write_text("root:SECRET-WORD:0:0")
    scene.image().unlink()
    scene.image().symlink_to(scene.root / "passwords")
    scene.never_told.append("SECRET-WORD")


@fault("links in a circle", "two symbolic links to each other", LISTED, 0, r"no such file", MANY)
def _(scene: Scene) -> None:
    scene.image().unlink()
    scene.image().symlink_to(scene.root / "images/other.png")
    (scene.root / "images/other.png").symlink_to(scene.image())


@fault(
    "link to a folder above",
    "a folder of emotions that holds a link to its own root",
    "continues; links to folders are not followed",
    0,
    r"^PNG \d+ x 48 ",
    FOLDERS,
)
def _(scene: Scene) -> None:
    scene.image().with_name("loop").symlink_to(scene.root / "set")
