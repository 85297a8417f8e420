"""What the pass costs for networks of other families at their true input size, beside decoding and a bare forward.

    python tests/benchmarks/bench_families.py [--data TABLE] [--only WORD ...] [--images 32] [--rounds 5]

The limit is decoding once plus the best bare forward pass of a fixed sweep: folded or not, channels first or last in
memory, several batch sizes, threads inside a batch or one batch per thread. The pass is the product's, from files to
records, on all cores: once with logits and maps of all classes, once also with random heads and peaks, as statistics of
regions need them (the regions are the template's, so that no landmarks are in the figures). Weights are random, which
changes no cost. Contestants run in turn, round by round; medians of the ratios within a round are printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from bench_pass import CPU, FER, best_forward, decode_all, our_pass, seconds, transform, tuned
from model_zoo import CLASSES, TIMM, TORCHVISION, Row, seeded
from PIL import Image

from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.explain.explainer import Explainer
from reportgen.explain.workers import available_cores
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.registry import LoadedModel, build_model

SIDE = 224
NETWORKS = (
    "torchvision resnet50",
    "torchvision efficientnet_b0",
    "torchvision convnext_tiny",
    "torchvision swin_t",
    "torchvision vit_b_16",
    "timm vit_small_patch16_224",
)


def network(row: Row) -> torch.nn.Module:
    """At its true input size: the zoo makes some of timm's for smaller pictures."""
    if row.source == "torchvision":
        return seeded(row.make)
    import_torchvision()
    import timm

    return seeded(lambda: timm.create_model(row.name, num_classes=CLASSES))


def measure(row: Row, test_set: TestSet, data: Path, rounds: int, workers: int, folder: Path) -> list[str]:
    """Rows of the table."""
    path = folder / f"{row.name}.pth"
    torch.save(network(row).state_dict(), path)
    entry = ModelConfig(checkpoint=path, preprocessing=Preprocessing(width=SIDE, height=SIDE))

    def load() -> LoadedModel:
        return build_model("m", read_checkpoint(path).state, entry)

    files = [Path(file) for file in test_set.frame["file"]]
    x = torch.stack([transform()(Image.open(file).convert("RGB")) for file in files])
    model = load()
    best, bare = best_forward(model.module, model.target_layer, x, workers)
    print(f"best bare forward of {row.id}: {best}", file=sys.stderr)
    contestants: dict[str, Callable[[], object]] = {
        "decoding": lambda: decode_all(files, workers),
        "bare": lambda: bare(len(files)),
    }
    found = []
    with ExitStack() as stack:
        for method in ("auto", "gradcam"):
            for regions in ("none", "template"):
                explainer = Explainer(load(), range(CLASSES), method, CPU, probing=regions != "none")
                stack.enter_context(explainer)
                explainer.tuning = tuned(explainer, test_set, "float32", workers)
                config = Config(data=data, models={"m": entry}, regions=regions, method=method)
                name = f"{explainer.method}, {regions}"
                contestants[name] = partial(our_pass, config, test_set, [explainer], regions, workers)
                print(f"{name}: {explainer.tuning}", file=sys.stderr)
        wall: dict[str, list[float]] = {name: [] for name in contestants}
        processor: dict[str, list[float]] = {name: [] for name in contestants}
        for round_ in range(rounds + 1):  # the first one warms up
            for name, run in contestants.items():
                torch.set_num_threads(workers)
                began = time.process_time()
                took = seconds(run)
                if round_:
                    wall[name].append(took / len(files))
                    processor[name].append((time.process_time() - began) / len(files))

    def ratio(times: dict[str, list[float]], name: str) -> float:
        return float(np.median(np.array(times[name]) / np.add(times["decoding"], times["bare"])))

    milliseconds = 1e3 * statistics.median(processor["bare"])
    for method in dict.fromkeys(name.partition(",")[0] for name in list(contestants)[2:]):
        ways = [f"{method}, none", f"{method}, template"]
        figures = [f"{ratio(times, way):.2f}" for way in ways for times in (wall, processor)]
        found.append(f"| {row.id} | {method} | {milliseconds:.0f} | {' | '.join(figures)} |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FER / "processed_data.pkl")
    parser.add_argument("--only", nargs="*", default=[], help="words of which a network's name has to contain one")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = [row for row in (*TORCHVISION, *TIMM) if row.id in NETWORKS
            and (not options.only or any(word in row.id for word in options.only))]  # fmt: skip
    workers = available_cores()
    with tempfile.TemporaryDirectory() as name:
        some = ModelConfig(checkpoint=FER / "custom_cnn_best.pth")
        test_set = load_test_set(Config(data=options.data, models={"m": some}, regions="none"))
        test_set = dataclasses.replace(test_set, frame=test_set.frame.iloc[: options.images or None])
        print(f"{len(test_set.frame)} images, {workers} cores, torch {torch.__version__}, {options.rounds} rounds")
        print("| Network | Method | Bare forward, ms | Pass, wall | processor | With probes, wall | processor |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for row in rows:
            for line in measure(row, test_set, options.data, options.rounds, workers, Path(name)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
