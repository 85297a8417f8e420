"""What evidence asks of the models: changed images are chosen, shown, and the answers measured.

Which errors are worth changing is known only once the records are judged, so this loop between `evidence` and `explain`
is the one place where the program does not go straight from images to pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.config import Config
from reportgen.evidence.errors.flips import BUDGETS as FLIP_BUDGETS
from reportgen.evidence.errors.flips import FlipFindings, FlipSearch, choose_flips, judge_flips
from reportgen.evidence.errors.occlusions import Occlusions, choose_occlusions, measure_occlusions
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors, choose_shortcut_errors, measure_shortcut_errors
from reportgen.evidence.importance.findings import (
    ImportanceFindings,
    background_cues_wanted,
    faces_without_cue,
    person_names,
    untestable_faces,
)
from reportgen.evidence.robustness.findings import RobustnessFindings, judge_robustness
from reportgen.evidence.robustness.importance import ImportanceMove, choose_swaps, importance_moves
from reportgen.evidence.robustness.plan import BUDGETS, choose_strongest, choose_weaker, maps_wanted
from reportgen.evidence.shortcuts.added_cues import called_for, choose_cues
from reportgen.evidence.shortcuts.components import (
    MOST_TESTED,
    Component,
    ComponentFindings,
    PatchPlan,
    choose_patches,
    choose_spread,
    find_components,
    judge_components,
    locate,
    spread_patches,
)
from reportgen.evidence.shortcuts.cue_places import PlaceFindings, choose_places, judge_places
from reportgen.evidence.shortcuts.marks import MarkFindings, choose_looks, find_marks, judge_marks
from reportgen.evidence.shortcuts.properties import associations, photo_properties
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.explain.experiments.added_cues import cue_experiment
from reportgen.explain.experiments.components import component_maps, last_weights, patch_experiment
from reportgen.explain.experiments.cue_places import place_experiment
from reportgen.explain.experiments.experiment import Experiment, needs_baseline, working_size
from reportgen.explain.experiments.flips import flip_experiment
from reportgen.explain.experiments.interventions import intervention_experiment, shortcut_error_experiment
from reportgen.explain.experiments.marks import mark_experiment, read_looks
from reportgen.explain.experiments.occlusions import occlusion_experiment
from reportgen.explain.experiments.perform import ExperimentAnswers as ModelAnswers
from reportgen.explain.experiments.perform import perform
from reportgen.explain.experiments.robustness import perform_with_maps, robustness_experiment
from reportgen.explain.experiments.transplants import (
    background_cue_experiment,
    changed_swap_experiment,
    transplant_experiment,
    without_cue_experiment,
)
from reportgen.inputs.images.changes import AddedCue
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.site.report import Report

if TYPE_CHECKING:
    from reportgen.explain.experiments.forward import Forward

__all__ = ["CueAnswers", "ExperimentAnswers", "Experiments"]

ExperimentAnswers = Mapping[str, tuple[pd.DataFrame, npt.NDArray[np.float32]]]
"""By model's slug, one row per changed image: the design, and the logits (n, C). Empty where none were shown."""


@dataclass(frozen=True)
class CueAnswers:
    """Both directions: properties taken away, and `cues` put into other photos."""

    removed: ExperimentAnswers
    cues: tuple[AddedCue, ...]
    added: ExperimentAnswers


