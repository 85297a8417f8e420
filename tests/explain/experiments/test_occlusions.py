"""Which pictures the occlusion experiment makes of which images, and that they are what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.explain.experiments.experiment import Experiment
from reportgen.explain.experiments.occlusions import BUDGETS, occlusion_experiment
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS, region_map
from reportgen.faces.transplant import TRANSPLANTED

N, SIZE = 60, 64
CLASSES = ("anger", "fear", "happiness", "sadness")


def analysis(**columns: object) -> Analysis:
    """Labels in turn; model A says "happiness" to the first ten images, else both are right."""
    labels = np.arange(N) % 4
    logits = np.eye(4, dtype=np.float32)[labels] * 3
    first = logits.copy()
    first[:10] = (0, 0, 5, 0)
    models = tuple(
        ModelRecords(name, name.lower(), {}, values, np.zeros((N, 4, 1, 1), dtype=np.float32))
        for name, values in (("A", first), ("B", logits))
    )
    images = pd.DataFrame({
        "label": labels,
        "person": pd.array([f"p{k // 4}" for k in range(N)], dtype="string"),
        "sha256": [f"h{k}" for k in range(N)],
        "path": [f"{k}.png" for k in range(N)],
        **columns,
    })  # fmt: skip
    points = np.repeat(canonical_points()[None], N, axis=0)
    source = tuple("template" if k in (3, 50) else "detector" for k in range(N))
    faces = FaceRecords(points, np.ones(N, dtype=np.float32), source, source, np.zeros((N, 52), dtype=np.float32))
    return Analysis(Path(), {"classes": list(CLASSES)}, images, pd.DataFrame(), models, faces)


def made(strips: list[int], hot: list[int] = [], controls: list[int] = [], **columns: object) -> Experiment:  # noqa: B006
    experiment = occlusion_experiment(analysis(**columns), strips, hot, controls, "default", 0)
    assert experiment is not None
    return experiment


def test_a_strip_changes_every_region_in_every_way_once_from_one_unchanged_picture() -> None:
    design = made([0, 1]).design
    of = design[design["receiver"] == 1]
    assert of["purpose"].tolist() == ["unchanged", *["strip"] * 18]
    assert of["region"].tolist()[1:] == [region for region in TRANSPLANTED for _ in range(3)]
    assert of["fill"].tolist()[1:] == ["around", "donor", "donor"] * 6
    assert (of.loc[of["fill"] != "donor", "donor"] == -1).all()


def test_donors_of_a_strip_share_the_label_are_right_and_are_somebody_else() -> None:
    experiment = made(list(range(10)))
    found = analysis()
    given = experiment.design[experiment.design["fill"] == "donor"]
    person = found.images["person"]
    right = np.all([m.predicted == found.labels for m in found.models], axis=0)
    for receiver, donor in given[["receiver", "donor"]].drop_duplicates().itertuples(index=False):
        assert found.labels[donor] == found.labels[receiver]
        assert person[donor] != person[receiver]
        assert right[donor]
        assert donor != 50  # only a template's landmarks
    assert 3 not in experiment.design["receiver"].tolist()


def test_a_copy_of_the_image_is_no_donor() -> None:
    hashes = ["same" if k % 4 == 1 else f"h{k}" for k in range(N)]
    design = made([1], sha256=hashes).design
    assert (design["fill"] != "donor").all()  # all images of its label are copies of it
    assert len(design) == 7


def test_unknown_persons_are_read_from_file_names_to_keep_them_apart() -> None:
    names = [f"{'Ann' if k in (1, 5, 9, 13) else f'Person{k // 2}'}_{k:04d}.jpg" for k in range(N)]
    nobody = pd.array([None] * N, dtype="string")
    for seed in range(5):
        experiment = occlusion_experiment(analysis(person=nobody, path=names), [1], [], [], "default", seed)
        assert experiment is not None
        assert not set(experiment.design["donor"]) & {1, 5, 9, 13}


def test_other_backgrounds_are_of_emotions_that_nobody_thought_of() -> None:
    """Image 0 is anger read as happiness: fear and sadness remain, in turn."""
    design = made([], [0], [1]).design
    labels = analysis().labels
    assert design["purpose"].tolist() == ["unchanged", *["background"] * 3, "unchanged", *["control"] * 3]
    assert (design.loc[design["purpose"] != "unchanged", "region"] == "background").all()
    donors = design[design["purpose"] == "background"]["donor"].tolist()
    assert {CLASSES[labels[k]] for k in donors} == {"fear", "sadness"}
    assert CLASSES[labels[donors[0]]] != CLASSES[labels[donors[1]]]


def test_an_image_that_is_hot_for_one_model_is_no_control() -> None:
    design = made([], [0, 4], [4, 5]).design
    assert set(design[design["purpose"] == "control"]["receiver"]) == {5}


def test_one_more_receiver_changes_no_others_donors() -> None:
    few, many = made([0, 1], [2]).design, made([0, 1, 4, 5], [2, 6]).design
    shared = many[many["receiver"].isin([0, 1, 2])].reset_index(drop=True)
    pd.testing.assert_frame_equal(few.sort_values("receiver", kind="stable").reset_index(drop=True),
                                  shared.sort_values("receiver", kind="stable").reset_index(drop=True))  # fmt: skip


@pytest.mark.parametrize("budget", list(BUDGETS))
def test_the_budget_is_kept_and_jobs_announce_what_the_design_lists(budget: str) -> None:
    rows = list(range(N))
    experiment = occlusion_experiment(analysis(), rows, rows[10:40], rows[40:], budget, 0)
    assert experiment is not None
    most = BUDGETS[budget]
    strips = experiment.design[experiment.design["purpose"] == "strip"]["receiver"].nunique()
    assert strips == min(most.strips, 58)
    assert sum(job.count for job in experiment.jobs) == len(experiment.design)


def test_the_default_costs_at_most_half_of_the_main_pass_on_two_thousand_images() -> None:
    most = BUDGETS["default"]
    per_strip = 1 + len(TRANSPLANTED) * (1 + most.donors)
    pictures = most.strips * per_strip + (most.hot + most.controls) * (1 + most.backgrounds)
    assert pictures <= 2051 / 2


def test_pictures_change_their_region_and_nothing_far_from_it() -> None:
    """The receiver has upright stripes, every donor lying ones."""
    experiment = made([1], [0])
    lines = np.where(np.arange(SIZE) // 4 % 2 == 0, 60, 180).astype(np.uint8)
    upright = np.broadcast_to(lines[None, :, None], (SIZE, SIZE, 3)).copy()
    photos = {row: np.broadcast_to(lines[:, None, None], (SIZE, SIZE, 3)).copy() for row in range(N)}
    photos[0] = photos[1] = upright
    pictures = [picture for job in experiment.jobs for picture in job.make(photos)]  # type: ignore[arg-type]
    regions = region_map(canonical_points(), SIZE, SIZE)
    far = {"mouth": "forehead", "nose": "forehead", "eyes+brows": "mouth", "forehead": "mouth", "background": "nose"}
    for row, picture in zip(experiment.design.itertuples(), pictures, strict=True):
        assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
        changed = np.abs(picture.astype(int) - upright).max(axis=2) > 8
        if row.purpose == "unchanged":
            assert not changed.any()
            continue
        assert changed[regions == REGIONS.index(row.region)].mean() > 0.3, row
        if row.region in far:
            assert not changed[regions == REGIONS.index(far[row.region])].any(), row


def test_nothing_to_show_is_no_experiment() -> None:
    assert occlusion_experiment(analysis(), [], [], [], "default", 0) is None
    assert occlusion_experiment(analysis(), [3], [], [], "default", 0) is None  # a template's face
