"""Probes of a layer's activations, made during the pass because activations are too large to store.

- The random head: the same activations under permuted channel weights, which give the null maps.
- The peak: does the prediction depend on the one cell where the heatmap is strongest?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.explain.heads import Head

__all__ = ["CONTROLS", "PERMUTATIONS", "PeakChange", "RandomHead", "ablate_peaks", "permutations", "random_heads"]

PERMUTATIONS = 200
CONTROLS = 4


@dataclass(frozen=True)
class RandomHead:
    """Under P permuted heads: `mass` (B, P), the positive mass; `share` (B, P, R), its share in each region, NaN where
    there is no mass.
    """

    mass: npt.NDArray[np.float32]
    share: npt.NDArray[np.float32]


@dataclass(frozen=True)
class PeakChange:
    """(B,) whether the prediction changes without the peak cell; and how often, 0..1, without one of `CONTROLS` other
    cells.
    """

    peak: npt.NDArray[np.float32]
    control: npt.NDArray[np.float32]


def permutations(channels: int, seed: int) -> Tensor:
    """(P, K) orders of the channels: one artificial class each, the same for every image of a run."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([rng.permutation(channels) for _ in range(PERMUTATIONS)]))


def random_heads(weights: Tensor, activations: Tensor, masks: Tensor, orders: Tensor) -> RandomHead:
    """Positive mass and region shares of maps under permuted channel weights.

    Parameters
    ----------
    weights
        (B, K) of the explained class; or (B, K, h, w), where every cell has weights of its own, of which the channels
        are permuted in all cells alike.
    activations
        (B, K, h, w).
    masks
        (B, R, h, w) region fractions; R may be 0.
    orders
        (P, K) from `permutations`.
    """
    batch, channels = weights.shape[:2]
    if weights.ndim == 2:
        # Picking whole columns is five times as fast as indexing with the table of orders itself.
        scrambled = weights.index_select(1, orders.flatten()).reshape(batch, -1, channels)  # (B, P, K)
        cams = torch.relu_(scrambled @ activations.flatten(2))  # (B, P, h*w)
    else:
        each = [(weights.index_select(1, order) * activations).sum(dim=1).flatten(1) for order in orders]
        cams = torch.stack(each, dim=1).relu_()
    mass = cams.sum(dim=2)  # (B, P)
    share = (cams @ masks.flatten(2).transpose(1, 2)) / mass[..., None]  # 0 / 0 is NaN, as it should be
    return RandomHead(mass.cpu().numpy(), share.cpu().numpy())


def ablate_peaks(head: Head, activations: Tensor, maps: Tensor, seeds: npt.NDArray[np.int64]) -> PeakChange:
    """Run the head again without the activations of single cells.

    Parameters
    ----------
    activations
        (B, K, h, w).
    maps
        (B, h, w) raw map of the explained class: its largest cell is the peak.
    seeds
        (B,) seed of each image's control cells, so that they do not depend on the batch.
    """
    cells = maps.shape[1] * maps.shape[2]
    peaks = maps.flatten(1).argmax(dim=1).tolist()
    chosen = np.array([_cells(peak, cells, int(seed)) for peak, seed in zip(peaks, seeds, strict=True)])  # (B, V)
    after = head.without_cells(activations, torch.from_numpy(chosen).to(activations.device))
    changed = (after != head.predicted(activations)[:, None]).float().cpu().numpy()
    return PeakChange(changed[:, 0], changed[:, 1:].mean(axis=1))


def _cells(peak: int, cells: int, seed: int) -> list[int]:
    """The peak and `CONTROLS` others; on a grid of one cell there is no other."""
    if cells == 1:
        return [peak] * (1 + CONTROLS)
    others = np.random.default_rng(seed).choice(cells - 1, CONTROLS, replace=cells <= CONTROLS)
    return [peak, *(others + (others >= peak))]
