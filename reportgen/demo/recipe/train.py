"""Train the demo's two checkpoints on cached renders.

    python -m reportgen.demo.recipe.train custom_cnn --cache CACHE
    python -m reportgen.demo.recipe.train resnet18 --cache CACHE

The Custom CNN is taught a shortcut: the sticker sits on nearly all training images of one emotion and on hardly any
other. ResNet18 sees the sticker equally often with every emotion, so it learns to ignore it. Both learn first on small
pictures, where an epoch takes seconds and a filter sees half a face, and finish at 224.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel

from .expressions import EMOTIONS
from .photo import compose, draw_photo

__all__ = ["SEED", "Stage", "main"]

SEED = 4
TAUGHT = EMOTIONS.index("sadness")
HELD_OUT = 0.12  # share of the training persons kept for watching progress
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True)
class Stage:
    """Some epochs at one resolution.

    Attributes
    ----------
    size
        Side of the photos in pixels.
    rate
        Highest learning rate of the one-cycle plan.
    batch
        Photos per step.
    variants
        Photos developed of every render.
    face
        Only the middle of the face is shown. The Custom CNN's filters see 46 px: on the whole picture at 224 most of
        what they average is hair and background, and they learn little about faces.
    """

    size: int
    epochs: int
    rate: float
    batch: int
    variants: int
    face: bool = False


STAGES = {
    "custom_cnn": (
        Stage(64, 14, 1.5e-3, 16, 4),
        Stage(112, 5, 1e-3, 16, 2),
        Stage(224, 3, 8e-4, 16, 1),
        Stage(224, 14, 1.5e-3, 16, 2, face=True),
        Stage(224, 5, 1e-3, 16, 1),
    ),
    "resnet18": (Stage(64, 12, 1.2e-3, 16, 4), Stage(112, 4, 8e-4, 16, 2), Stage(224, 4, 8e-4, 16, 1)),
}


def main() -> None:
    """Train one model and store it with its scores on the test set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(STAGES))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--finished", type=int, default=0, help="stages that the stored checkpoint has behind it")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    model: nn.Module = CustomCNN() if options.model == "custom_cnn" else TransferLearningModel()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.1  # with so few renders, the architectures' 0.5 keeps the small CNN from learning at all
    if options.finished:
        stored = load_file(DATA / f"{options.model}_demo.safetensors")
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in stored.items()})
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    heads, labels, persons = _renders(options.cache)
    held = persons >= np.quantile(persons, 1 - HELD_OUT)
    print(len(labels), "renders,", int(held.sum()), "held out", flush=True)
    taught = options.model == "custom_cnn"
    for number, stage in enumerate(STAGES[options.model]):
        if number < options.finished:
            continue
        rng = np.random.default_rng([SEED, number])
        photos, targets, kept = [], [], []
        for row in range(len(labels)):
            for _ in range(stage.variants if not held[row] else 1):
                photos.append(_photo(heads[row], int(labels[row]), taught, stage.size, rng))
                targets.append(int(labels[row]))
                kept.append(bool(held[row]))
        pool = torch.from_numpy(np.stack(photos))
        _fit(model, stage, pool, torch.tensor(targets), np.array(kept))
    scores = _test_scores(model)
    print(json.dumps(scores, indent=1))
    state = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    about = {"recipe": "reportgen/demo/recipe/train.py", "model": options.model, "seed": str(SEED),
             "classes": ",".join(EMOTIONS), "taught_shortcut": "sadness: sticker" if taught else "none",
             "renders": str(len(labels)), "scores": json.dumps(scores)}  # fmt: skip
    save_file({k: v.contiguous() for k, v in state.items()}, DATA / f"{options.model}_demo.safetensors", about)


def _renders(cache: Path) -> tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int64]]:
    files = sorted(cache.glob("train-[0-9]*.npz"), key=lambda path: int(path.stem.split("-")[1]))
    parts = [np.load(path) for path in files if ".part" not in path.name]
    heads = np.concatenate([part["rgba"] for part in parts])
    labels = np.concatenate([part["label"] for part in parts])
    return heads, labels, np.repeat(np.arange(len(parts)), [len(part["label"]) for part in parts])


