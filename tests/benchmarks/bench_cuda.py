"""What a GPU gives: maps against the processor's, the pass against the bare forward, pinned memory, bfloat16.

    python tests/benchmarks/bench_cuda.py [--device cuda] [--data TABLE --model NAME=CHECKPOINT ...] [--images 4096]

Without `--data` on the demo's images, repeated to the number wanted, and its two models. Takes at most 8 minutes
(`--minutes`): what would begin later is left out and named. Where the device is not there, one line says so and the
exit code is 0. `--device cpu --images 32` tries the script itself; its speeds mean nothing.

1. Maps and logits of 64 images against the processor's: the largest difference as a share of the largest value of
   each image; with torch's own choice for convolutions (TF32 on recent GPUs) and without TF32. Limit 1e-3.
2. The pass (decoding, resizing, forward, maps of all classes, random heads, peaks, writing; no landmarks) at several
   batch sizes, and the bare forward with its input on the device already, in images a second.
3. A batch to the device from pinned and from pageable memory, and how much of the copy hides behind a forward pass.
4. bfloat16: how much faster, and what it changes (`calibrate.measure_change`).

Exits with 1 where maps differ by more than the limit.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch

from reportgen.config import Config, ModelConfig
from reportgen.demo import demo_files
from reportgen.errors import ConfigError
from reportgen.explain.calibrate import measure_change
from reportgen.explain.compute import compute
from reportgen.explain.explainer import Explainer, Explanation, Question
from reportgen.explain.fingerprints import shard_bounds, take_fingerprints
from reportgen.explain.loading import load_model, pick_device
from reportgen.explain.tuning import Tuning
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.preprocessing import normalise, resize
from reportgen.models.registry import trial_images
from reportgen.progress import RunningStage, SilentProgress

LIMIT = 1e-3
COMPARED = 64
SIZES = {"cuda": (16, 64, 128, 256), "mps": (16, 64, 128), "cpu": (4, 8)}
ROUNDS = 3


class Stages(SilentProgress):
    """Keeps the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[RunningStage]:
        began = time.perf_counter()
        with super().stage(title, total) as step:
            yield step
        self.seconds[title] = time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=CHECKPOINT")
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--minutes", type=float, default=8.0)
    chosen = parser.parse_args()
    try:
        device = pick_device(chosen.device)
    except ConfigError as error:
        print(f"nothing was measured: {error}")
        return 0
    deadline = time.monotonic() + 60 * chosen.minutes
    config = settings(chosen.data, chosen.model)
    test_set = repeated(load_test_set(config), chosen.images)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} cores"
    print(f"{name}, torch {torch.__version__}, {len(test_set.frame)} images of {config.data.name}")
    worst = 0.0
    for title, entry in config.models.items():
        parts: list[tuple[str, Callable[[], float]]] = [
            ("maps", lambda entry=entry, title=title: maps(title, entry, config, test_set, device)),
            ("pass", lambda entry=entry, title=title: passes(title, entry, config, test_set, device, deadline)),
            ("copies", lambda entry=entry, title=title: copies(title, entry, config, test_set, device)),
            ("bfloat16", lambda entry=entry, title=title: bf16(title, entry, config, test_set, device)),
        ]
        for part, measure in parts:
            if time.monotonic() > deadline:
                print(f"{title}: {part}: left out, {chosen.minutes:g} minutes are over")
                continue
            worst = max(worst, measure())
    if worst > LIMIT:
        print(f"over the limit: maps or logits differ by {worst:.1e}, limit {LIMIT:g}")
    return 1 if worst > LIMIT else 0


def settings(data: Path | None, models: Sequence[str]) -> Config:
    """The set and the models that were named, else the demo's."""
    named = {entry.partition("=")[0]: Path(entry.partition("=")[2]) for entry in models}
    demo = demo_files()
    entries = {name: ModelConfig(checkpoint=path) for name, path in (named or demo.models).items()}
    classes = None if data else demo.classes
    return Config(data=data or demo.data, models=entries, classes=classes, regions="none", experiments="off")


