"""Components of a model's last features: the weights, where a component lies, and photos with it cut out or pasted.

What is kept on disk is as for every experiment: a second build loads no model for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reportgen.analysis import Analysis, ModelRecords, content_hash
from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.config import Config
from reportgen.explain.experiments.experiment import Experiment, PictureJob, Pictures, Pixels, needs_baseline
from reportgen.explain.fingerprints import code_hash, model_hashes
from reportgen.explain.tuning import read_tunings, tuning_key, usual_tuning
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.shards import PartStore, array_column

if TYPE_CHECKING:
    from reportgen.explain.explainer import Explainer

__all__ = [
    "Patches",
    "component_maps",
    "entered_explainer",
    "keep_last_weights",
    "last_weights",
    "patch_experiment",
    "soft_mask",
]

_KEY_DIGITS = 16
_PICTURES = 20  # made together in one job


class Patches(Protocol):
    """What is cut out of which photos, and pasted where: see `evidence.shortcuts.components.PatchPlan`."""

    @property
    def sources(self) -> tuple[int, ...]:
        """(s,) rows of the analysis."""

    @property
    def cut(self) -> npt.NDArray[np.bool_]:
        """(s, h, w) cells that are cut out of each."""

    @property
    def control(self) -> npt.NDArray[np.bool_]:
        """(s, h, w) cells to compare with; none where there is no such place."""

    @property
    def receivers(self) -> tuple[int, ...]:
        """(r,) rows."""

    @property
    def given(self) -> tuple[int, ...]:
        """(r,) which source each receives from."""

    @property
    def low(self) -> tuple[int, ...]:
        """(r,) row of the photo whose same place is pasted for comparison; none where nothing is compared."""

    @property
    def reference(self) -> tuple[int, ...]:
        """Rows whose median fills what is cut out."""


def last_weights(config: Config, analysis: Analysis, progress: Progress) -> dict[str, npt.NDArray[np.float32]]:
    """(C, F) weights of each model's last linear layer by slug, for models whose features were recorded.

    Raises
    ------
    CheckpointError, ConfigError
        A model can no longer be used.
    """
    found: dict[str, npt.NDArray[np.float32]] = {}
    for model in analysis.models:
        if model.features is None:
            continue
        store, key = _weights_part(analysis.folder, model.slug, model.info["parts"])
        if not store.has(0, key):  # an analysis that was made elsewhere
            title = f"Reading {model.name}'s last layer"
            with progress.stage(title), entered_explainer(config, analysis, model) as explainer:
                keep_last_weights(analysis.folder, model.slug, model.info["parts"], explainer.last_weights)
        store.prune([key])
        found[model.slug] = store.rows([key], ["weights"])["weights"]
    return found


def keep_last_weights(folder: Path, slug: str, parts: Sequence[str], weights: npt.NDArray[np.float32]) -> None:
    """Put a model's weights (C, F) beside its records, whose parts they are kept for; F may be 0."""
    store, key = _weights_part(folder, slug, parts)
    if weights.shape[1] and not store.has(0, key):
        store.write(0, key, pa.table({"weights": array_column(weights)}))


def _weights_part(folder: Path, slug: str, parts: Sequence[str]) -> tuple[PartStore, str]:
    return PartStore(folder / "experiments" / "last-weights" / slug), content_hash(*parts)[:_KEY_DIGITS]


def component_maps(
    config: Config,
    analysis: Analysis,
    test_set: TestSet,
    model: ModelRecords,
    wanted: Sequence[tuple[Sequence[int], npt.NDArray[np.float32]]],
    progress: Progress,
    name: str = "component-maps",
) -> list[npt.NDArray[np.float32]]:
    """Where in each photo lies what raises a model's features along a direction.

    Parameters
    ----------
    wanted
        Rows of the analysis and a direction (F,) of the features, component by component.
    name
        Of the folder that keeps them, which holds the maps of one list of components.

    Returns
    -------
    list
        (rows, h, w) signed maps of each component.

    Raises
    ------
    CheckpointError, ConfigError
        The model can no longer be used.
    """
    rows = [row for part, _ in wanted for row in part]
    if not rows:
        return []
    directions = np.concatenate([np.repeat(direction[None], len(part), axis=0) for part, direction in wanted])
    store = PartStore(analysis.folder / "experiments" / name / model.slug)
    key = content_hash(*model.info["parts"], repr(rows), directions.astype(np.float16).tobytes())[:_KEY_DIGITS]
    if not store.has(0, key):
        from reportgen.models.preprocessing import resize  # torch takes seconds to load

        pictures = Pictures(test_set, analysis.images["row"].tolist(), 1)
        with (
            progress.stage(f"Locating components of {model.name}", len(rows)) as step,
            entered_explainer(config, analysis, model) as explainer,
        ):
            parts = []
            for start in range(0, len(rows), _PICTURES):
                here = slice(start, start + _PICTURES)
                images = [resize(pictures.original(row), explainer.preprocessing) for row in rows[here]]
                parts.append(explainer.direction_maps(images, directions[here]))
                step.advance(len(images))
        store.write(0, key, pa.table({"maps": array_column(np.concatenate(parts))}))
    store.prune([key])
    maps = store.rows([key], ["maps"])["maps"].reshape(len(rows), *model.grid.shape)
    return np.split(maps, np.cumsum([len(part) for part, _ in wanted])[:-1])


