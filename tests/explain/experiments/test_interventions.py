"""Which pictures are shown, and that they are what the design says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.explain.experiments.interventions import CONTROLS, PER_EMOTION, intervention_experiment
from reportgen.inputs.images.changes import CHANGES, change, typical_level
from tests.explain.experiments.noise import Noise

NAMES = [name for name in CHANGES if name not in ("zoomed", "shifted", "straightened", "flattened")]
ALL = dict.fromkeys(CHANGES, ("a", "b", "c"))


def model(name, side):
    info = {"input": [side, side], "parts": ["0" * 16]}
    return ModelRecords(name, name, info, np.zeros((0, 3), np.float32), np.zeros((0, 3, 1, 1), np.float32))


def analysis(counts=(150, 12, 0), sides=(224, 224), grey=lambda row: row % 2 == 0):
    labels = np.repeat([*range(len(counts)), -1], [*counts, 5])
    n = len(labels)
    images = pd.DataFrame(
        {
            "label": labels,
            "row": np.arange(n),
            "colourfulness": [0.0 if grey(row) else 0.1 for row in range(n)],
            "luminance": np.linspace(0.2, 0.8, n),
            "contrast": np.full(n, 0.2),
            "sharpness": np.full(n, 50.0),
        }
    )
    models = tuple(model(f"m{k}", side) for k, side in enumerate(sides))
    return Analysis(Path("analysis"), {"classes": ["a", "b", "c"]}, images, pd.DataFrame(), models)


def test_small_emotions_are_shown_whole_and_large_ones_sampled():
    design = intervention_experiment(analysis(), "default", 0, ALL).design
    per = analysis().labels[np.unique(design["image"])]
    assert np.bincount(per).tolist() == [120, 12]
    assert PER_EMOTION["quick"] < PER_EMOTION["default"] < PER_EMOTION["full"]
    full = intervention_experiment(analysis(), "full", 0, ALL).design
    assert full["image"].nunique() == 162


def test_grey_photos_are_not_made_grey_again():
    design = intervention_experiment(analysis(), "default", 0, ALL).design
    made = {name: set(rows) for name, rows in design.groupby("change")["image"]}
    assert set(made) == set(NAMES)
    assert made["blurred"] == made["equalised"] == made["re-encoded"]
    assert made["grey"] == {row for row in made["blurred"] if row % 2}


def test_the_sample_is_the_seeds_and_every_change_sees_the_same():
    one, two, other = (intervention_experiment(analysis(), "default", seed, ALL).design for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, two)
    assert set(one["image"]) != set(other["image"])


def test_the_pictures_are_those_of_the_design():
    source = analysis((10, 5, 0))
    experiment = intervention_experiment(source, "default", 0, ALL)
    made = [picture for job in experiment.jobs for picture in job.make(Noise(32))]
    assert len(made) == len(experiment.design) == sum(job.count for job in experiment.jobs)
    level = typical_level(source.images, None)
    for picture, (row, name) in zip(made, experiment.design.itertuples(index=False), strict=True):
        np.testing.assert_array_equal(picture, change(name, Noise(32)[row], level))


def test_models_of_different_sizes_get_a_baseline_of_their_own():
    """Their pictures are scaled twice, so the analysis's answers are not those to the unchanged picture."""
    experiment = intervention_experiment(analysis(sides=(224, 112)), "default", 0, ALL)
    shown = experiment.design.groupby("image")["change"].agg(set)
    assert all("unchanged" in names for names in shown)
    first = experiment.jobs[0].make(Noise(32))[0]
    assert experiment.design["change"][0] == "unchanged"
    np.testing.assert_array_equal(first, Noise(32)[experiment.design["image"][0]])


def test_without_labels_nothing_is_shown():
    assert intervention_experiment(analysis((0, 0, 0)), "default", 0, ALL) is None
    assert intervention_experiment(analysis(), "default", 0, {}) is None


def test_answers_depend_on_what_the_pictures_depend_on():
    source = analysis()
    darker = replace(source, images=source.images.assign(luminance=source.images["luminance"] / 2))
    one, two = (intervention_experiment(made, "default", 0, ALL).depends for made in (source, darker))
    assert one != two


def test_other_emotions_are_a_smaller_sample_and_share_it_where_many_changes_are_called_for():
    source = analysis((150, 150, 150))
    design = intervention_experiment(source, "default", 0, {"blurred": ("a",), "mirrored": ("a", "b")}).design
    per = {name: np.bincount(source.labels[rows]).tolist() for name, rows in design.groupby("change")["image"]}
    few, many = CONTROLS["default"], PER_EMOTION["default"]
    assert per == {"blurred": [many, few, few], "mirrored": [many, many, few]}
    one = dict.fromkeys(NAMES, ("a",))
    design = intervention_experiment(source, "default", 0, one).design
    counts = np.bincount(source.labels[design.loc[design["change"] == "blurred", "image"]])
    assert counts.tolist() == [many, int(few * 5 / len(NAMES)), int(few * 5 / len(NAMES))]


@pytest.mark.parametrize("budget", list(PER_EMOTION))
def test_every_budget_shows_every_image_at_least_once(budget):
    """The evidence reads from the design which images were shown, also where a change left them as they are."""
    source = analysis(grey=lambda row: True)
    design = intervention_experiment(source, budget, 0, ALL).design
    assert "grey" not in set(design["change"])
    assert design["image"].nunique() == sum(min(n, PER_EMOTION[budget]) for n in (150, 12))
