"""A user's folder with a small test set, a model and the last good report, which a fault then spoils."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from faults.tiny import Tiny
from PIL import Image, ImageDraw

from reportgen.errors import printable

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
SETTINGS = """
data = "set.csv"
output = "output"
regions = "none"
examples = 1
shard_images = 4
workers = 2

[models.Tiny]
checkpoint = "tiny.pth"
factory = "faults.tiny:make"
target_layer = "features"
preprocessing = { width = 32, height = 32 }
"""
# What a build writes into the output folder; everything else in the scene is the user's.
_OURS = re.compile(r"output/(site/|\.site-(old|new)/|analysis/|report\.zip$|summary\.md$|\.reportgen\.(json|lock)$)")


def draw(number: int, size: tuple[int, int] = (40, 48)) -> Image.Image:
    """A flat face whose colours tell the emotion, so that a linear model can learn all seven exactly."""
    image = Image.new("RGB", size, (30 + 30 * number, 220 - 25 * number, 40 + 61 * number % 200))
    width, height = size
    ImageDraw.Draw(image).ellipse(
        [width * 0.2, height * 0.1, width * 0.8, height * (0.5 + number / 20)], fill=(224 - 9 * number, 172, 140)
    )
    return image


def make_scene(root: Path, images: int = len(EMOTIONS)) -> None:
    """Seven images or more, the emotions in turn, in a CSV file beside a checkpoint that is right for the first seven.

    Every further seven are a little wider, so that no two images are the same.
    """
    (root / "images").mkdir(parents=True)
    rows = []
    for number in range(images):
        turn, emotion = divmod(number, len(EMOTIONS))
        path = f"images/{EMOTIONS[emotion]}_{number}.png"
        draw(emotion, (40 + turn, 48)).save(root / path)
        rows.append((path, EMOTIONS[emotion], f"person {number}"))
    pd.DataFrame(rows, columns=["path", "emotion", "person"]).to_csv(root / "set.csv", index=False)
    torch.manual_seed(4)
    torch.save(fitted(root, 1.0), root / "tiny.pth")
    (root / "reportgen.toml").write_text(SETTINGS)
    (root / "notes.txt").write_text("mine")


def fitted(root: Path, sign: float) -> dict[str, torch.Tensor]:
    """Weights that answer every image of the set right (sign 1) or wrong (sign -1)."""
    from reportgen.config import Preprocessing
    from reportgen.inputs.images.decoding import decode
    from reportgen.models.preprocessing import normalise, resize

    model = Tiny()
    spec = Preprocessing(width=32, height=32)
    files = [root / f"images/{emotion}_{number}.png" for number, emotion in enumerate(EMOTIONS)]
    with torch.no_grad():
        x = normalise([resize(decode(file).pixels, spec) for file in files], spec)
        features = model.features(x).mean((2, 3)).double()
        solved = torch.linalg.lstsq(features, torch.eye(len(EMOTIONS), dtype=torch.double), driver="gelsd").solution
        model.fc.weight.copy_(sign * 8 * solved.T.float())
        model.fc.bias.zero_()
        right = (model(x).argmax(1) == torch.arange(len(EMOTIONS))).float().mean()
    assert right == (1 if sign > 0 else 0), "the fitted model is not what the test needs"
    return model.state_dict()


def tree(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder; links by where they point, what cannot be read by its size."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = (
                hashlib.sha256(path.read_bytes()).hexdigest()
                if path.stat().st_size < 1 << 28
                else str(path.stat().st_size)
            )
    return found


@dataclass
class Outcome:
    """How a command ended and what it printed."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Scene:
    """One user's folder while a fault is in it.

    Attributes
    ----------
    place
        Number of the image and row that a fault spoils: 0, or another one for each of the faults that share a build.
    names
        File names under which the images that were renamed are listed, by number.
    """

    root: Path
    monkeypatch: pytest.MonkeyPatch
    capture: Callable[[], tuple[str, str]]
    stack: ExitStack = field(default_factory=ExitStack)
    arguments: list[str] = field(default_factory=lambda: ["build", "--config", "reportgen.toml"])
    checks: list[Callable[[Outcome], None]] = field(default_factory=list)
    during: list[Callable[[], Any]] = field(default_factory=list)
    never_told: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)
    users_numbers: bool = False
    appears: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    place: int = 0
    names: dict[int, str] = field(default_factory=dict)
    table: str = "set.csv"
    in_folders: bool = False

    @property
    def output(self) -> Path:
        return self.root / "output"

    def image(self, number: int | None = None) -> Path:
        """One of the images as the good scene has it; without a number the fault's own."""
        number = self.place if number is None else number
        emotion = EMOTIONS[number % len(EMOTIONS)]
        return self.root / (f"set/{emotion}/{number}.png" if self.in_folders else f"images/{emotion}_{number}.png")

    def of_own(self, records: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table of the analysis that are about the fault's own image."""
        name = printable(self.names.get(self.place, self.image().name))
        return records[[str(path).rpartition("/")[2] == name for path in records["path"]]]

    def rows(self) -> pd.DataFrame:
        if self.table.endswith(".jsonl"):
            lines = (self.root / self.table).read_text("utf-8").split("\n")
            return pd.DataFrame([json.loads(line) for line in lines if line], dtype=object)
        return pd.read_csv(self.root / self.table, dtype=object, keep_default_na=False)

    def write_rows(self, frame: pd.DataFrame) -> None:
        if self.table.endswith(".jsonl"):
            lines = [json.dumps(row) for row in frame.to_dict("records")]
            (self.root / self.table).write_text("\n".join(lines), "utf-8")
        else:
            frame.to_csv(self.root / self.table, index=False)

    def change_rows(self, **columns: Any) -> None:
        self.write_rows(self.rows().assign(**columns))

    def change_own_row(self, **cells: str) -> None:
        """Other cells in the row of the fault's own image; a path is listed by what follows its last slash."""
        frame = self.rows()
        for column, cell in cells.items():
            frame.loc[self.place, column] = cell
        self.write_rows(frame)
        if "path" in cells:
            self.names[self.place] = cells["path"].rpartition("/")[2]

    def add_row(self, path: str, emotion: str = "anger") -> None:
        frame = self.rows()
        frame.loc[len(frame)] = [path, emotion, "somebody"]
        self.write_rows(frame)

    def replace_image(self, content: bytes | Image.Image, number: int | None = None, **options: Any) -> Path:
        path = self.image(number)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **{"format": "PNG", **options})
        return path

    def settings(self, *replacements: tuple[str, str], more: str = "") -> None:
        text = (self.root / "reportgen.toml").read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (self.root / "reportgen.toml").write_text(more + text)

    def state(self) -> dict[str, torch.Tensor]:
        return torch.load(self.root / "tiny.pth", weights_only=True)

    def save_state(self, state: Mapping[str, Any]) -> None:
        torch.save(dict(state), self.root / "tiny.pth")

    def fresh_output(self) -> None:
        shutil.rmtree(self.output)

    def add_model(self, name: str, checkpoint: str = "tiny.pth") -> None:
        """One more model, like the first one but for its checkpoint; the name as TOML writes it."""
        section = SETTINGS.partition("[models.Tiny]")[2].replace("tiny.pth", checkpoint)
        with (self.root / "reportgen.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[models.{name}]{section}")

    def folder_set(self) -> None:
        """The same images in one folder per emotion."""
        files = [self.image(number) for number in range(len(self.rows()))]
        self.in_folders = True
        for number, file in enumerate(files):
            self.image(number).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, self.image(number))
        self.settings(('"set.csv"', '"set"'))

    def run(self) -> Outcome:
        """The command line in this process, as the shell would see it."""
        from reportgen.__main__ import main

        self.monkeypatch.chdir(self.root)
        self.monkeypatch.setattr(sys, "argv", ["reportgen", *self.arguments])
        self.capture()
        code = 0
        with ExitStack() as stack:
            for context in self.during:
                stack.enter_context(context())
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
        return Outcome(code, *self.capture())

    def pages(self) -> str:
        """The visible text of the whole site."""
        texts = [re.sub(r"<[^>]*>", " ", page.read_text("utf-8")) for page in self.output.glob("site/**/*.html")]
        return re.sub(r"\s+", " ", " ".join(texts))

    def users_files(self) -> dict[str, str]:
        found = tree(self.root).items()
        return {
            name: digest for name, digest in found if not _OURS.match(name) and not name.startswith((*self.changes,))
        }


