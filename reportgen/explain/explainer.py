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

from reportgen.cell_grid import CellGrid
from reportgen.errors import BuildError
from reportgen.explain.capture import FeatureTap, TargetCapture
from reportgen.explain.heads import GROUP, AnyHead, Head, HeadOutput, PooledHead, concatenated, output_from_graph
from reportgen.explain.lrp import PatchCapture, lrp_capture
from reportgen.explain.probes import PeakChange, ablate_peaks, permutations, random_heads
from reportgen.explain.tuning import Tuning, usual_tuning
from reportgen.faces.regions import REGIONS
from reportgen.models.head import split_head, split_pooling
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import LoadedModel, trial_images

__all__ = ["Explainer", "Explanation", "Question"]


@dataclass(frozen=True)
class Explanation:
    """A model's output for B images, float32.

    Attributes
    ----------
    logits, maps
        (B, C); and (B, C, h, w), signed.
    null_mass, null_share
        (B, P) and (B, P, R): from `random_heads`, for the labelled class (the predicted one where there is no label).
    peak_changed, control_changed
        (B,) whether the prediction changes without the peak cell of that class, and without other cells; NaN where the
        head cannot be run by itself.
    features
        (B, F) what the last linear layer makes the logits of; F = 0 where the model ends otherwise.
    """

    logits: npt.NDArray[np.float32]
    maps: npt.NDArray[np.float32]
    null_mass: npt.NDArray[np.float32]
    null_share: npt.NDArray[np.float32]
    peak_changed: npt.NDArray[np.float32]
    control_changed: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """One image to explain.

    Attributes
    ----------
    seed
        Of the random draws for this image.
    label
        Index of the labelled class, -1 for none.
    image
        (height, width, channels) uint8, resized.
    masks
        (R, h, w) region fractions on the model's grid; R may be 0.
    mapped
        Whether a map is wanted, where maps are too dear to be made of every image.
    """

    seed: int
    label: int
    image: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.float32]
    mapped: bool = True


