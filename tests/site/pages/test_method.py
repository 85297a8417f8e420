"""The method page says of each kind of heatmap what is computed."""

import pytest

from reportgen.explain.maps import METHODS
from reportgen.site.pages.method import gradient_steps

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
