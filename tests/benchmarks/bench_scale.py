"""Memory, time and size of whole builds as the test set grows.

    python tests/benchmarks/bench_scale.py [--sizes 10000 100000] [--real 10000] [--folder DIR]

Small images are generated (48 x 48, JPEG, an oval with brows and a mouth), and each size is built from scratch in a
process of its own, with two stub models of 7 x 7 and 14 x 14 cells and template regions: their forward passes cost
next to nothing, so what grows is the program. `--real` adds one size with the two real checkpoints (REPORTGEN_FER) and
landmark detection. Peak memory is that of the whole process as the kernel counts it, mapped files included.

Exits with 1 where the largest size needs more than 1.2 times the memory of the smallest, or 1.1 times its time per
image, or where a site or a page is over its limit.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from tests.benchmarks import stub_models

ROOT = Path(__file__).resolve().parents[2]
FER = Path(os.environ.get("REPORTGEN_FER", ROOT / "../shared/fer"))
EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
# As uneven as real sets are.
SHARES = (0.13, 0.02, 0.14, 0.25, 0.17, 0.17, 0.12)
PER_FOLDER = 1000
PASS = "Explaining"
MEMORY, TIME = 1.2, 1.1
"""Largest size against smallest: peak memory, and the pass's time per image."""
SITE_MB, PAGE_MB = 100.0, 1.0
"""What a site may weigh at any number of images, and its largest page."""
SETTINGS = """
data = "{data}"
output = "{output}"
regions = "template"
classes = {classes}
experiments = "{experiments}"
size_warning_mb = 1000

[models."Coarse"]
checkpoint = "coarse.pth"
factory = "tests.benchmarks.stub_models:coarse"
target_layer = "features"
preprocessing = {{ width = 56, height = 56 }}

[models."Fine"]
checkpoint = "fine.pth"
factory = "tests.benchmarks.stub_models:fine"
target_layer = "features"
preprocessing = {{ width = 56, height = 56 }}
"""


