"""Training one small model on planted photos, in seconds on one core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name every PyTorch reader knows)

from reportgen.selfcheck.networks import NETWORKS

__all__ = ["MEAN", "STAGES", "STD", "Stage", "predict", "train"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 32


@dataclass(frozen=True)
class Stage:
    """Some epochs at one resolution: on smaller photos an epoch costs less, and a filter sees more of the face."""

    size: int
    epochs: int
    rate: float


STAGES = (Stage(64, 11, 7e-3), Stage(96, 2, 1.5e-3))


def train(
    variants: list[npt.NDArray[np.uint8]],
    labels: npt.NDArray[np.int64],
    network: str,
    seed: int,
    stages: tuple[Stage, ...] = STAGES,
    *,
    augmented: bool = True,
) -> nn.Module:
    """Train a network of `NETWORKS` from random weights.

    Parameters
    ----------
    variants
        The same photos in the same order, (n, H, W, 3) each (plain and mirrored); an epoch draws one variant of each.
    labels
        (n,) classes.
    seed
        Of weights, order and augmentation.
    augmented
        Whether photos are turned, moved and relit a little; without it a model stays fragile.
    """
    torch.manual_seed(seed)
    model: nn.Module = NETWORKS[network]().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pool = torch.stack([torch.from_numpy(v).permute(0, 3, 1, 2) for v in variants])  # (V, n, 3, H, W)
    targets = torch.from_numpy(labels)
    n = len(targets)
    steps = max(1, n // _BATCH)
    for stage in stages:
        photos = _resized(pool, stage.size)
        optimiser = torch.optim.AdamW(model.parameters(), lr=stage.rate, weight_decay=0.02)
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, stage.rate, total_steps=steps * stage.epochs)
        model.train()
        for _ in range(stage.epochs):
            order = torch.randperm(n)
            variant = torch.randint(len(variants), (n,))
            for step in range(steps):
                rows = order[step * _BATCH : (step + 1) * _BATCH]
                batch = _normalised(photos[variant[rows], rows])
                logits = model(_augmented(batch) if augmented else batch)
                loss = F.cross_entropy(logits, targets[rows], label_smoothing=0.05)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                plan.step()
    model.eval()
    return model


@torch.inference_mode()
def predict(model: nn.Module, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """(n, C) probabilities of (n, H, W, 3) uint8 photos."""
    model.eval()
    batches = torch.split(torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2), 64)
    return np.asarray(torch.cat([torch.softmax(model(_normalised(b)), dim=1) for b in batches]), dtype=np.float64)


def _resized(pool: Tensor, size: int) -> Tensor:
    variants, n, channels, height, _ = pool.shape
    if size == height:
        return pool
    flat = F.interpolate(pool.flatten(0, 1).float(), (size, size), mode="area")
    return flat.round().to(torch.uint8).view(variants, n, channels, size, size)


def _normalised(batch: Tensor) -> Tensor:
    """(B, 3, S, S) uint8 -> float with the ImageNet statistics."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((batch.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def _augmented(batch: Tensor) -> Tensor:
    """Small random rotation, zoom and shift, brightness and contrast, per image."""
    n = len(batch)
    angle, zoom = torch.randn(n) * 0.05, 1 + torch.randn(n) * 0.04
    shift = torch.randn(n, 2) * 0.03
    matrix = torch.stack([
        torch.stack([torch.cos(angle) * zoom, -torch.sin(angle) * zoom, shift[:, 0]], dim=1),
        torch.stack([torch.sin(angle) * zoom, torch.cos(angle) * zoom, shift[:, 1]], dim=1),
    ], dim=1)  # fmt: skip
    grid = F.affine_grid(matrix, [n, *batch.shape[1:]], align_corners=False)
    warped = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    warped = warped * (1 + 0.08 * torch.randn(n, 1, 1, 1)) + 0.08 * torch.randn(n, 1, 1, 1)
    return warped.contiguous(memory_format=torch.channels_last)