_DAC = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextlib.contextmanager
def without_override() -> Iterator[None]:
    """File permissions count for root too: its right to pass them over is put down for this thread, then taken up."""
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("as root permissions are not checked, and only Linux lets root put that right down")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data):
        pytest.skip("capabilities cannot be read here")
    kept = list(data)
    data[0] &= ~_DAC
    if libc.capset(header, data):
        pytest.skip("capabilities cannot be changed here")
    try:
        yield
    finally:
        libc.capset(header, (ctypes.c_uint32 * 6)(*kept))


@contextlib.contextmanager
def ascii_terminal() -> Iterator[None]:
    """Standard output as a terminal that knows ASCII only; what was printed is passed on to the real one."""
    real = sys.stdout
    sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    try:
        yield
    finally:
        sys.stdout.flush()
        text = sys.stdout.buffer.getvalue().decode("ascii")
        sys.stdout = real
        real.write(text)


@contextlib.contextmanager
def usual_warnings() -> Iterator[None]:
    """Warnings as outside of tests: printed, but for those that the package ignores on purpose."""
    from reportgen.inputs.images.decoding import ignore_remarks

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        ignore_remarks()
        yield


def mount_tmpfs(folder: Path, size_kb: int, stack: ExitStack) -> bool:
    """Put a small file system on `folder`; False where this user may not."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
    if done:
        stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
    return done