@dataclass(frozen=True)
class Run:
    """One build: wall time, processor time, `seconds` by stage, megabytes, and what the site weighs."""

    images: int
    wall: float
    cpu: float
    seconds: dict[str, float]
    peak: float
    site: float
    archive: float
    page: float
    largest_page: str
    analysis: float

    @property
    def pass_ms(self) -> float:
        """Milliseconds of the pass per image."""
        return 1e3 * self.seconds.get(PASS, float("nan")) / self.images

    @property
    def whole_ms(self) -> float:
        """Milliseconds of the whole build per image."""
        return 1e3 * self.wall / self.images

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of one core per image, whatever else the machine does."""
        return 1e3 * self.cpu / self.images


def generate(folder: Path, count: int) -> Path:
    """Write images that are not there yet, and a table of the first `count`; the table's path."""
    rng = np.random.default_rng(0)
    labels = rng.choice(len(EMOTIONS), 10_000_000, p=SHARES)[:count]
    lines = ["path,emotion"]
    for number, label in enumerate(labels.tolist()):
        path = folder / f"images/{number // PER_FOLDER:04d}/{number:07d}.jpg"
        lines.append(f"{path.relative_to(folder).as_posix()},{EMOTIONS[label]}")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(draw(label, number))
    table = folder / f"set-{count}.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def draw(label: int, number: int) -> bytes:
    """A face of ten strokes, every one a little different."""
    rng = np.random.default_rng([label, number])
    dx, dy, tone = (int(v) for v in rng.integers(-3, 4, 3))
    image = Image.new("L", (48, 48), 90 + 12 * tone)
    pen = ImageDraw.Draw(image)
    pen.ellipse([8 + dx, 4 + dy, 40 + dx, 46 + dy], fill=170 + 10 * tone)
    for x in (17, 31):
        pen.line([x - 4 + dx, 15 + label % 4 + dy, x + 4 + dx, 18 - label % 4 + dy], fill=30, width=2)
        pen.ellipse([x - 2 + dx, 20 + dy, x + 2 + dx, 23 + dy], fill=20)
    pen.arc([17 + dx, 30 - label + dy, 31 + dx, 36 + label + dy], 20 * label, 160 + 20 * label, fill=40, width=2)
    noise = rng.integers(-12, 13, (48, 48))
    pixels = np.clip(np.asarray(image, dtype=np.int64) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def build(folder: Path, images: int, command: list[str], output: Path) -> Run:
    """Run one build from scratch and weigh what it leaves."""
    subprocess.run(["rm", "-rf", str(output)], check=True)
    log = folder / f"log-{output.name}.txt"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(command, cwd=folder, stdout=sink, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    text = log.read_text(encoding="utf-8")
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{text[-3000:]}")
    stages = re.findall(r"^([A-Z][\w ]*?)(?: \d+)?: ([\d.]+) s$", text, re.MULTILINE)
    pages = {path: path.stat().st_size for path in (output / "site").rglob("*.html")}
    largest = max(pages, key=lambda path: pages[path])
    return Run(
        images,
        wall,
        usage.ru_utime + usage.ru_stime,
        {name: float(value) for name, value in stages},
        usage.ru_maxrss / 1024,
        weigh(output / "site"),
        (output / "report.zip").stat().st_size / 1e6,
        pages[largest] / 1e6,
        largest.relative_to(output / "site").as_posix(),
        weigh(output / "analysis"),
    )


def weigh(folder: Path) -> float:
    """Megabytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def show(name: str, run: Run) -> None:
    """One line of figures, one of stages."""
    print(
        f"{name} {run.images:>9,} images: peak {run.peak:,.0f} MB, {run.wall:,.0f} s, {run.whole_ms:.2f} ms an image "
        f"(pass {run.pass_ms:.2f}), {run.cpu_ms:.2f} ms of one core",
        flush=True,
    )
    print(
        f"   site {run.site:.1f} MB, zip {run.archive:.1f} MB, largest page {run.page:.2f} MB ({run.largest_page}); "
        f"analysis {run.analysis:,.0f} MB",
        flush=True,
    )
    print("   " + ", ".join(f"{stage} {value:.1f}" for stage, value in run.seconds.items()), flush=True)


def missed(runs: list[Run]) -> list[str]:
    """The limits that the runs with stub models, smallest first, do not keep."""
    first, last = runs[0], runs[-1]
    found = []
    if last.peak > MEMORY * first.peak:
        found.append(f"memory grows {last.peak / first.peak:.2f} times")
    if last.pass_ms > TIME * first.pass_ms:
        found.append(f"the pass takes {last.pass_ms / first.pass_ms:.2f} times as long per image")
    found += [f"a site of {run.site:.0f} MB at {run.images:,} images" for run in runs if run.site > SITE_MB]
    return found + [f"{run.largest_page} has {run.page:.2f} MB" for run in runs if run.page > PAGE_MB]


def main() -> int:
    """Build every size, print the figures and their ratios, and say which limits are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--real", type=int, default=0, help="images for one build with the real models")
    parser.add_argument("--folder", type=Path, default=None, help="keep images and outputs here")
    parser.add_argument("--experiments", default="off", help="budget of the experiments on changed images")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for name, make in (("coarse", stub_models.coarse), ("fine", stub_models.fine)):
            torch.save(stub_models.weights(make, len(name)), folder / f"{name}.pth")
        reportgen = [sys.executable, "-m", "reportgen", "build"]
        runs = []
        for size in sorted(arguments.sizes):
            table, output = generate(folder, size), folder / f"out-{size}"
            settings = folder / f"settings-{size}.toml"
            settings.write_text(
                SETTINGS.format(
                    data=table.name, output=output.name, classes=list(EMOTIONS), experiments=arguments.experiments
                ),
                encoding="utf-8",
            )
            runs.append(build(folder, size, [*reportgen, "--config", str(settings)], output))
            show("stub models,", runs[-1])
        if len(runs) > 1:
            first, last = runs[0], runs[-1]
            print(
                f"peak memory, {last.images:,} against {first.images:,}: {last.peak / first.peak:.3f} (limit {MEMORY})"
            )
            print(f"pass per image: {last.pass_ms / first.pass_ms:.3f} (limit {TIME})")
            print(f"whole build per image: {last.whole_ms / first.whole_ms:.3f}")
            growth = (last.cpu - first.cpu) / (last.images - first.images) * 1e3
            print(f"processor time per image: {last.cpu_ms / first.cpu_ms:.3f}; each further image {growth:.2f} ms")
        if arguments.real:
            table = generate(folder, arguments.real)
            output = folder / f"out-real-{arguments.real}"
            models = [f"Custom CNN={FER / 'custom_cnn_best.pth'}", f"ResNet18={FER / 'transfer_learning_best.pth'}"]
            named = [part for model in models for part in ("--model", model)]
            command = [*reportgen, "--data", str(table), "--output", str(output), *named]
            show("real models,", build(folder, arguments.real, command, output))
    wrong = missed(runs)
    print(
        f"limits not kept: {'; '.join(wrong)}" if wrong else f"site at most {SITE_MB:g} MB, pages {PAGE_MB:g} MB: kept"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
