"""Bare forward passes over pictures that were made in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from reportgen.analysis import Analysis
from reportgen.config import Config
from reportgen.errors import BuildError
from reportgen.explain.capture import FeatureTap
from reportgen.explain.experiments.experiment import PictureJob, Pictures, Pixels, picture_digest
from reportgen.explain.fingerprints import model_hashes
from reportgen.explain.loading import load_model, own_device
from reportgen.explain.tuning import Tuning, read_tunings, tuning_key, usual_tuning
from reportgen.explain.workers import available_cores, worker_threads
from reportgen.models.head import split_head
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.preprocessing import normalise, resize
from reportgen.models.registry import LoadedModel, trial_images

__all__ = ["Answering", "Featured", "Forward", "load_forwards", "run_jobs"]


class Answering(Protocol):
    """What pictures are shown to."""

    def answers(self, shown: Mapping[bytes, Pixels], pictures: Pictures) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """Numbers of each picture by its digest, equally many: the logits, first of all."""


class Forward:
    """One model without hooks, but for one on its last layer where features are wanted.

    Parameters
    ----------
    model
        Taken over: optimised in place for `device`.
    order
        Index of the model's output for each class of the report.
    tuning
        Batch size and precision.
    passed
        (n, C) logits of the analysis's images.
    features
        (n, F) features of these images; None where the model has none, or none are wanted.
    """

    def __init__(
        self,
        model: LoadedModel,
        order: Sequence[int],
        device: torch.device,
        tuning: Tuning,
        passed: npt.NDArray[np.float32] | None = None,
        features: npt.NDArray[np.float32] | None = None,
    ) -> None:
        self._spec = model.preprocessing
        optimised = not model.forward_only
        self._module = (
            optimise_for_inference(model.module, model.target_layer, device, trial_images(model.preprocessing))
            if optimised
            else model.module
        )
        self._order = list(order)
        self._device = device
        self._bf16 = tuning.precision == "bf16"
        self._size = tuning.batch_size
        # In bfloat16 the pass ran some images again in float32, which experiments never do.
        self._passed = None if self._bf16 else passed
        self._answered: dict[bytes, npt.NDArray[np.float32]] = {}
        self._features = features
        self._featured: dict[bytes, npt.NDArray[np.float32]] = {}
        self._tap = None
        if features is not None:
            self._tap = FeatureTap(self._module, trial_images(self._spec).to(device))
        if self._bf16 and optimised and split_head(self._module, model.target_layer, model.layout) is not None:
            self._module.get_submodule(model.target_layer).register_forward_hook(self._rest_in_float32)
        # A GPU takes one batch at a time; on a processor every worker runs its own.
        self._turn = Lock() if device.type != "cpu" else nullcontext()

    def logits(self, pictures: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """(n, C) float32 of n pictures (H, W, 3) of any size.

        Raises
        ------
        BuildError
            The model gives NaN or infinity.
        """
        return self._shown(pictures, None)

    def _shown(self, pictures: Sequence[Pixels], tap: FeatureTap | None) -> npt.NDArray[np.float32]:
        """(n, C) logits, with a tap (n, C + F): the features behind them."""
        images = [resize(picture, self._spec) for picture in pictures]
        parts = [self._batch(images[i : i + self._size], tap) for i in range(0, len(images), self._size)]
        return np.concatenate(parts)

    def answers(self, shown: Mapping[bytes, Pixels], pictures: Pictures) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """(C,) logits of pictures by their digests; those are run that the model has seen neither in the pass nor here.

        Raises
        ------
        BuildError
            The model gives NaN or infinity.
        """
        return self._answer(shown, pictures, self._answered, None)

    def featured(self, shown: Mapping[bytes, Pixels], pictures: Pictures) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """(C + F,) logits and features of pictures by their digests; those are run whose features are not known yet.

        Raises
        ------
        BuildError
            The model gives NaN or infinity.
        """
        found = self._answer(shown, pictures, self._featured, self._tap)
        for digest in shown:
            self._answered.setdefault(digest, found[digest][: len(self._order)].copy())
        return found

    def _answer(
        self,
        shown: Mapping[bytes, Pixels],
        pictures: Pictures,
        kept: dict[bytes, npt.NDArray[np.float32]],
        tap: FeatureTap | None,
    ) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """What is kept, now with what is shown: from the pass or, where that did not see it, from the model; see
        `_shown` for what a tap adds.
        """
        new = {}
        for digest, picture in shown.items():
            row = None if digest in kept else pictures.row_of(digest)
            known = None if row is None else self._from_pass(row, pictures.original(row), picture)
            if known is not None:
                behind = [] if tap is None or self._features is None else [self._features[row]]
                kept[digest] = np.concatenate([known, *behind])
            elif digest not in kept:
                new[digest] = picture
        if new:
            several = list(new.values())
            kept.update(zip(new, self.logits(several) if tap is None else self._shown(several, tap), strict=True))
        return kept

    def _from_pass(self, row: int, original: Pixels, picture: Pixels) -> npt.NDArray[np.float32] | None:
        """(C,) logits of an unchanged picture of image `row`, if the model saw exactly this in the pass."""
        if self._passed is None:
            return None
        as_passed = resize(original, self._spec)
        return self._passed[row] if np.array_equal(as_passed, resize(picture, self._spec)) else None

    def _rest_in_float32(self, module: torch.nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        """Run the head in float32, as in the pass: it costs nothing, and experiments measure small differences.

        The surrounding autocast restores its own state on leaving.
        """
        torch.set_autocast_enabled(self._device.type, False)
        return output.float()

    def _batch(self, images: Sequence[Pixels], tap: FeatureTap | None) -> npt.NDArray[np.float32]:
        with self._turn, torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            if tap is not None:
                tap.watch()
            numbers = self._module(normalise(images, self._spec).to(self._device)).float()[:, self._order]
            if not bool(numbers.isfinite().all()):
                raise BuildError("the model gives NaN or infinity for a changed image; check its weights")
            if tap is not None:
                numbers = torch.cat([numbers, tap.take(len(images))], dim=1)
        return np.asarray(numbers.cpu().numpy(), dtype=np.float32)


class Featured:
    """A model that answers with its logits and, behind them, its features."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    def answers(self, shown: Mapping[bytes, Pixels], pictures: Pictures) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """See `Answering`."""
        return self._forward.featured(shown, pictures)


def load_forwards(
    config: Config, analysis: Analysis, slugs: Sequence[str], loaded: dict[str, Forward]
) -> dict[str, Forward]:
    """The analysis's models of these slugs, ready to run; from `loaded` where they are there, else put there."""
    device, _ = own_device(config)
    hashes, tunings = model_hashes(config, device.type), read_tunings(analysis.folder)
    for record in analysis.models:
        if record.slug in slugs and record.slug not in loaded:
            entry = config.models[record.name]
            ready = load_model(record.name, entry, analysis.classes, unsafe=config.unsafe_load, explained=False)
            tuning = tunings.get(tuning_key(hashes[record.name], config), usual_tuning(device.type))
            loaded[record.slug] = Forward(ready.model, ready.order, device, tuning, record.logits, record.features)
    return {record.slug: loaded[record.slug] for record in analysis.models if record.slug in slugs}


