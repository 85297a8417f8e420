"""What is asked of a layer's activations while they are at hand, because they are too large to keep.

- The random head: the same activations under permuted channel weights, the null of science for blank maps.
- The peak: does the prediction hang on the one cell where the heatmap is strongest?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

__all__ = ["CONTROLS", "PERMUTATIONS", "PeakChange", "RandomHead", "ablate_peaks", "permutations", "random_heads"]

PERMUTATIONS = 200
CONTROLS = 4


@dataclass(frozen=True)
class RandomHead:
    """Under P scrambled heads: `mass` (B, P), the positive mass; `share` (B, P, R), its share in each region, NaN where
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
    """(P, K) orders of the channels: one made-up class each, the same for every image of a run."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([rng.permutation(channels) for _ in range(PERMUTATIONS)]))


def random_heads(weights: Tensor, activations: Tensor, masks: Tensor, orders: Tensor) -> RandomHead:
    """Positive mass and region shares of maps under permuted channel weights.

    Parameters
    ----------
    weights
        (B, K) of the explained class.
    activations
        (B, K, h, w).
    masks
        (B, R, h, w) region fractions; R may be 0.
    orders
        (P, K) from `permutations`.
    """
    flat = activations.flatten(2)  # (B, K, h*w)
    cams = torch.relu_(weights[:, orders] @ flat)  # (B, P, h*w)
    mass = cams.sum(dim=2)  # (B, P)
    share = (cams @ masks.flatten(2).transpose(1, 2)) / mass[..., None]  # 0 / 0 is NaN, as it should be
    return RandomHead(mass.cpu().numpy(), share.cpu().numpy())


def ablate_peaks(head: nn.Module, activations: Tensor, maps: Tensor, seeds: npt.NDArray[np.int64]) -> PeakChange:
    """Run the head again without the activations of single cells.

    Parameters
    ----------
    activations
        (B, K, h, w).
    maps
        (B, h, w) raw map of the explained class: its largest cell is the peak.
    seeds
        (B,) one of each image for its control cells, so that they do not depend on the batch.
    """
    batch, channels, height, width = activations.shape
    cells = height * width
    peak = maps.flatten(1).argmax(dim=1).cpu().numpy()  # (B,)
    chosen = np.empty((batch, 1 + CONTROLS), dtype=np.int64)
    for i, seed in enumerate(seeds):
        others = np.delete(np.arange(cells), peak[i])
        chosen[i] = [peak[i], *np.random.default_rng(int(seed)).choice(others, CONTROLS, replace=cells <= CONTROLS)]
    variants = activations.flatten(2)[:, None].repeat(1, 1 + CONTROLS, 1, 1)  # (B, V, K, h*w)
    where = torch.from_numpy(chosen).to(activations.device)[:, :, None, None].expand(-1, -1, channels, 1)
    variants.scatter_(3, where, 0.0)
    with torch.no_grad():
        before = head(activations).argmax(dim=1)  # (B,)
        after = head(variants.reshape(-1, channels, height, width)).argmax(dim=1).reshape(batch, -1)  # (B, V)
    changed = (after != before[:, None]).float().cpu().numpy()
    return PeakChange(changed[:, 0], changed[:, 1:].mean(axis=1))
