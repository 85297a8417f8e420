"""Photos with a cue added: on the page is the picture that the models were shown, of every kind of cue."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reportgen.evidence.shortcuts.turned_photos import TurnedPhotos
from reportgen.explain.experiments.added_cues import cue_experiment
from reportgen.explain.experiments.experiment import Pictures
from reportgen.inputs.images.changes import CHANGES, FRAMING, AddedCue, add
from reportgen.inputs.images.quality import blockiness, sharpness
from reportgen.site.pictures import shortcuts
from reportgen.site.pictures.examples import Picture
from reportgen.site.pictures.overlays import resize
from reportgen.site.pictures.shortcuts import draw_shortcuts
from reportgen.site.report import Report
from reportgen.site.wording.shortcuts import ADDED

ROWS = (0, 3, 9)  # in the last no face was found
HAPPINESS = 2


def _photo(row: int) -> np.ndarray:
    """Smooth colours with fine noise over them, wider than high."""
    rng = np.random.default_rng(row)
    coarse = Image.fromarray(rng.integers(70, 190, (6, 6, 3), dtype=np.uint8)).resize((140, 120), 2)
    return np.clip(np.asarray(coarse).astype(int) + rng.integers(-6, 7, (120, 140, 3)), 0, 255).astype(np.uint8)


class _Files:
    """The photos as they lie on disk."""

    def read_bytes(self, row: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(_photo(row)).save(buffer, "PNG")
        return buffer.getvalue()


def _aim(name: str) -> tuple[float, ...]:
    photo = _photo(ROWS[0])
    own = sharpness(resize(photo, 224, 224))
    aims = {"grey": (0.08, 0.05), "equalised": (0.7, np.nan), "blurred": (2 * own,), "sharpened": (own / 2,),
            "deblocked": (blockiness(photo) + 0.4,), "denoised": (9.0,), "zoomed": (0.5,), "shifted": (0.6, 0.3),
            "straightened": (0.3,)}  # fmt: skip
    return aims[name]


def _with_cue(report: Report, cue: AddedCue, side: int) -> Report:
    """The report with this cue as its proved shortcut, its photos those above, its models with inputs of this side."""
    models = tuple(replace(m, info={**m.info, "input": [side, side]}) for m in report.models)
    assert report.shortcuts is not None
    (found,) = report.shortcuts.found
    nothing = tuple((0.25,) * 4 for _ in cue.rows)
    turned = TurnedPhotos(cue, cue.rows, nothing, nothing, nothing)
    proved = replace(found, change=cue.change, images=(), turned=turned)
    return replace(
        report,
        analysis=replace(report.analysis, models=models),
        load_image=_photo,
        shortcuts=replace(report.shortcuts, found=(proved,)),
    )


def test_every_cue_that_can_be_put_in_has_a_picture() -> None:
    def can_add(name: str) -> bool:
        try:
            add(AddedCue(name, HAPPINESS, (0.5, 0.5), (), ()), _photo(0))
        except KeyError:
            return False
        return True

    assert set(ADDED) == {name for name in CHANGES if can_add(name)}
    assert set(FRAMING) < set(ADDED)


@pytest.mark.parametrize("side", [224, 260])
@pytest.mark.parametrize("name", list(ADDED))
def test_the_picture_on_the_page_is_the_one_that_the_models_saw(
    report: Report, name: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cue = AddedCue(name, HAPPINESS, _aim(name), ROWS, ())
    made = _with_cue(report, cue, side)
    experiment = cue_experiment(made.analysis, [cue], 0)
    assert experiment is not None
    shown_to_models = Pictures(_Files(), range(len(report.labels)), side)  # type: ignore[arg-type]
    pixels = [picture for job in experiment.jobs for picture in job.make(shown_to_models)]
    design = experiment.design
    seen = {int(design["image"][k]): pixels[k] for k in np.flatnonzero(design["shown"] == "added")}

    drawn: dict[str, np.ndarray] = {}

    def keep(shown: np.ndarray, file: str, *_: Any) -> Picture:
        drawn[file] = shown
        return Picture(file, shown.shape[1], shown.shape[0])

    monkeypatch.setattr(shortcuts, "save_picture", keep)
    pictures = draw_shortcuts(made, lambda path, content: None)
    assert pictures is not None and set(seen) == set(ROWS)
    assert set(pictures.added) == {(row, name, "happiness") for row in ROWS}
    for row in ROWS:
        before, after = pictures.pictures[row, ""], pictures.added[row, name, "happiness"]
        np.testing.assert_array_equal(drawn[after.path], resize(seen[row], 224, 224))
        np.testing.assert_array_equal(drawn[before.path], resize(shown_to_models[row], 224, 224))
        # A face that was not found cannot be moved.
        faces = report.analysis.faces
        assert faces is not None
        moved = name not in FRAMING or faces.source[row] != "template"
        assert bool((drawn[after.path] != drawn[before.path]).any()) == moved
