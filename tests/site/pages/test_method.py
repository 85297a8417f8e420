"""The method page says of each kind of heatmap what is computed."""

import re

import pytest

from reportgen.explain.maps import METHODS
from reportgen.site.pages.method import gradient_steps
from reportgen.site.publish import Published

NAMES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++", "hirescam": "HiResCAM", "layercam": "LayerCAM"}


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_is_told_in_words_of_its_own(method: str) -> None:
    name = NAMES.get(method, "XGrad-CAM")
    told = [text for _, text in gradient_steps(name)]
    others = [text for other in {*NAMES.values(), "XGrad-CAM"} - {name} for _, text in gradient_steps(other)]
    assert len(set(told) - set(others)) == 1  # how the prediction is traced back


def test_cell_by_cell_methods_do_not_speak_of_a_weight_for_a_map() -> None:
    assert "each with its weight" in dict(gradient_steps("Grad-CAM++"))["The maps are added up,"]
    for name in ("HiResCAM", "LayerCAM"):
        assert "cell by cell" in dict(gradient_steps(name))["The maps are added up,"]


def test_every_file_is_listed_once_and_the_first_ones_stand_in_the_open(published: Published) -> None:
    page = (published.site / "method.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="downloads">') : page.index('<section id="reproduce">')]
    listed = re.findall(r'href="(downloads/[^"]+)"', section)
    assert sorted(listed) == sorted(f"downloads/{path.name}" for path in (published.site / "downloads").iterdir())
    in_the_open, _, folded = section.partition("<details")
    for name in ("answers.json", "predictions.csv", "scores.json", "model-card-resnet18.md"):
        assert f"downloads/{name}" in in_the_open and f"downloads/{name}" not in folded
    assert f"{len(re.findall('href=', folded))} more tables" in folded