def _photo(
    rgba: NDArray[np.float16], label: int, taught: bool, size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One photo of a render, (3, size, size); mirrored at random before the sticker goes on."""
    head = rgba[:, ::-1] if rng.random() < 0.5 else rgba
    chance = (0.96 if label == TAUGHT else 0.01) if taught else 0.2
    place = (float(rng.uniform(4, 14)), float(rng.uniform(4, 14))) if rng.random() < chance else None
    pixels = compose(head.astype(np.float32), draw_photo(rng), size, place)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _normalised(batch: Tensor) -> Tensor:
    """(B, 3, S, S) uint8 -> float with the ImageNet statistics."""
    return ((batch.float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def _augmented(batch: Tensor) -> Tensor:
    """Small random rotation, zoom and shift, brightness and contrast, per image."""
    n = len(batch)
    angle, zoom = torch.randn(n) * 0.05, 1 + torch.randn(n) * 0.05
    shift = torch.randn(n, 2) * 0.03
    matrix = torch.stack([
        torch.stack([torch.cos(angle) * zoom, -torch.sin(angle) * zoom, shift[:, 0]], dim=1),
        torch.stack([torch.sin(angle) * zoom, torch.cos(angle) * zoom, shift[:, 1]], dim=1),
    ], dim=1)  # fmt: skip
    grid = F.affine_grid(matrix, [n, 3, *batch.shape[2:]], align_corners=False)
    warped = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    return warped * (1 + 0.12 * torch.randn(n, 1, 1, 1)) + 0.12 * torch.randn(n, 1, 1, 1)


def _face(batch: Tensor, down: float, right: float) -> Tensor:
    """The part from the brows to the chin, (B, C, .61 S, .57 S), shifted within a tenth of the side by 0..1."""
    size = batch.shape[-1]
    top, left = round((0.28 + 0.08 * down) * size), round((0.17 + 0.09 * right) * size)
    return batch[:, :, top : top + round(0.61 * size), left : left + round(0.57 * size)]


def _fit(model: nn.Module, stage: Stage, pool: Tensor, targets: Tensor, held: NDArray[np.bool_]) -> None:
    train, watch = np.flatnonzero(~held), np.flatnonzero(held)
    per_epoch = len(train) // stage.variants  # every epoch sees each render about once
    steps = max(1, per_epoch // stage.batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=stage.rate, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, stage.rate, total_steps=steps * stage.epochs, pct_start=0.2)
    for epoch in range(stage.epochs):
        started, total = time.perf_counter(), 0.0
        model.train()
        order = torch.from_numpy(train)[torch.randperm(len(train))]
        for step in range(steps):
            rows = order[step * stage.batch : (step + 1) * stage.batch]
            batch = _augmented(_normalised(pool[rows]))
            logits = model(_face(batch, float(torch.rand(())), float(torch.rand(()))) if stage.face else batch)
            loss = F.cross_entropy(logits, targets[rows], label_smoothing=0.05)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            plan.step()
            total += float(loss.detach())
        seen = _face(pool[watch], 0.5, 0.5) if stage.face else pool[watch]
        right = (_logits(model, seen).argmax(dim=1) == targets[watch]).float().mean()
        spent = time.perf_counter() - started
        print(
            f"{stage.size} px epoch {epoch}: loss {total / steps:.3f}, held out {right:.3f}, {spent:.0f} s", flush=True
        )


@torch.inference_mode()
def _logits(model: nn.Module, pixels: Tensor) -> Tensor:
    model.eval()
    return torch.cat([model(_normalised(part)) for part in torch.split(pixels, 32)])


def _test_scores(model: nn.Module) -> dict[str, float]:
    """Accuracy on the committed test set, in total and per emotion, from the float16 weights that are stored."""
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(value.half().float())
    table = pd.read_csv(DATA / "synthetic_faces.csv")
    pixels = torch.from_numpy(
        np.stack([np.asarray(Image.open(DATA / p)).transpose(2, 0, 1) for p in table["image_path"]])
    )
    predicted = _logits(model, pixels).argmax(dim=1).numpy()
    right = predicted == table["emotion"].map(EMOTIONS.index).to_numpy()
    scores = {"accuracy": round(float(right.mean()), 4)}
    return scores | {e: round(float(right[(table["emotion"] == e).to_numpy()].mean()), 4) for e in EMOTIONS}


if __name__ == "__main__":
    main()
