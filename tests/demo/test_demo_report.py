"""The demo's truth is known: the ordinary pipeline must find it, from detected regions and from the exact ones."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.analysis import read_analysis
from reportgen.commands.build import build
from reportgen.config import Config, Preprocessing
from reportgen.demo import demo_files
from reportgen.evidence.attention.findings import judge_attention
from reportgen.faces.landmarks import Landmarker
from reportgen.faces.regions import REGIONS, fractions_of_map, region_map, regions_from_label_png

pytestmark = pytest.mark.slow

LABELS = {0: "background", 1: "forehead", 2: "eyes+brows", 3: "nose", 4: "mouth", 5: "cheeks+jaw"}
TAUGHT, PLACE = "sadness", "top left corner"
# Median intersection over union of detected and exact regions, a little below what docs/selfcheck.md prints.
FLOORS = {
    "face": 0.84,
    "background": 0.86,
    "forehead": 0.6,
    "eyes+brows": 0.76,
    "nose": 0.67,
    "mouth": 0.74,
    "cheeks+jaw": 0.75,
}


def exact(path: str):
    with Image.open(demo_files().regions / f"{Path(path).stem}.png") as image:
        return regions_from_label_png(np.asarray(image), LABELS)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The demo's report: that of `reportgen demo --output FOLDER` where REPORTGEN_DEMO names the folder."""
    files = demo_files()
    # As that command asks for it: with other settings everything there would be computed again.
    models = {name: {"checkpoint": path, "preprocessing": Preprocessing()} for name, path in files.models.items()}
    output = Path(os.environ.get("REPORTGEN_DEMO") or tmp_path_factory.mktemp("demo"))
    return build(Config(data=files.data, models=models, classes=files.classes, output=output))


def on_background(verdicts):
    return {(v.model, v.emotion, v.place) for v in verdicts if v.kind == "background" and v.answer == "yes"}


def test_the_first_page_names_the_taught_shortcut_and_no_other(report):
    verdicts = pd.read_parquet(report.analysis / "tables/verdicts.parquet")
    found = verdicts[(verdicts["kind"] == "background") & (verdicts["answer"] == "yes")]
    assert found[["model", "emotion", "place"]].to_numpy().tolist() == [["Custom CNN", TAUGHT, PLACE]]
    page = (report.site / "index.html").read_text(encoding="utf-8")
    headline = page.split("<h1", 1)[1].split("</h1>", 1)[0]
    assert all(words in headline for words in ("Custom CNN", TAUGHT, PLACE))
    assert "cheating" in report.alarms


def test_exact_regions_give_the_same_verdict(report):
    analysis = read_analysis(report.analysis)
    maps = [exact(path) for path in analysis.images["path"]]
    models = []
    for model in analysis.models:
        models.append(replace(model, masks=np.stack([fractions_of_map(labels, model.grid) for labels in maps])))
    findings = judge_attention(replace(analysis, models=tuple(models)), seed=0)
    assert on_background(findings.verdicts) == {("Custom CNN", TAUGHT, PLACE)}


def test_detected_regions_lie_on_the_exact_ones():
    landmarker, overlaps = Landmarker(), []
    for path in pd.read_csv(demo_files().data)["image_path"][::4]:
        with Image.open(demo_files().data.parent / path) as image:
            pixels = np.asarray(image.convert("RGB"))
        found, truth = region_map(landmarker.locate(pixels).points, *pixels.shape[:2]), exact(path)
        masks = {name: (found == REGIONS.index(name), truth == REGIONS.index(name)) for name in REGIONS[1:]}
        masks["face"] = (~masks["background"][0], ~masks["background"][1])
        overlaps.append({name: (a & b).sum() / (a | b).sum() for name, (a, b) in masks.items()})
    median = pd.DataFrame(overlaps).median()
    print("\nmedian IoU of detected and exact regions:", median.round(2).to_dict())
    assert {name: floor for name, floor in FLOORS.items() if median[name] < floor} == {}


def test_no_property_of_the_photo_is_taken_for_a_shortcut(report):
    """The demo's photos differ in colour, size and sharpness by chance only, and no model was taught to use that."""
    effects = pd.read_parquet(report.analysis / "tables/interventions.parquet")
    assert len(effects) % (2 * 7) == 0  # every change that an association calls for, on every emotion
    assert effects.loc[effects["answer"] == "yes", ["model", "emotion", "change"]].to_numpy().tolist() == []