def entered_explainer(config: Config, analysis: Analysis, model: ModelRecords) -> Explainer:
    """The model's explainer, to be entered."""
    from reportgen.explain.explainer import Explainer  # torch takes seconds to load
    from reportgen.explain.loading import load_model, own_device

    device, _ = own_device(config)
    hashes, tunings = model_hashes(config, device.type), read_tunings(analysis.folder)
    ready = load_model(model.name, config.models[model.name], analysis.classes, unsafe=config.unsafe_load)
    tuning = tunings.get(tuning_key(hashes[model.name], config), usual_tuning(device.type))
    return Explainer(ready.model, ready.order, config.method, device, tuning, config.seed, probing=False)


def patch_experiment(
    analysis: Analysis, model: ModelRecords, plans: Mapping[int, Patches], name: str = "components"
) -> Experiment | None:
    """The pictures of one model's components; None where none is tested.

    Parameters
    ----------
    analysis
        With this model alone: other models have components of their own.
    plans
        By component's number in the model's list. One without places to compare with has no such pictures.
    name
        Of the experiment.

    Returns
    -------
    Experiment
        Its design has the columns `component`, `shown` ("filled", "control", "pasted", "pasted low", or "unchanged"
        where the size asks for a baseline of its own), `place` (of the source or receiver in its plan, -1 without) and
        `image` (row of the analysis).
    """
    rows: list[tuple[int, str, int, int]] = []
    jobs: list[PictureJob] = []

    def unchanged(chosen: Sequence[int], pictures: Pictures) -> list[Pixels]:
        return [pictures[row] for row in chosen]

    compared = any(plan.low for plan in plans.values())
    if compared and needs_baseline(analysis):
        every = sorted({row for plan in plans.values() for row in (*plan.sources, *plan.receivers)})
        rows += [(-1, "unchanged", -1, row) for row in every]
        for start in range(0, len(every), _PICTURES):
            part = every[start : start + _PICTURES]
            jobs.append(PictureJob(len(part), partial(unchanged, part)))
    for number, plan in plans.items():
        cuts = [
            (number, what, place, row)
            for place, row in enumerate(plan.sources)
            for what in ("filled", "control")
            if what == "filled" or plan.control[place].any()
        ]
        pasted = [(number, what, place, row) for place, row in enumerate(plan.receivers)
                  for what in ("pasted", "pasted low") if what == "pasted" or plan.low]  # fmt: skip
        rows += [*cuts, *pasted]
        for made, pictures in ((_fill, cuts), (_paste, pasted)):
            for start in range(0, len(pictures), _PICTURES):
                chosen = pictures[start : start + _PICTURES]
                jobs.append(PictureJob(len(chosen), partial(made, chosen, plan, model.grid)))
    if not rows:
        return None
    design = pd.DataFrame(rows, columns=["component", "shown", "place", "image"])
    depends = [repr(model.grid), code_hash("explain/experiments/components.py")]
    for plan in plans.values():
        depends += [repr((plan.given, plan.low, plan.reference)), np.packbits(plan.cut).tobytes().hex(),
                    np.packbits(plan.control).tobytes().hex()]  # fmt: skip
    return Experiment(name, design, jobs, depends, features=True)


def _fill(rows: Sequence[tuple[int, str, int, int]], plan: Patches, grid: CellGrid, pictures: Pictures) -> list[Pixels]:
    usual = np.median(np.stack([pictures[row] for row in plan.reference]), axis=0)
    made = []
    for _, what, place, row in rows:
        cells = (plan.cut if what == "filled" else plan.control)[place]
        made.append(_laid_over(pictures[row], usual, soft_mask(cells, grid, pictures.size)))
    return made


def _paste(
    rows: Sequence[tuple[int, str, int, int]], plan: Patches, grid: CellGrid, pictures: Pictures
) -> list[Pixels]:
    made = []
    for _, what, place, row in rows:
        source = plan.given[place]
        giver = plan.sources[source] if what == "pasted" else plan.low[place]
        mask = soft_mask(plan.cut[source], grid, pictures.size)
        made.append(_laid_over(pictures[row], pictures[giver].astype(np.float64), mask))
    return made


def _laid_over(picture: Pixels, other: npt.NDArray[np.float64], mask: npt.NDArray[np.float64]) -> Pixels:
    weight = mask[..., None]
    return np.asarray(np.rint(picture * (1.0 - weight) + other * weight), dtype=np.uint8)


def soft_mask(cells: npt.NDArray[np.bool_], grid: CellGrid, side: int) -> npt.NDArray[np.float64]:
    """(side, side) 0..1 of (h, w) cells: 1 inside, falling to 0 a third of a cell beyond their edge, without a seam."""
    tall, wide = (_shares(axis, side) for axis in (grid.rows, grid.columns))
    # Between the centres of a chosen cell and its neighbour the share falls from 1 to 0, and is one half at the edge.
    return np.asarray(np.clip(2.0 * (tall @ cells.astype(np.float64) @ wide.T) - 0.25, 0.0, 1.0))


def _shares(axis: CellAxis, side: int) -> npt.NDArray[np.float64]:
    """(side, cells) how much each pixel takes from each cell."""
    at = np.clip(axis.positions((np.arange(side) + 0.5) / side), 0, axis.count - 1)
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(axis.count))))
