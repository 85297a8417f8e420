"""What the pass costs for networks of other families at their true input size, beside decoding and a bare forward.

    python tests/benchmarks/bench_families.py [--data TABLE] [--only WORD ...] [--images 8] [--rounds 3]

The limit is decoding once plus torch's best bare forward pass: folded or not, channels first or last in memory. The
pass decodes, too, and gives logits, maps of all classes, random heads and peaks, as a worker of the product does, in
batches of the usual size. All run on one thread, in turn, round by round; the medians of processor time are compared.
Weights are random, which changes no cost. "ours" is a bare forward pass with the product's own matrix products.
"""

from __future__ import annotations

import argparse
import copy
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
from model_zoo import CLASSES, TIMM, TORCHVISION, Row, seeded
from torch import Tensor, nn

from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.workers import memory_kept_between_batches
from reportgen.faces.regions import REGIONS
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.preprocessing import normalise, resize
from reportgen.models.products import FasterProducts
from reportgen.models.registry import LoadedModel, build_model

FER = Path(__file__).resolve().parents[2] / "../shared/fer"
CPU = torch.device("cpu")
SIDE = 224
NETWORKS = (
    "torchvision resnet50",
    "torchvision efficientnet_b0",
    "torchvision convnext_tiny",
    "torchvision swin_t",
    "torchvision vit_b_16",
    "timm vit_small_patch16_224",
)


def network(row: Row) -> nn.Module:
    """At its true input size: the zoo makes some of timm's for smaller pictures."""
    if row.source == "torchvision":
        return seeded(row.make)
    import_torchvision()
    import timm

    return seeded(lambda: timm.create_model(row.name, num_classes=CLASSES))


def forward(module: nn.Module, batches: list[Tensor], *, ours: bool = False) -> None:
    with torch.inference_mode(), FasterProducts() if ours else ExitStack():
        for batch in batches:
            module(batch)


def bare_forwards(model: LoadedModel, x: Tensor, batch: int) -> dict[str, Callable[[], object]]:
    """Contestants for the best bare forward pass."""
    found: dict[str, Callable[[], object]] = {}
    for folded in (True, False):
        for layout in (torch.channels_last, torch.contiguous_format):
            module = copy.deepcopy(model.module).requires_grad_(False)
            if folded:
                module = optimise_for_inference(module, model.target_layer, CPU, x[:2])
            module = module.to(memory_format=layout)
            batches = [part.contiguous(memory_format=layout) for part in x.split(batch)]
            name = f"{'folded' if folded else 'plain'}, {str(layout).removeprefix('torch.')}"
            found[f"bare {name}"] = partial(forward, module, batches)
            found.setdefault("ours", partial(forward, module, batches, ours=True))
    return found


def measure(row: Row, test_set: TestSet, rounds: int, folder: Path) -> list[str]:
    """Rows of the table."""
    entry = ModelConfig(checkpoint=folder / "m.pth", preprocessing=Preprocessing(width=SIDE, height=SIDE))
    state = network(row).state_dict()

    def images() -> list[np.ndarray]:
        rows = range(len(test_set.frame))
        return [resize(decode(test_set.read_bytes(i)).samples, entry.preprocessing) for i in rows]

    def answer(explainer: Explainer, masks: np.ndarray) -> None:
        explainer.explain([Question(i, -1, image, masks) for i, image in enumerate(images())])

    model = build_model("m", state, entry)
    with ExitStack() as stack:
        contestants: dict[str, Callable[[], object]] = {"decoding": images}
        methods = []
        for method in ("auto", "gradcam"):
            explainer = Explainer(build_model("m", state, entry), range(CLASSES), method, CPU)
            stack.enter_context(explainer)
            masks = np.full((len(REGIONS), *explainer.grid.shape), 0.5, np.float32)
            contestants[explainer.method] = partial(answer, explainer, masks)
            methods.append(explainer.method)
        contestants |= bare_forwards(model, normalise(images(), entry.preprocessing), explainer.tuning.batch_size)
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for round_ in range(rounds + 1):  # the first one warms up
            for name, run in contestants.items():
                began = time.thread_time()
                run()
                if round_:
                    times[name].append(1e3 * (time.thread_time() - began) / len(test_set.frame))
    median = {name: statistics.median(values) for name, values in times.items()}
    best = min((name for name in median if name.startswith("bare")), key=median.__getitem__)
    limit, ours = median["decoding"] + median[best], median["decoding"] + median["ours"]
    return [
        f"| {row.id} | {method} | {median[best]:.0f} ({best.removeprefix('bare ')}) | {median['ours']:.0f} | "
        f"{median[method]:.0f} | {median[method] / limit:.2f} | {median[method] / ours:.2f} |"
        for method in dict.fromkeys(methods)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FER / "processed_data.pkl")
    parser.add_argument("--only", nargs="*", default=[], help="words of which a network's name has to contain one")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for row in (*TORCHVISION, *TIMM) if row.id in NETWORKS
            and (not options.only or any(word in row.id for word in options.only))]  # fmt: skip
    some = ModelConfig(checkpoint=FER / "custom_cnn_best.pth")  # the data's settings ask for a model
    test_set = load_test_set(Config(data=options.data, models={"m": some}, regions="none"))
    test_set = dataclasses.replace(test_set, frame=test_set.frame.iloc[: options.images])
    print(f"{len(test_set.frame)} images, torch {torch.__version__}, median of {options.rounds} rounds, ms of one core")
    print("| Network | Method | Bare forward | the same, ours | Pass | Pass / limit | Pass / limit, ours |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name, memory_kept_between_batches():
        for row in rows:
            for line in measure(row, test_set, options.rounds, Path(name)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
