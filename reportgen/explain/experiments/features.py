"""Features of changed photos: what a model's last linear layer is given, in place of what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.config import Config
from reportgen.explain.experiments.components import entered_explainer
from reportgen.explain.experiments.experiment import Experiment, Pictures, Pixels
from reportgen.explain.experiments.perform import are_known, perform
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress

if TYPE_CHECKING:
    from reportgen.explain.explainer import Explainer

__all__ = ["perform_with_features"]


def perform_with_features(
    experiment: Experiment,
    name: str,
    config: Config,
    test_set: TestSet,
    analysis: Analysis,
    progress: Progress,
    title: str,
) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
    """The design, and the features (m, F) of its pictures.

    Parameters
    ----------
    name
        Of the folder that holds them: the same pictures may have answers elsewhere.
    analysis
        With one model alone, which ends in a linear layer.

    Raises
    ------
    CheckpointError, ConfigError
        The model can no longer be used.
    """
    (model,) = analysis.models
    experiment = replace(experiment, name=name, depends=(*experiment.depends, "features"))
    with ExitStack() as stack:
        others = {}
        if not are_known(experiment, analysis):
            from reportgen.explain.workers import single_threaded  # torch takes seconds to load

            with single_threaded():
                others[model.slug] = _Featured(stack.enter_context(entered_explainer(config, analysis, model)))
        found = perform(experiment, config, test_set, analysis, progress, title, {}, others)[model.slug]
    return found.design, found.logits


class _Featured:
    """A model that answers with its features."""

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        # A GPU takes one batch at a time.
        self._turn = Lock() if explainer.on_gpu else nullcontext()

    def answers(self, shown: Mapping[bytes, Pixels], _pictures: Pictures) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """See `Answering`."""
        from reportgen.models.preprocessing import resize  # torch takes seconds to load

        with self._turn:
            found = self._explainer.features(
                [resize(picture, self._explainer.preprocessing) for picture in shown.values()]
            )
        return dict(zip(shown, found, strict=True))
