"""One model ready to explain: logits and maps of all classes for a batch of images."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.errors import BuildError
from reportgen.explain.cam import channel_weights, class_gradients, raw_maps
from reportgen.explain.capture import TargetCapture
from reportgen.explain.preprocess import normalise
from reportgen.explain.probes import PeakChange, ablate_peaks, permutations, random_heads
from reportgen.faces.regions import REGIONS
from reportgen.models.head import split_head
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.registry import LoadedModel

__all__ = ["Explainer", "Explanation", "Question", "batch_size_for"]


@dataclass(frozen=True)
class Explanation:
    """What a model says of B images, float32.

    Attributes
    ----------
    logits, maps
        (B, C); and (B, C, h, w), signed.
    null_mass, null_share
        (B, P) and (B, P, R): the random head's, for the labelled class (the predicted one where there is no label).
    peak_changed, control_changed
        (B,) whether the prediction changes without the peak cell of that class, and without other cells; NaN where the
        head cannot be run by itself.
    """

    logits: npt.NDArray[np.float32]
    maps: npt.NDArray[np.float32]
    null_mass: npt.NDArray[np.float32]
    null_share: npt.NDArray[np.float32]
    peak_changed: npt.NDArray[np.float32]
    control_changed: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """One image and what goes with it.

    Attributes
    ----------
    seed
        Of what is drawn at random for this image.
    label
        Index of the labelled class, -1 for none.
    image
        (height, width, channels) uint8, resized.
    masks
        (R, h, w) region fractions on the model's grid; R may be 0.
    """

    seed: int
    label: int
    image: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.float32]


def batch_size_for(device: torch.device) -> int:
    """Images per forward pass: few on a processor, so that feature maps stay in its cache; many on a GPU."""
    return 4 if device.type == "cpu" else 64


class Explainer(AbstractContextManager["Explainer"]):
    """Runs one model; a context manager, because it holds a hook on the target layer.

    Parameters
    ----------
    model
        Taken over: optimised in place for `device`.
    order
        Index of the model's output for each class of the report, so that every model speaks in the same order.
    method
        A key of `reportgen.explain.cam.METHODS`.
    precision
        "float32", or "bf16" for the forward pass under autocast; maps are float32 either way.
    seed
        Of the random heads.
    probing
        Whether to ask for random heads and peaks, which only statistics of regions need; else their arrays are empty.
    """

    def __init__(
        self,
        model: LoadedModel,
        order: Sequence[int],
        method: str,
        device: torch.device,
        precision: str = "float32",
        seed: int = 0,
        *,
        probing: bool = True,
    ) -> None:
        self.preprocessing = model.preprocessing
        self.grid = (0, 0)  # known on entering, from a blank image
        self.batch_size = batch_size_for(device)
        self._module = optimise_for_inference(model.module, model.target_layer, device)
        self._capture = TargetCapture(self._module, model.target_layer)
        self._order = list(order)
        self._method = method
        self._device = device
        self._bf16 = precision == "bf16"
        self._head = split_head(self._module, model.target_layer)
        self._seed = seed
        self.probing = probing
        self._scrambled = torch.zeros(0, 0, dtype=torch.long)  # known on entering too

    def __enter__(self) -> Self:
        self._capture.__enter__()
        try:
            self._learn_shapes()
        except BaseException:
            self._capture.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._capture.__exit__(kind, error, trace)

    @property
    def head_is_separate(self) -> bool:
        """Whether the head can be run by itself."""
        return self._head is not None

    def explain(self, questions: Sequence[Question]) -> Explanation:
        """Explain images in batches of `batch_size`.

        Raises
        ------
        BuildError
            The model gives NaN or infinity.
        """
        if not questions:
            return self._nothing
        size = self.batch_size
        parts = [vars(self._batch(questions[i : i + size])) for i in range(0, len(questions), size)]
        return Explanation(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def _learn_shapes(self) -> None:
        """Grid and channels, from a blank image."""
        spec = self.preprocessing
        blank = np.zeros((spec.height, spec.width, 1 if spec.grey else 3), np.uint8)
        x = normalise([blank], spec).to(self._device)
        activations, logits = self._capture.forward(self._module, x)
        self.grid = (int(activations.shape[2]), int(activations.shape[3]))
        self._scrambled = permutations(activations.shape[1], self._seed).to(self._device)
        self._head = self._head if self._agrees(activations.detach(), logits.detach()) else None
        one = self._batch([Question(0, -1, blank, np.zeros((len(REGIONS), *self.grid), np.float32))])
        self._nothing = Explanation(**{name: value[:0] for name, value in vars(one).items()})

    def _agrees(self, activations: Tensor, logits: Tensor) -> bool:
        """Whether the separate head gives the model's own logits."""
        if self._head is None:
            return False
        with torch.no_grad():
            return torch.allclose(self._head(activations), logits, rtol=1e-4, atol=1e-4)

    def _batch(self, questions: Sequence[Question]) -> Explanation:
        x = normalise([q.image for q in questions], self.preprocessing).to(self._device, non_blocking=True)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            activations, logits = self._capture.forward(self._module, x)
        gradients = class_gradients(logits, activations)[self._order]  # (C, B, K, h, w)
        layer = activations.detach().float()
        maps = raw_maps(self._method, layer, gradients)  # (B, C, h, w)
        scores = logits.detach().float()[:, self._order]  # (B, C)
        if not bool(scores.isfinite().all()):
            raise BuildError("the model gives NaN or infinity for an image; check its preprocessing and its weights")
        if not self.probing:
            none = np.zeros((len(questions), 0), np.float32)
            return Explanation(scores.cpu().numpy(), maps.cpu().numpy(), none, none, none, none)
        labels = torch.tensor([q.label for q in questions], device=self._device)
        explained = torch.where(labels >= 0, labels, scores.argmax(dim=1))
        each = torch.arange(len(questions), device=self._device)
        masks = torch.from_numpy(np.stack([q.masks for q in questions])).to(self._device)  # (B, R, h, w)
        null = random_heads(channel_weights(gradients.float())[explained, each], layer, masks, self._scrambled)
        change = self._peaks(layer, maps[each, explained], questions)
        return Explanation(scores.cpu().numpy(), maps.cpu().numpy(), null.mass, null.share, change.peak, change.control)

    def _peaks(self, layer: Tensor, maps: Tensor, questions: Sequence[Question]) -> PeakChange:
        if self._head is None:
            unknown = np.full(len(questions), np.nan, np.float32)
            return PeakChange(unknown, unknown)
        return ablate_peaks(self._head, layer, maps, np.array([q.seed for q in questions], dtype=np.int64))
