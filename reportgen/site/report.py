"""What a site is made from: the analysis and everything that was concluded from it, in one bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import Analysis, AnalysisAnswers
from reportgen.evidence.agreement import Comparison
from reportgen.evidence.class_order import PermutedOrder
from reportgen.evidence.data_notes import DataNote
from reportgen.evidence.judge import AttentionFindings
from reportgen.evidence.mining import Mined
from reportgen.evidence.scores import ModelScores
from reportgen.evidence.shortcuts import ShortcutFindings
from reportgen.evidence.use_case import UseFindings

__all__ = ["DataNote", "Report"]


@dataclass(frozen=True)
class Report:
    """The input of `publish`.

    Attributes
    ----------
    analysis
        The images that are looked at closely: heatmaps, examples, explorer.
    answers
        All images, for scores, counts and the table of predictions; None where `analysis` has them all.
    scores, class_orders
        One entry per model, in the order of the analysis.
    comparisons
        All pairs of models, in the order of the analysis.
    load_image
        Decoded original of one row of the analysis, (H, W, 3) uint8; called once per image, from several threads.
    data_notes
        What a survey of the test set found.
    attention
        Where the heatmaps lie, measured, its models in the order of the analysis; None without regions or labels.
    use
        What the models use of what they look at; None like `attention`.
    shortcuts
        What gives labels away beside the face, and which model uses it; None where that was not looked for.
    command
        The command line that makes this report again, without absolute paths; None where there was none.
    """

    analysis: Analysis
    scores: tuple[ModelScores, ...]
    comparisons: tuple[Comparison, ...]
    mined: Mined
    class_orders: tuple[PermutedOrder | None, ...]
    load_image: Callable[[int], npt.NDArray[np.uint8]]
    data_notes: tuple[DataNote, ...] = ()
    command: str | None = None
    attention: AttentionFindings | None = None
    use: UseFindings | None = None
    shortcuts: ShortcutFindings | None = None
    answers: AnalysisAnswers | None = None

    @property
    def everything(self) -> AnalysisAnswers:
        """All images and what the models answered."""
        return self.analysis if self.answers is None else self.answers

    @property
    def sampled(self) -> bool:
        """Whether only some of the images are looked at closely."""
        return len(self.everything.images) > len(self.analysis.images)