def run_jobs(
    forwards: Mapping[str, Answering],
    jobs: Sequence[PictureJob],
    pictures: Pictures,
    workers: int | None,
    advance: Callable[[int], None],
) -> dict[str, npt.NDArray[np.float32]]:
    """Make every job's pictures once and show them to every model that has not seen them.

    Returns
    -------
    dict
        (n, C) logits by slug, or what else was answered, in the order of the jobs, whatever the number of workers.
    """

    def work(job: PictureJob) -> dict[str, npt.NDArray[np.float32]]:
        made = job.make(pictures)
        if len(made) != job.count:
            raise AssertionError(f"a job made {len(made)} pictures, announced {job.count}")
        digests = [picture_digest(picture) for picture in made]
        shown = dict(zip(digests, made, strict=True))
        found = {slug: forward.answers(shown, pictures) for slug, forward in forwards.items()}
        return {slug: np.stack([answers[digest] for digest in digests]) for slug, answers in found.items()}

    parts: dict[str, list[npt.NDArray[np.float32]]] = {slug: [] for slug in forwards}
    with worker_threads(workers or available_cores()) as pool:
        # Only logits come back, a few numbers per picture, so the workers need not be slowed down.
        for job, answers in zip(jobs, pool.map(work, jobs), strict=True):
            for slug, logits in answers.items():
                parts[slug].append(logits)
            advance(job.count)
    return {slug: np.concatenate(each) for slug, each in parts.items() if each}