@dataclass(frozen=True)
class Experiments:
    """The experiments of one build; with `experiments = "off"` none is made.

    Every method may raise a `CheckpointError` or a `ConfigError` where a model can no longer be loaded, and a
    `BuildError` where one gives NaN or infinity.
    """

    analysis: Analysis
    test_set: TestSet
    config: Config
    progress: Progress
    loaded: dict[str, Forward] = field(default_factory=dict, repr=False)
    """The models that were needed so far, by slug; each is loaded once."""
    featured: dict[str, dict[str, ModelAnswers]] = field(default_factory=dict, repr=False)
    """By slug and name of the experiment, answers with features so far."""

    def transplants(self, report: Report) -> ExperimentAnswers:
        """The models' answers to faces with regions of other faces, where these can tell anything of a model."""
        budget, seed = self.config.experiments, self.config.seed
        if budget == "off":
            return {}
        experiment = transplant_experiment(
            self.analysis, budget, seed, untestable_faces(self.analysis, report.contaminated)
        )
        answers = self._answers(experiment, "Transplanting regions")
        design = next((design for design, _ in answers.values()), None)
        if design is None:
            return answers
        wanted = background_cues_wanted(self.analysis, answers, seed)
        more = background_cue_experiment(self.analysis, design, wanted)
        return _joined(answers, self._answers(more, "Changing backgrounds"))

    def without_cues(self, report: Report) -> ExperimentAnswers:
        """The models' answers to swaps between faces without the cues that were proved."""
        budget, seed = self.config.experiments, self.config.seed
        if budget == "off" or report.importance is None or report.shortcuts is None:
            return {}
        only: dict[int, npt.NDArray[np.int64]] = {}
        for model in self.analysis.models:
            clean = faces_without_cue(self.analysis, report.shortcuts, report.contaminated, model)
            for emotion, rows in clean.items():
                # Models may rely on different cues: what lacks all of them serves all.
                only[emotion] = np.intersect1d(only.get(emotion, rows), rows)
        if not only:
            return {}
        experiment = without_cue_experiment(self.analysis, budget, seed, only)
        return self._answers(experiment, "Transplanting without shortcuts")

    def interventions(self) -> CueAnswers:
        """The models' answers to photos with a property removed, such as colour, and to others with it put in."""
        budget, seed = self.config.experiments, self.config.seed
        if budget == "off":
            return CueAnswers({}, (), {})
        analysis = self.analysis
        properties = photo_properties(analysis.images, analysis.faces)
        group = clusters(units_of(analysis.images), len(analysis.labels))
        links = associations(properties, analysis.labels, analysis.classes, group)
        removed = intervention_experiment(analysis, budget, seed, called_for(links))
        cues = choose_cues(properties, links, analysis.labels, analysis.classes, budget, seed)
        return CueAnswers(
            self._answers(removed, "Removing properties"),
            cues,
            self._answers(cue_experiment(analysis, cues, seed), "Adding properties"),
        )

    def components(self) -> ComponentFindings | None:
        """Directions of each model's last features, where they lie, and what cutting and pasting them does."""
        analysis, config, seed = self.analysis, self.config, self.config.seed
        if config.experiments == "off" or not (analysis.labels >= 0).any():
            return None
        properties = photo_properties(analysis.images, analysis.faces)
        weights = last_weights(config, analysis, self.progress)
        located: dict[str, list[Component]] = {}
        plans: dict[str, dict[int, PatchPlan]] = {}
        shown: dict[str, tuple[pd.DataFrame, npt.NDArray[np.float32]]] = {}
        for model in analysis.models:
            found = find_components(model, weights[model.slug], analysis, seed) if model.slug in weights else ()
            wanted = [((*component.top, *component.reference), component.direction) for component in found]
            maps = component_maps(config, analysis, self.test_set, model, wanted, self.progress)
            placed = [locate(c, own, model, analysis, properties) for c, own in zip(found, maps, strict=True)]
            located[model.slug], plans[model.slug] = placed, {}
            for k in sorted(range(len(placed)), key=lambda k: -placed[k].beside):
                plan = choose_patches(placed[k], model, analysis, seed)
                if plan is not None and len(plans[model.slug]) < MOST_TESTED:
                    plans[model.slug][k] = plan
            alone = replace(analysis, models=(model,))
            experiment = patch_experiment(alone, model, plans[model.slug])
            if experiment is not None:
                title = f"Cutting and pasting components of {model.name}"
                shown |= self._answers(experiment, title, alone)
        missing = [model.name for model in analysis.models if model.slug not in weights]
        return judge_components(analysis, located, plans, shown, missing, seed)

    def spread_component(self, model: ModelRecords, component: Component, most: tuple[int, int]) -> ModelAnswers | None:
        """Cut a component out of more photos of its emotion and paste it into more others; None where it is hot beside
        no face.

        Parameters
        ----------
        model
            Its records of this analysis; the component may have been found in another.
        most
            Photos of its emotion, and of all others.

        Returns
        -------
        ModelAnswers
            With the design of `patch_experiment`, in which the component has number 0.
        """
        analysis, seed = self.analysis, self.config.seed
        rows = choose_spread(component, analysis, most, seed)
        name = f"repair-{analysis.classes[component.emotion]}"
        asked = [(rows.located, component.direction)]
        maps = component_maps(self.config, analysis, self.test_set, model, asked, self.progress, f"{name}-maps")
        plan = spread_patches(component, rows, maps[0], model, analysis, seed)
        experiment = None if plan is None else patch_experiment(analysis, model, {0: plan}, name)
        return self.shown_to(model, experiment, f"Cutting a cue of {model.name} out of more photos")

    def shown_to(self, model: ModelRecords, experiment: Experiment | None, title: str) -> ModelAnswers | None:
        """One model's answers, with features where the experiment asks for them; None where nothing is shown."""
        if experiment is None:
            return None
        alone = replace(self.analysis, models=(model,))
        found = perform(experiment, self.config, self.test_set, alone, self.progress, title, self.loaded)
        return found[model.slug]

    def marks(self) -> MarkFindings | None:
        """What the photos of one emotion show at one place, or as a pattern, and what the models do without it."""
        analysis, config, seed = self.analysis, self.config, self.config.seed
        if config.experiments == "off" or not (analysis.labels >= 0).any():
            return None
        looks = read_looks(analysis, self.test_set, choose_looks(analysis, config.experiments, seed), self.progress)
        marks = find_marks(looks, analysis, config.experiments, seed)
        answers = self._answers(mark_experiment(analysis, marks), "Laying marks over photos")
        return judge_marks(analysis, marks, answers, len(looks.rows), seed)

    def places(self, report: Report) -> PlaceFindings | None:
        """In which region the models use the properties that shortcuts rest on; None where no shortcut has a place."""
        if self.config.experiments == "off" or report.shortcuts is None:
            return None
        found, seed = report.shortcuts.found, self.config.seed
        experiment = place_experiment(self.analysis, choose_places(self.analysis, found, seed))
        if experiment is None:
            return None
        return judge_places(self.analysis, found, self._answers(experiment, "Locating shortcuts"), seed)

    def occlusions(self, report: Report) -> Occlusions | None:
        """What changes when regions of misclassified images do; None where nothing is to be shown."""
        budget, attention = self.config.experiments, report.attention
        if budget == "off" or attention is None:
            return None
        chosen = choose_occlusions(self.analysis, attention.measures, report.mined, self.config.seed)
        experiment = occlusion_experiment(
            self.analysis, chosen.strips, chosen.hot, chosen.controls, budget, self.config.seed
        )
        if experiment is None:
            return None
        answers = self._answers(experiment, "Changing regions of errors")
        return measure_occlusions(
            experiment.design, {slug: logits for slug, (_, logits) in answers.items()}, self.analysis
        )

    def flips(self, report: Report) -> FlipFindings | None:
        """The fewest regions of other faces that change predictions; None where nothing is tried, as with "quick"."""
        analysis, config, budget = self.analysis, self.config, FLIP_BUDGETS.get(self.config.experiments)
        if budget is None or analysis.faces is None:
            return None
        searches: dict[str, FlipSearch] = {}
        for model in analysis.models:
            cases = choose_flips(analysis, model, report.mined, budget, config.seed)
            search = searches[model.slug] = FlipSearch(cases, budget.pictures)
            alone, step = replace(analysis, models=(model,)), 0
            while trials := search.next():
                experiment = flip_experiment(alone, step, trials)
                if experiment is None:
                    raise AssertionError("pictures of faces without landmarks")
                title = f"Looking for what flips predictions of {model.name}, step {step + 1}"
                answers = perform(experiment, config, self.test_set, alone, self.progress, title, self.loaded)
                search.learn(trials, answers[model.slug].logits)
                step += 1
        return judge_flips(analysis, searches, config.seed) if any(one.cases for one in searches.values()) else None

    def robustness(self, importance: ImportanceFindings | None) -> RobustnessFindings | None:
        """What blur, noise, covered regions and other changes cost; None with a budget that leaves nothing for it.

        Parameters
        ----------
        importance
            What unchanged photos told of the regions.
        """
        analysis, budget, seed = self.analysis, self.config.experiments, self.config.seed
        if budget not in BUDGETS or not (analysis.labels >= 0).any():
            return None
        baseline = needs_baseline(analysis)
        wanted = choose_strongest(analysis, budget, seed, baseline=baseline)
        experiment = robustness_experiment(analysis, "robustness", wanted)
        if experiment is None:
            return judge_robustness(analysis, {}, {}, {}, seed)
        moves = self._importance_moves(importance) if BUDGETS[budget].swaps else None
        first, maps = perform_with_maps(
            experiment,
            self.config,
            self.test_set,
            analysis,
            self.progress,
            "Making photos worse",
            self.loaded,
            wanted=maps_wanted(wanted),
        )
        weaker = choose_weaker(analysis, wanted, first, budget, baseline=baseline)
        known = sorted({row for rows in wanted.values() for row in rows})
        more = robustness_experiment(analysis, "robustness-weaker", weaker, known=known)
        answers = self._answers(more, "Making photos worse in steps")
        return judge_robustness(analysis, first, answers, maps, seed, moves)

    def _importance_moves(self, importance: ImportanceFindings | None) -> tuple[ImportanceMove, ...]:
        """What the same swaps tell where all photos are changed alike, model by model."""
        analysis, side = self.analysis, working_size(self.analysis)
        found: list[ImportanceMove] = []
        for model in analysis.models:
            swaps = None if importance is None else importance.swaps.get(model.slug)
            if importance is None or swaps is None:
                continue
            wanted = choose_swaps(importance, model.name, swaps, analysis.classes)
            experiment = changed_swap_experiment(analysis, wanted, side)
            if experiment is not None:
                alone, title = replace(analysis, models=(model,)), f"Transplanting on worse photos for {model.name}"
                answers = perform(experiment, self.config, self.test_set, alone, self.progress, title, self.loaded)
                given = answers[model.slug].design, swaps.logits, answers[model.slug].logits
                persons = person_names(analysis)
                found += importance_moves(model.name, *given, analysis.classes, persons, self.config.seed)
        return tuple(found)

    def shortcut_errors(self, report: Report) -> Mapping[str, ShortcutErrors]:
        """By model, whether its errors depend on the property that a shortcut rests on."""
        budget = self.config.experiments
        if budget == "off":
            return {}
        found = () if report.shortcuts is None else report.shortcuts.found
        chosen = choose_shortcut_errors(self.analysis, found, budget, self.config.seed)
        answers = self._answers(shortcut_error_experiment(self.analysis, chosen), "Removing shortcuts from errors")
        return measure_shortcut_errors(self.analysis, found, answers)

    def _answers(self, experiment: Experiment | None, title: str, among: Analysis | None = None) -> ExperimentAnswers:
        """Of all models, or of those in `among`."""
        if experiment is None:
            return {}
        found = perform(
            experiment, self.config, self.test_set, among or self.analysis, self.progress, title, self.loaded
        )
        for slug, answers in found.items():
            if answers.features is not None:
                self.featured.setdefault(slug, {})[experiment.name] = answers
        return {slug: (answers.design, answers.logits) for slug, answers in found.items()}


def _joined(first: ExperimentAnswers, second: ExperimentAnswers) -> ExperimentAnswers:
    """The answers to both, by model; `second` may be empty."""
    joined = dict(first)
    for slug, (design, logits) in second.items():
        before, known = joined[slug]
        joined[slug] = pd.concat([before, design], ignore_index=True), np.concatenate([known, logits])
    return joined
