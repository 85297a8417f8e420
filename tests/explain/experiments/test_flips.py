"""What would flip a prediction, on networks that answer to known regions: the named set is the one they read."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.evidence.errors.flips import BUDGETS, FlipFindings, FlipSearch, choose_flips, judge_flips
from reportgen.evidence.examples.mining import Mined, mine_model
from reportgen.explain.experiments.flips import flip_experiment
from reportgen.faces.align import canonical_points
from reportgen.faces.landmarks import ACTIONS
from reportgen.faces.regions import REGIONS, region_map
from reportgen.faces.transplant import TRANSPLANTED, Portrait, laid, layer, transplant

SIDE, EACH = 96, 14
CLASSES = ("upright", "lying", "neither")


def _points() -> np.ndarray:
    """Faces that differ in place and size, so that donors have to be brought into place."""
    rng = np.random.default_rng(3)
    centre = canonical_points().mean(axis=0)
    size, shift = rng.uniform(0.95, 1.05, (2 * EACH, 1, 1)), rng.uniform(-0.02, 0.02, (2 * EACH, 1, 2))
    return ((canonical_points() - centre) * size + centre + shift).astype(np.float32)


POINTS = _points()
LABELS = np.repeat([0, 1], EACH)


def _photos() -> list[np.ndarray]:
    """Every region has upright stripes in one class and lying ones in the other; the second is brighter, too."""
    stripes = np.where(np.arange(SIDE) // 3 % 2 == 0, -45, 45)
    made = []
    for row, label in enumerate(LABELS):
        shifted = np.roll(stripes, row % 6)
        field = np.broadcast_to(shifted[None, :] if label == 0 else shifted[:, None], (SIDE, SIDE))
        grey = 110 + 20 * label + field
        made.append(np.repeat(grey[..., None], 3, axis=2).astype(np.uint8))
    return made


PHOTOS = _photos()


class Reader(nn.Module):
    """Answers "lying" where the stripes of all its regions lie: by how many do, or only once the last one does; without
    regions by how bright the photo is.
    """

    def __init__(self, regions: tuple[str, ...], smooth: bool) -> None:
        super().__init__()
        maps = region_map(canonical_points(), SIDE, SIDE)
        self.regions, self.smooth = regions, smooth
        self.masks = torch.tensor(np.stack([maps == REGIONS.index(r) for r in regions]) if regions else np.ones(0))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        grey = pictures.float().mean(dim=3)
        if not self.regions:
            lead = (grey.mean(dim=(1, 2)) - 120) / 2
        else:
            across = (grey[:, :, 1:] - grey[:, :, :-1]).abs()[:, 1:, :]
            down = (grey[:, 1:, :] - grey[:, :-1, :]).abs()[:, :, 1:]
            inside = self.masks[None, :, 1:, 1:].float()
            a, d = ((x[:, None] * inside).sum(dim=(2, 3)) for x in (across, down))
            lying = (d - a) / (d + a)  # -1..1 for each region
            k = len(self.regions)
            lead = 4 * (lying.sum(dim=1) - (k - 1)) if self.smooth else 4 * lying.amin(dim=1)
        return torch.stack([torch.zeros_like(lead), lead, torch.full_like(lead, -9)], dim=1)


def _answers(network: nn.Module, pictures: list[np.ndarray]) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.tensor(np.stack(pictures))).numpy().astype(np.float32)


def _search(network: nn.Module, mislabelled: int = 4) -> tuple[FlipFindings, FlipSearch, Analysis]:
    """All steps, on photos of which some are labelled as the other class: those are the errors."""
    labels = LABELS.copy()
    labels[:mislabelled] = 1
    logits = _answers(network, PHOTOS)
    model = ModelRecords("m", "m", {"input": [SIDE, SIDE]}, logits, np.ones((len(labels), 3, 1, 1), np.float32))
    images = pd.DataFrame({
        "label": labels, "row": np.arange(len(labels)), "sha256": [f"{row:064x}" for row in range(len(labels))],
        "image_id": [f"i{row}" for row in range(len(labels))], "person": [f"p{row}" for row in range(len(labels))],
        "colourfulness": 0.0,
    })  # fmt: skip
    source = ("detector",) * len(labels)
    actions = np.zeros((len(labels), len(ACTIONS)), np.float32)
    actions[LABELS == 1, ACTIONS.index("mouthSmileLeft")] = 0.8
    actions[LABELS == 1, ACTIONS.index("browDownLeft")] = 0.5
    faces = FaceRecords(POINTS, np.ones(len(labels), np.float32), source, source, actions)
    analysis = Analysis(Path("a"), {"classes": list(CLASSES)}, images, pd.DataFrame(), (model,), faces)
    mined = Mined(mine_model(model, labels, CLASSES, 6, 0))
    search = FlipSearch(choose_flips(analysis, model, mined, BUDGETS["default"], 0), BUDGETS["default"].pictures)
    step = 0
    while trials := search.next():
        experiment = flip_experiment(analysis, step, trials)
        assert experiment is not None and experiment.name == f"flips-{step}"
        shown = [picture for job in experiment.jobs for picture in job.make(PHOTOS)]  # type: ignore[arg-type]
        assert len(shown) == len(trials) == sum(job.count for job in experiment.jobs)
        search.learn(trials, _answers(network, shown))
        step += 1
    return judge_flips(analysis, {"m": search}, 0), search, analysis


READ = [chosen for size in (1, 2, 3) for chosen in list(combinations(TRANSPLANTED, size))[:: 1 if size == 1 else 4]]


def test_the_named_set_is_the_one_that_the_network_reads() -> None:
    """Sets of one to three regions; networks that follow each region, and others that give no hint before the last.

    "Lying" needs all of them, so that upright photos need the whole set, and lying ones any region of it.
    """
    named, right, missed = 0, 0, []
    for number, regions in enumerate(READ):
        found, search, _ = _search(Reader(regions, smooth=number % 2 == 0))
        assert search.shown <= BUDGETS["default"].pictures
        for flip in found.flips["m"].values():
            named += 1
            wanted = [set(regions)] if flip.case.error else [{region} for region in regions]
            hit = flip.outcome == "set" and set(flip.regions) in wanted
            right += hit
            if not hit and flip.outcome != "open":
                missed.append((regions, flip.outcome, flip.regions))
    assert named >= 120
    assert right >= 0.95 * named, (right, named, missed[:5])


def test_of_a_network_that_reads_no_region_nothing_is_named() -> None:
    found, _, _ = _search(Reader((), smooth=True))
    assert found.flips["m"] and all(flip.outcome == "none" for flip in found.flips["m"].values())
    assert all(summary.lead == "" and summary.again is None for summary in found.summaries)


def test_errors_become_their_label_and_correct_images_what_they_are_confused_with() -> None:
    found, search, analysis = _search(Reader(("mouth",), smooth=True))
    errors, correct = ([s for s in found.summaries if s.error is wrong] for wrong in (True, False))
    assert [(s.current, s.target, s.images) for s in errors] == [("upright", "lying", 4)]
    # Mislabelled photos make no pair the other way: no upright photo is predicted as lying.
    assert [(s.current, s.target, s.images) for s in correct] == [("lying", "upright", 8)]
    for summary in found.summaries:
        assert summary.lead == "mouth" and summary.outcomes == {"1": summary.images}
        assert summary.alone["mouth"].value == 1 and summary.alone["nose"].value == 0
        assert summary.again is not None and summary.again.value == 1
        # A face of the emotion that is predicted already changes nothing.
        assert summary.control is not None and summary.control.value == 0
    for case in search.cases:
        assert len({case.row, case.donor, case.again, case.control}) == 4
        assert analysis.labels[case.donor] == analysis.labels[case.again] == case.target
        assert analysis.labels[case.control] == case.current


def test_the_steps_lead_from_the_unchanged_face_to_the_flip_and_actions_are_of_the_swapped_regions() -> None:
    found, _, _ = _search(Reader(("mouth", "nose"), smooth=True))
    flips = [flip for flip in found.flips["m"].values() if flip.case.error]
    for flip in flips:
        assert [step.region for step in flip.steps] == ["", *flip.regions] and len(flip.regions) == 2
        first, middle, last = flip.steps
        assert first.predicted == middle.predicted == flip.case.current and last.predicted == flip.case.target
        assert first.odds < middle.odds < last.odds and first.target < 0.5 < last.target
        assert flip.alone == ()
        # Brows differ more, but are not swapped.
        assert [(c.action, round(c.face, 2), round(c.donor, 2)) for c in flip.actions] == [("mouthSmile", 0, 0.4)]
    row = found.tables["flips"].iloc[0]
    assert row["outcome"] == "set" and sorted(row["regions"]) == ["mouth", "nose"]


def test_what_only_four_regions_do_is_called_more() -> None:
    found, _, _ = _search(Reader(("mouth", "nose", "forehead", "eyes+brows"), smooth=True))
    outcomes = {flip.outcome for flip in found.flips["m"].values() if flip.case.error}
    assert "more" in outcomes and outcomes <= {"more", "open"}


def test_one_layer_is_the_transplant_and_several_are_laid_features_last() -> None:
    face, giver = Portrait(PHOTOS[0], POINTS[0]), Portrait(PHOTOS[EACH], POINTS[EACH])
    for region in TRANSPLANTED:
        np.testing.assert_array_equal(laid(face, {region: layer(face, giver, region)}), transplant(face, giver, region))
    layers = {name: layer(face, giver, name) for name in ("mouth", "cheeks+jaw")}
    both, again = laid(face, layers), laid(face, dict(reversed(layers.items())))
    np.testing.assert_array_equal(both, again)
    deep = layers["mouth"].mask == 1
    np.testing.assert_array_equal(both[deep], laid(face, {"mouth": layers["mouth"]})[deep])
    np.testing.assert_array_equal(laid(face, {}), face.pixels)


@pytest.mark.parametrize("budget", list(BUDGETS))
def test_the_budget_leaves_room_for_every_first_step(budget: str) -> None:
    most = BUDGETS[budget]
    drawn = most.pairs * (most.errors + most.correct)
    assert 6 * (drawn + most.shown + most.pairs) + 2 * drawn <= most.pictures


def test_a_budget_that_ends_leaves_cases_open() -> None:
    _, search, analysis = _search(Reader(("mouth", "nose", "forehead"), smooth=False))
    short = FlipSearch(search.cases, 6 * len(search.cases) + 2 * sum(case.drawn for case in search.cases))
    step = 0
    while trials := short.next():
        known = [search.answers(t.case, t.donor)[frozenset(t.regions)] for t in trials]
        short.learn(trials, np.stack(known))
        step += 1
    # The first step, and the repeats of what flipped in it.
    assert step <= 2
    flips = judge_flips(analysis, {"m": short}, 0).flips["m"].values()
    assert {flip.outcome for flip in flips if flip.case.error} == {"open"}


def test_without_faces_or_errors_nothing_is_tried() -> None:
    found, _, analysis = _search(Reader(("mouth",), smooth=True))
    model = analysis.models[0]
    assert choose_flips(replace(analysis, faces=None), model, Mined(()), BUDGETS["default"], 0) == ()
    right = replace(analysis, images=analysis.images.assign(label=LABELS))
    assert choose_flips(right, model, Mined(()), BUDGETS["default"], 0) == ()
    assert flip_experiment(analysis, 0, ()) is None
    assert found.pictures["m"] > 0


def test_a_search_that_is_made_again_asks_for_the_same_pictures() -> None:
    """So a build that was stopped, or is merged from parts, finds the answers of every step on disk."""
    network = Reader(("mouth", "nose"), smooth=True)
    (first, _, _), (again, _, _) = (_search(network) for _ in range(2))
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    assert first.pictures == again.pictures
