"""The table of docs/models.md: for every network the explained layer, how exact its maps are, and what they cost.

    python tests/benchmarks/bench_models.py [--only WORD ...] [--batch 8] [--rounds 3]

Time is that of our pass over a batch (logits, maps of all classes, random heads, peaks), divided by that of the better
of two bare forward passes (channels first or last in memory), both on one thread, in processor time, the least of the
rounds. Pictures have the side of the network's test, where what a pass does once per batch weighs most.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from model_zoo import (
    CLASSES,
    FACES,
    HUGGING_FACE,
    TIMM,
    TORCHVISION,
    Row,
    built,
    cell_offsets,
    difference,
    layout_text,
    noise,
    seeded,
    with_random_head,
)

from reportgen.config import Preprocessing
from reportgen.explain.explainer import Explainer, Question
from reportgen.faces.regions import REGIONS
from reportgen.models.preprocessing import normalise


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Least processor time of some rounds, after one that is not counted."""
    work()
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def relative_time(row: Row, folder: Path, batch: int, rounds: int) -> float:
    """Our pass, as a multiple of the better bare forward pass."""
    spec = Preprocessing(width=row.side, height=row.side)
    net = seeded(row.make)
    model = built(row, net, folder, spec)
    images = noise(row.side, batch)
    x = normalise(images, spec)
    with torch.inference_mode():
        bare = seconds(lambda: net(x.contiguous()), rounds)
        net.to(memory_format=torch.channels_last)
        bare = min(bare, seconds(lambda: net(x), rounds))
    with Explainer(model, range(CLASSES), "gradcam", torch.device("cpu")) as explainer:
        masks = np.full((len(REGIONS), *explainer.grid.shape), 0.5, np.float32)
        ours = seconds(lambda: explainer.explain([Question(0, -1, image, masks) for image in images]), rounds)
    return ours / bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], help="words of which a row's name has to contain one")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for row in (*TORCHVISION, *FACES, *TIMM, *HUGGING_FACE)
            if not options.only or any(word in row.id for word in options.only)]  # fmt: skip
    print(
        "| Network | Source | Layer | Layout | Impulse offset | Map difference | Time |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row in rows:
            net = with_random_head(row, seeded(row.make))
            model = built(row, net, folder, Preprocessing(width=row.side, height=row.side))
            found = (model.architecture, model.layer_name, layout_text(model.layout))
            exact = difference(net, model, noise(row.side), "gradcam")
            offset = max((one[0] for one in cell_offsets(row, net, folder)), key=abs)
            times = relative_time(row, folder, options.batch, options.rounds)
            print(
                f"| {found[0]} | {row.source} | `{found[1]}` | {found[2]} | {offset:.2f} → 0.0 | {exact:.0e} | "
                f"{times:.2f} |", flush=True
            )  # fmt: skip


if __name__ == "__main__":
    main()
