"""What a site is made from: the analysis and everything that was concluded from it, in one bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reportgen.analysis import Analysis, AnalysisAnswers
from reportgen.evidence.attention.dictionary import DICTIONARY
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.attention.map_similarity import MapAgreement
from reportgen.evidence.certificate import Certificate
from reportgen.evidence.data_notes import DataNote
from reportgen.evidence.errors.reasons import ReasonFindings
from reportgen.evidence.errors.tables import REASON_DICTIONARY
from reportgen.evidence.examples.map_agreement import AGREEMENT_DICTIONARY, agreement_tables
from reportgen.evidence.examples.mining import Mined
from reportgen.evidence.importance.findings import IMPORTANCE_DICTIONARY, ImportanceFindings
from reportgen.evidence.performance.class_order import PermutedOrder
from reportgen.evidence.performance.model_comparison import Comparison
from reportgen.evidence.performance.scores import ModelScores
from reportgen.evidence.shortcuts.dictionary import SHORTCUT_DICTIONARY
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.evidence.tables import Dictionary, Tables

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
    privacy
        How faces and names are hidden: "none", or "blur" or "outline" once
        `reportgen.site.bundle.privacy.protect` did it.
    agreements
        Whether the models' answers rest on the same places, pair by pair as in `comparisons`; empty without labels.
    reasons
        Why images were misclassified; None without labels.
    certificate
        How often verdicts like these were found to be right; None where the package carries no such measurement.
    judging_code
        Version of the code that made this report's verdicts, to be held against the certificate's.
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
    use: ImportanceFindings | None = None
    shortcuts: ShortcutFindings | None = None
    privacy: Literal["none", "blur", "outline"] = "none"
    agreements: tuple[MapAgreement, ...] = ()
    reasons: ReasonFindings | None = None
    certificate: Certificate | None = None
    judging_code: str = ""
    answers: AnalysisAnswers | None = None

    @property
    def everything(self) -> AnalysisAnswers:
        """All images and what the models answered."""
        return self.analysis if self.answers is None else self.answers

    @property
    def sampled(self) -> bool:
        """Whether only some of the images are looked at closely."""
        return len(self.everything.images) > len(self.analysis.images)

    @property
    def tables(self) -> tuple[tuple[Tables, Dictionary], ...]:
        """Everything that was found as tidy tables, with the meaning of their columns."""
        found: list[tuple[Tables, Dictionary]] = []
        if self.attention is not None:
            found.append((self.attention.tables, DICTIONARY))
        if self.use is not None:
            found.append((self.use.tables, IMPORTANCE_DICTIONARY))
        if self.shortcuts is not None:
            found.append((self.shortcuts.tables, SHORTCUT_DICTIONARY))
        if self.agreements:
            found.append((agreement_tables(self.agreements), AGREEMENT_DICTIONARY))
        if self.reasons is not None:
            found.append((self.reasons.tables, REASON_DICTIONARY))
        return tuple(found)