class Explainer(AbstractContextManager["Explainer"]):
    """Runs one model; a context manager, because it holds a hook on the target layer.

    Parameters
    ----------
    model
        Taken over: optimised in place for `device`.
    order
        Index of the model's output for each class of the report, so that all models share one order.
    method
        A key of `reportgen.explain.maps.METHODS`; "lrp"; or "auto": LRP for a transformer, Grad-CAM for every other
        network. Once entered, `method` is what it became.
    tuning
        Batch size, and whether the network runs in bfloat16; the head and the maps are float32 in both cases. None for
        `usual_tuning`.
    seed
        Of the random heads.
    probing
        Whether to compute random heads and peaks, which only statistics of regions need; else their arrays are empty.
    """

    def __init__(
        self,
        model: LoadedModel,
        order: Sequence[int],
        method: str,
        device: torch.device,
        tuning: Tuning | None = None,
        seed: int = 0,
        *,
        probing: bool = True,
    ) -> None:
        self.preprocessing = model.preprocessing
        self.grid = model.cells or CellGrid.even(1, 1)  # known on entering, from a black image
        self.tuning = tuning or usual_tuning(device.type)
        self._module = optimise_for_inference(
            model.module, model.target_layer, device, trial_images(model.preprocessing)
        )
        self._capture: TargetCapture | PatchCapture = TargetCapture(self._module, model.target_layer, model.layout)
        self._target_layer, self._layout, self._title = model.target_layer, model.layout, model.architecture
        self._order = list(order)
        self.method = method
        self._device = device
        self._outputs = model.num_classes
        self._separate = split_head(self._module, model.target_layer, model.layout)
        self._head: Head | None = None  # known on entering too, as are the next two
        self._pooled: PooledHead | None = None
        self._tap: FeatureTap | None = None
        self._seed = seed
        self.probing = probing
        self._scrambled = torch.zeros(0, 0, dtype=torch.long)

    def __enter__(self) -> Self:
        try:
            self._choose_method()
            self._capture.__enter__()
            self._learn_shapes()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._capture.__exit__(kind, error, trace)
        if self._tap is not None:
            self._tap.remove()

    @property
    def last_weights(self) -> npt.NDArray[np.float32]:
        """(C, F) weights of the last linear layer, class by class; F = 0 where the model ends otherwise."""
        if self._tap is None:
            raise RuntimeError("known once the explainer is entered")
        return np.asarray(self._tap.weights[self._order].cpu().numpy(), dtype=np.float32)

    @property
    def on_gpu(self) -> bool:
        """Whether batches have to take turns on a device of their own."""
        return self._device.type != "cpu"

    @property
    def head_is_separate(self) -> bool:
        """Whether the head can be run by itself."""
        return self._head is not None

    def explain(self, questions: Sequence[Question], tuning: Tuning | None = None) -> Explanation:
        """Explain images.

        Parameters
        ----------
        tuning
            To run the network with, instead of this explainer's own.

        Raises
        ------
        BuildError
            The model gives NaN or infinity.
        """
        if not questions:
            return self._nothing
        # What follows the network is done in groups of one size whatever the batch size, so that numbers do not depend
        # on it: convolutions treat every image alike, small matrix products do not.
        tuning = tuning or self.tuning
        size = max(GROUP, tuning.batch_size)
        parts = [vars(self._group(questions[i : i + size], tuning)) for i in range(0, len(questions), size)]
        return Explanation(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def _trial_images(self) -> list[npt.NDArray[np.uint8]]:
        """A black image and one of noise."""
        spec = self.preprocessing
        shape = (spec.height, spec.width, spec.channels)
        return [np.zeros(shape, np.uint8), np.random.default_rng(0).integers(0, 256, shape, np.uint8)]

    def _choose_method(self) -> None:
        """Where LRP is asked for or would be better, use it if this network allows it."""
        images = self._input(self._trial_images())
        found = lrp_capture(self.method, self._title, self._module, self._target_layer, self._layout, images)
        if found is not None:
            self._capture, self._separate, self.method = found, None, "lrp"
        elif self.method == "auto":
            self.method = "gradcam"

    def _learn_shapes(self) -> None:
        """Grid, channels and kind of head."""
        images = self._trial_images()
        self._tap = FeatureTap(self._module, self._input(images))
        activations, logits = self._capture.forward(self._module, self._input(images))
        height, width = int(activations.shape[2]), int(activations.shape[3])
        if self.grid.shape != (height, width) or self.method == "lrp":  # patches lie side by side
            self.grid = CellGrid.even(height, width)
        self._scrambled = permutations(activations.shape[1], self._seed).to(self._device)
        self._choose_head(activations, logits)
        black = Question(0, -1, images[0], np.zeros((len(REGIONS), *self.grid.shape), np.float32))
        self._nothing = Explanation(
            **{name: value[:0] for name, value in vars(self._group([black], self.tuning)).items()}
        )

    def _choose_head(self, activations: Tensor, logits: Tensor) -> None:
        """Use the separate head, and its short form, only where they reproduce the model's own output."""
        separate, self._separate = self._separate, None
        if separate is None:
            return
        try:
            with torch.no_grad():
                alone = separate(activations.detach().clone())
        except Exception:  # tracing loses what a forward does around its modules, such as autocast
            return
        if not torch.allclose(alone, logits.detach(), rtol=1e-4, atol=1e-4):
            return
        self._head, self._separate = AnyHead(separate), separate
        tail = split_pooling(separate)
        if tail is None:
            return
        pooled = PooledHead(tail)
        short = pooled.output(activations.detach(), self._outputs, self.method)
        whole = output_from_graph(activations, logits, self.method)
        pairs = zip(vars(short).values(), vars(whole).values(), strict=True)
        if all(torch.allclose(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max())) for a, b in pairs):
            self._head = self._pooled = pooled

    def _input(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        x = normalise(images, self.preprocessing)
        if self._device.type == "cuda":
            x = x.pin_memory()  # else the copy could not run beside the computation
        return x.to(self._device, non_blocking=True)

    def direction_maps(
        self, images: Sequence[npt.NDArray[np.uint8]], directions: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Where in each image lies what raises the features along a direction.

        The gradient of that sum times the layer's activations: for a network that averages its layer over all places
        and has one linear layer behind, exactly the projection of each place's features on the direction.

        Parameters
        ----------
        images
            B, resized.
        directions
            (B, F) of the features.

        Returns
        -------
        (B, h, w) float32, signed.
        """
        if self._tap is None:
            raise RuntimeError("an explainer must be entered first")
        found = [np.zeros((0, *self.grid.shape), np.float32)]
        for start in range(0, len(images), GROUP):
            x = self._input(images[start : start + GROUP])
            self._tap.watch()
            activations, _ = self._capture.forward(self._module, x)
            features = self._tap.take(len(x))
            wanted = torch.from_numpy(directions[start : start + GROUP]).to(self._device)
            (gradient,) = torch.autograd.grad((features * wanted).sum(), activations)
            found.append((gradient * activations.detach()).sum(dim=1).float().cpu().numpy())
        return np.concatenate(found)

    def _run_network(
        self, images: Sequence[npt.NDArray[np.uint8]], size: int, *, bf16: bool
    ) -> tuple[Tensor, HeadOutput, Tensor]:
        """Activations (B, K, h, w), the head's output, in the order of the model's outputs, and features (B, F)."""
        tap = self._tap
        if tap is None:
            raise RuntimeError("an explainer must be entered first")
        layers, outputs, features = [], [], []
        for start in range(0, len(images), size):
            x = self._input(images[start : start + size])
            with torch.autocast(self._device.type, torch.bfloat16, enabled=bf16):
                if self._pooled is not None and isinstance(self._capture, TargetCapture):
                    layers.append(self._capture.activations(self._module, x).float())
                    continue
                tap.watch()
                activations, logits = self._capture.forward(self._module, x)
            features.append(tap.take(len(x)).detach())
            outputs.append(output_from_graph(activations, logits, self.method))
            layers.append(activations.detach().float())
        layer = torch.cat(layers)
        if self._pooled is not None:
            tap.watch()
            output = self._pooled.output(layer, self._outputs, self.method)
            return layer, output, tap.take(len(layer)).detach()
        return layer, concatenated(outputs), torch.cat(features)

    def _run_precisely(
        self, images: Sequence[npt.NDArray[np.uint8]], tuning: Tuning
    ) -> tuple[Tensor, HeadOutput, Tensor]:
        """The same; where bfloat16 leaves the two best classes too close, the image is run again in float32."""
        layer, output, features = self._run_network(images, tuning.batch_size, bf16=tuning.precision == "bf16")
        if tuning.margin > 0:
            best = output.logits.topk(2, dim=1).values
            close = torch.nonzero(best[:, 0] - best[:, 1] < tuning.margin)[:, 0]
            if len(close):
                exact, again, known = self._run_network(
                    [images[i] for i in close.tolist()], tuning.batch_size, bf16=False
                )
                layer[close], features[close] = exact, known
                output.logits[close], output.maps[close] = again.logits, again.maps
                output.weights[:, close] = again.weights
        return layer, output, features

    def _group(self, questions: Sequence[Question], tuning: Tuning) -> Explanation:
        layer, output, taken = self._run_precisely([q.image for q in questions], tuning)
        features = taken.cpu().numpy()
        scores, maps = output.logits[:, self._order], output.maps[:, self._order]  # (B, C), (B, C, h, w)
        if not bool(scores.isfinite().all()):
            raise BuildError("the model gives NaN or infinity for an image; check its preprocessing and its weights")
        if not self.probing:
            none = np.zeros((len(questions), 0), np.float32)
            return Explanation(scores.cpu().numpy(), maps.cpu().numpy(), none, none, none, none, features)
        labels = torch.tensor([q.label for q in questions], device=self._device)
        explained = torch.where(labels >= 0, labels, scores.argmax(dim=1))
        each = torch.arange(len(questions), device=self._device)
        masks = torch.from_numpy(np.stack([q.masks for q in questions])).to(self._device)  # (B, R, h, w)
        null = random_heads(output.weights[self._order][explained, each], layer, masks, self._scrambled)
        change = self._peaks(layer, maps[each, explained], questions)
        return Explanation(
            scores.cpu().numpy(), maps.cpu().numpy(), null.mass, null.share, change.peak, change.control, features
        )

    def _peaks(self, layer: Tensor, maps: Tensor, questions: Sequence[Question]) -> PeakChange:
        if self._head is None:
            unknown = np.full(len(questions), np.nan, np.float32)
            return PeakChange(unknown, unknown)
        return ablate_peaks(self._head, layer, maps, np.array([q.seed for q in questions], dtype=np.int64))