def repeated(test_set: TestSet, count: int) -> TestSet:
    """The set over and over, up to so many images."""
    frame = pd.concat([test_set.frame] * -(-count // len(test_set.frame)), ignore_index=True).iloc[:count]
    return replace(test_set, frame=frame, pixels=None if test_set.pixels is None else np.resize(
        test_set.pixels, (count, *test_set.pixels.shape[1:])))  # fmt: skip


def explainer(title: str, entry: ModelConfig, config: Config, test_set: TestSet, device: torch.device) -> Explainer:
    ready = load_model(title, entry, test_set.classes, unsafe=False)
    return Explainer(ready.model, ready.order, config.method, device)


def questions(one: Explainer, test_set: TestSet, count: int) -> list[Question]:
    """The first images as the model sees them, with masks that hold a half of every cell."""
    masks = np.full((9, *one.grid.shape), 0.5, np.float32)
    rows = range(min(count, len(test_set.frame)))
    images = [resize(decode(test_set.read_bytes(row)).samples, one.preprocessing) for row in rows]
    return [Question(row, -1, image, masks) for row, image in enumerate(images)]


def maps(title: str, entry: ModelConfig, config: Config, test_set: TestSet, device: torch.device) -> float:
    """Part 1; the largest difference without TF32."""

    def found(where: torch.device) -> Explanation:
        with explainer(title, entry, config, test_set, where) as one:
            return one.explain(questions(one, test_set, COMPARED))

    def worst(a: np.ndarray, b: np.ndarray) -> float:
        axes = tuple(range(1, a.ndim))
        return float((np.abs(a - b).max(axis=axes) / np.maximum(np.abs(b).max(axis=axes), 1e-12)).max())

    exact, differences = found(torch.device("cpu")), {}
    for words, allowed in (("as torch chooses", torch.backends.cudnn.allow_tf32), ("without TF32", False)):
        before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, allowed
        here = found(device)
        torch.backends.cudnn.allow_tf32 = before
        differences[words] = worst(here.maps, exact.maps), worst(here.logits, exact.logits)
        moved = int((here.logits.argmax(axis=1) != exact.logits.argmax(axis=1)).sum())
        print(
            f"{title}: {words}: maps differ by {differences[words][0]:.1e}, logits by {differences[words][1]:.1e}, "
            f"{moved} of {len(here.logits)} predictions"
        )
    return max(differences["without TF32"])


def passes(
    title: str, entry: ModelConfig, config: Config, test_set: TestSet, device: torch.device, deadline: float
) -> float:
    """Part 2."""
    own = config.model_copy(update={"models": {title: entry}, "device": str(device)})
    bounds = shard_bounds(len(test_set.frame), own.shard_images)
    for size in SIZES[device.type]:
        if time.monotonic() > deadline:
            print(f"{title}: batch {size}: left out, the time is over")
            continue
        tunings, stages = {title: Tuning(size)}, Stages()
        with tempfile.TemporaryDirectory() as folder:
            fingerprints = take_fingerprints(test_set, own, device.type, bounds, tunings)
            compute(own, test_set, fingerprints, Path(folder), device, tunings, stages)
        ours = len(test_set.frame) / stages.seconds["Explaining"]
        bare = bare_forward(title, entry, test_set, device, size, "float32")
        print(f"{title}: batch {size}: pass {ours:.0f}/s, bare forward {bare:.0f}/s, pass / forward {bare / ours:.2f}")
    return 0.0


def network(
    title: str, entry: ModelConfig, test_set: TestSet, device: torch.device
) -> tuple[torch.nn.Module, np.ndarray]:
    """The bare network on its device, and images (n, H, W, C) as it sees them."""
    model = load_model(title, entry, test_set.classes, unsafe=False).model
    trial = trial_images(model.preprocessing)
    module = optimise_for_inference(copy.deepcopy(model.module), model.target_layer, device, trial)
    rows = range(min(max(SIZES[device.type]), len(test_set.frame)))
    images = [resize(decode(test_set.read_bytes(row)).samples, model.preprocessing) for row in rows]
    return module, normalise(images, model.preprocessing)


def timed(run: Callable[[], object], device: torch.device, least: float = 0.5) -> float:
    """Seconds of one run: the median of a few series of at least half a second, the device waited for."""

    def series(times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            run()
        if device.type != "cpu":
            getattr(torch, device.type).synchronize()
        return time.perf_counter() - began

    series(2)
    times = max(1, round(least / series(1)))
    return median(series(times) / times for _ in range(ROUNDS))


def bare_forward(
    title: str, entry: ModelConfig, test_set: TestSet, device: torch.device, size: int, precision: str
) -> float:
    """Images a second of the network alone."""
    module, images = network(title, entry, test_set, device)
    x = images[:size].to(device)

    def run() -> None:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            module(x)

    return len(x) / timed(run, device)


def copies(title: str, entry: ModelConfig, config: Config, test_set: TestSet, device: torch.device) -> float:
    """Part 3."""
    if device.type != "cuda":
        print(f"{title}: copies: there is nothing to copy to")
        return 0.0
    module, images = network(title, entry, test_set, device)
    pinned, there = images.pin_memory(), images.to(device)

    def forward(x: torch.Tensor) -> None:
        with torch.inference_mode():
            module(x)

    ways = {
        "pageable copy": lambda: images.to(device),
        "pinned copy": lambda: pinned.to(device, non_blocking=True),
        "pinning and copying": lambda: images.pin_memory().to(device, non_blocking=True),
        "forward": lambda: forward(there),
        "forward after a pageable copy": lambda: forward(images.to(device)),
        "forward after a pinned copy": lambda: forward(pinned.to(device, non_blocking=True)),
    }
    took = {words: 1e3 * timed(run, device) for words, run in ways.items()}
    # The next batch is copied on a stream of its own while this one is computed.
    stream = torch.cuda.Stream(device)

    def overlapped() -> None:
        with torch.cuda.stream(stream):
            pinned.to(device, non_blocking=True)
        forward(there)

    took["forward beside a pinned copy"] = 1e3 * timed(overlapped, device)
    print(f"{title}: a batch of {len(images)}: " + ", ".join(f"{words} {ms:.2f} ms" for words, ms in took.items()))
    return 0.0


def bf16(title: str, entry: ModelConfig, config: Config, test_set: TestSet, device: torch.device) -> float:
    """Part 4."""
    size = SIZES[device.type][1]
    slow, fast = (bare_forward(title, entry, test_set, device, size, kind) for kind in ("float32", "bf16"))
    with explainer(title, entry, config, test_set, device) as one, ThreadPoolExecutor(1) as pool:
        asked = questions(one, test_set, 256 if device.type == "cuda" else 16)
        took = [timed(lambda way=way: one.explain(asked, way), device) for way in (Tuning(size), Tuning(size, "bf16"))]
        change = measure_change(one, asked, Tuning(size), Tuning(size, "bf16"), pool).change
    if change is None:
        raise RuntimeError("no change was measured")
    print(
        f"{title}: bfloat16, batch {size}: forward {fast / slow:.2f} and maps {took[0] / took[1]:.2f} times as fast; "
        f"{change.predictions} of {change.images} predictions change, maps by {change.map_median:.1%} in the median, "
        f"{change.again:.1%} run again"
    )
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
