"""What a site is made from: the analysis and everything that was concluded from it, with the names to look it up by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from typing import Literal

import numpy as np
import numpy.typing as npt

from reportgen.analysis import Analysis, AnalysisPredictions, ModelRecords
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.attention.map_similarity import MapAgreement
from reportgen.evidence.certificate import Certificate
from reportgen.evidence.damage import Damage, DamageKind, rank_damages
from reportgen.evidence.errors.flips import FlipFindings
from reportgen.evidence.errors.reasons import ReasonFindings
from reportgen.evidence.examples.mining import Mined
from reportgen.evidence.groups.judging import GroupFindings
from reportgen.evidence.importance.contamination import Contamination, contaminations
from reportgen.evidence.importance.findings import ImportanceFindings
from reportgen.evidence.performance.corrected_labels import CorrectedLabels
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.model_comparison import Comparison
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.performance.recalibration import Recalibration
from reportgen.evidence.performance.scores import ModelScores
from reportgen.evidence.performance.stated_accuracy import StatedAccuracy
from reportgen.evidence.performance.votes import ImageVotes, VoteFindings
from reportgen.evidence.proofs import ProofLine, find_proofs
from reportgen.evidence.reliability import ModelTrust, judge_trust
from reportgen.evidence.robustness.findings import RobustnessFindings
from reportgen.evidence.shortcuts.components import ComponentFindings
from reportgen.evidence.shortcuts.cue_places import PlaceFindings
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.evidence.shortcuts.marks import MarkFindings
from reportgen.evidence.shortcuts.properties import Property, photo_properties
from reportgen.evidence.shortcuts.repair import RepairFindings
from reportgen.site.attention import Attention
from reportgen.site.stated import StatementLog

__all__ = ["UNLABELLED", "DataNote", "Report", "base_name"]

UNLABELLED = "no label"

_METHODS = {
    "ablation": "Ablation",
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "lrp": "LRP",
    "xgradcam": "XGrad-CAM",
}


@dataclass(frozen=True)
class DataNote:
    """One remark.

    Attributes
    ----------
    title
        A few words: "Persons seen in training".
    text
        One or two sentences with the numbers.
    items
        Names it concerns (as in the test set, never absolute paths).
    serious
        Whether it changes how the results are to be read.
    """

    title: str
    text: str
    items: tuple[str, ...] = ()
    serious: bool = False


@dataclass(frozen=True)
class Report:
    """The input of `publish`.

    Attributes
    ----------
    analysis
        The images that are looked at closely: heatmaps, examples, explorer.
    predictions
        All images, for scores, counts and the table of predictions; None where `analysis` has them all.
    scores, class_orders
        One entry per model, in the order of the analysis.
    comparisons
        All pairs of models, in the order of the analysis.
    load_image
        Decoded original of one row of the analysis, (H, W, 3) uint8; called once per image, from several threads.
    stated_accuracies
        By model, the accuracies that its checkpoint states beside the one found; empty without labels.
    data_notes
        What a survey of the test set found.
    attention
        Where the heatmaps lie, measured, its models in the order of the analysis; None without regions or labels.
    importance
        How important each region is to the models; None like `attention`.
    shortcuts
        Which properties beside the face predict labels, and which model depends on them; None if not tested.
    components
        What raises each emotion's logit in the models' last features; None without labels or experiments.
    marks
        What the photos of one emotion show at one place or as a pattern, and which model relies on it; None likewise.
    places
        In which region the properties are used that shortcuts rest on; None where that was not asked.
    robustness
        What blur, noise, covered regions and other changes cost; None where that was not asked.
    privacy
        How faces and names are hidden: "none", or "blur" or "outline" once
        `reportgen.site.bundle.privacy.protect` did it.
    agreements
        Whether the models' predictions rest on the same places, pair by pair as in `comparisons`; empty without labels.
    reasons
        Why images were misclassified; None without labels.
    flips
        The fewest regions of other faces that change predictions; None where this was not looked for.
    repairs
        What fitting the last layer again would bring against proven cues; None where it was not previewed.
    certificate
        How often verdicts like these were found to be right; None where the package carries no such measurement.
    judging_code
        Version of the code that made this report's verdicts, to be held against the certificate's.
    seed
        Of everything drawn at random.
    experiments
        Whether the models were run on changed images.
    leakages
        Per model, accuracy on persons and files that it was trained on and on others; empty where that is not known.
    corrected
        What labels that people corrected change; None where none were.
    rater_votes
        What several people's votes for the same images show; None where the test set holds none.
    recalibrations
        By model, what scaling its logits would bring, in the order of the analysis; None where that was not asked.
    groups
        Scores by groups of photos; None where they were not compared.
    trained_on
        (n,) of the images looked at closely: 1 where the person or the file is in the training data, 0 where not, NaN
        where that is not known; None where nothing is.
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
    stated_accuracies: tuple[tuple[StatedAccuracy, ...], ...] = ()
    command: str | None = None
    attention: AttentionFindings | None = None
    importance: ImportanceFindings | None = None
    shortcuts: ShortcutFindings | None = None
    components: ComponentFindings | None = None
    marks: MarkFindings | None = None
    places: PlaceFindings | None = None
    robustness: RobustnessFindings | None = None
    privacy: Literal["none", "blur", "outline"] = "none"
    agreements: tuple[MapAgreement, ...] = ()
    reasons: ReasonFindings | None = None
    flips: FlipFindings | None = None
    repairs: RepairFindings | None = None
    certificate: Certificate | None = None
    judging_code: str = ""
    predictions: AnalysisPredictions | None = None
    seed: int = 0
    experiments: bool = True
    leakages: tuple[Leakage, ...] = ()
    corrected: CorrectedLabels | None = None
    rater_votes: VoteFindings | None = None
    recalibrations: tuple[Recalibration | None, ...] = ()
    groups: GroupFindings | None = None
    trained_on: npt.NDArray[np.float64] | None = None

    @property
    def everything(self) -> AnalysisPredictions:
        """All images and predictions."""
        return self.analysis if self.predictions is None else self.predictions

    @property
    def sampled(self) -> bool:
        """Whether only some of the images are looked at closely."""
        return len(self.everything.images) > len(self.analysis.images)

    @property
    def models(self) -> tuple[ModelRecords, ...]:
        """The models' records of the images that are looked at closely."""
        return self.analysis.models

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the emotions, in the models' order."""
        return self.analysis.classes

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(n,) true labels of the images that are looked at closely, -1 where there is none."""
        return self.analysis.labels

    @cached_property
    def ids(self) -> list[str]:
        """The id of every row."""
        return [str(value) for value in self.analysis.images["image_id"]]

    @cached_property
    def names(self) -> list[str]:
        """The file name of every row, without folders."""
        return [base_name(path) for path in self.analysis.images["path"].tolist()]

    @cached_property
    def regions(self) -> Attention | None:
        """What was measured about regions, by model, emotion and region; None where nothing was."""
        return Attention(self.attention) if self.attention is not None else None

    @cached_property
    def contaminated(self) -> Mapping[tuple[str, str], Contamination]:
        """By model and emotion, the cues that the model was shown to rely on instead of the face."""
        backgrounds = () if self.importance is None else self.importance.backgrounds
        return contaminations(self.classes, self.shortcuts, backgrounds, self.components, self.marks)

    @cached_property
    def damages(self) -> tuple[Damage, ...]:
        """All that was proved against the models, the largest damage first."""
        return rank_damages(self.analysis, self.contaminated, self.class_orders, self.leakages, self.groups)

    @cached_property
    def tested(self) -> Mapping[DamageKind, tuple[str, ...]]:
        """By kind of damage, the models that were tested for it, whatever came out."""
        names = tuple(model.name for model in self.models)
        changed = names if self.experiments and self.labelled else ()
        components, importance, groups = self.components, self.importance, self.groups
        swapped = {
            one.model
            for one in (() if importance is None else importance.backgrounds)
            if one.state not in ("cannot be tested", "not tested")
        }
        return {
            "class order": names if self.labelled else (),
            "leakage": tuple(leakage.model for leakage in self.leakages),
            "property": () if self.shortcuts is None else changed,
            "background": tuple(name for name in names if name in swapped),
            "component": () if components is None else tuple(n for n in names if n not in components.missing),
            "mark": () if self.marks is None else changed,
            "group": () if groups is None else groups.compared,
        }

    @cached_property
    def proofs(self) -> tuple[ProofLine, ...]:
        """What was proven against each model, and what was not tested."""
        return find_proofs([model.name for model in self.models], self.damages, self.tested)

    @cached_property
    def trust(self) -> tuple[ModelTrust, ...]:
        """Which predictions can be trusted, model by model."""
        grades = {} if self.importance is None else {grade.model: grade.grade for grade in self.importance.grades}
        leakages = {leakage.model: leakage for leakage in self.leakages}
        return tuple(
            judge_trust(
                score,
                {emotion for model, emotion in self.contaminated if model == score.name},
                permuted=order is not None,
                leakage=leakages.get(score.name),
                grade=grades.get(score.name, ""),
            )
            for score, order in zip(self.scores, self.class_orders, strict=True)
        )

    @cached_property
    def stated(self) -> StatementLog:
        """What its pages state, once they are made."""
        return StatementLog()

    @cached_property
    def properties(self) -> tuple[Property, ...]:
        """The properties of all photos, in the order of the analysis."""
        return photo_properties(self.analysis.images, self.analysis.faces)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The name of each model's heatmap method as papers write it."""
        names = [str(model.info.get("method", "gradcam")) for model in self.models]
        return tuple(_METHODS.get(name, name) for name in names)

    @cached_property
    def names_persons(self) -> bool:
        """Whether it is known who is in the images, so that intervals count persons."""
        return bool(self.everything.images["person"].notna().any())

    @cached_property
    def method(self) -> str:
        """The same of all models together: "Grad-CAM", or "Grad-CAM and Ablation"."""
        return " and ".join(dict.fromkeys(self.methods)) or _METHODS["gradcam"]

    def ablated(self, model: int) -> bool:
        """Whether a model's heatmaps are made by hiding places, because none of its layers is known."""
        return bool(self.models[model].info.get("method") == "ablation")

    def follows_patches(self, model: int) -> bool:
        """Whether a model's heatmaps follow its prediction back to a transformer's patches, by LRP."""
        return bool(self.models[model].info.get("method") == "lrp")

    @cached_property
    def image_votes(self) -> ImageVotes | None:
        """The votes for each image that is looked at closely, in the order of the analysis; None without votes."""
        if self.rater_votes is None or self.predictions is None:
            return None if self.rater_votes is None else self.rater_votes.votes
        every, close = (images["row"].to_numpy() for images in (self.everything.images, self.analysis.images))
        return self.rater_votes.votes.subset(np.searchsorted(every, close))

    @cached_property
    def labelled(self) -> int:
        """How many images have a label."""
        return int((self.everything.labels >= 0).sum())

    def truth(self, row: int) -> str:
        """The true label of a row in words."""
        return self.classes[self.labels[row]] if self.labels[row] >= 0 else UNLABELLED

    def images_of(self, emotion: int) -> int:
        """How many images have this label."""
        return int((self.everything.labels == emotion).sum())

    def close_images_of(self, emotion: int) -> int:
        """How many of them are looked at closely."""
        return int((self.labels == emotion).sum())

    def pair_models(self, index: int) -> tuple[int, int]:
        """Positions of the two models of pair `index`."""
        comparison, names = self.comparisons[index], [model.name for model in self.models]
        return names.index(comparison.a), names.index(comparison.b)

    def null_maps(self, model: int) -> npt.NDArray[np.bool_]:
        """(n,) maps of the true label without evidence: no more than the random head gives, where that was run."""
        if self.attention is not None:
            return np.asarray(self.attention.measures[model].own.null_map)
        maps = self.models[model].maps[np.arange(len(self.labels)), np.maximum(self.labels, 0)]
        return np.asarray(~(maps.max(axis=(1, 2)) > 0))


def base_name(path: str) -> str:
    """The file's own name; where it lay on someone's disk is private. Either separator."""
    return PureWindowsPath(PurePosixPath(path).name).name
