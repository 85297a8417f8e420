"""A report by `--model NAME=file.onnx`: the numbers of the same network in torch, and what pages call its maps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from onnx_files import onnx, save
from torch import nn

import reportgen
from reportgen.analysis import Analysis, read_analysis, read_predictions, rows_with_maps
from reportgen.commands.build import build
from reportgen.commands.diff import diff
from reportgen.commands.merge import merge_analyses
from reportgen.config import Config, load_config
from reportgen.explain.analyse import analyse
from reportgen.inputs.testset import load_test_set
from reportgen.progress import SilentProgress
from reportgen.result import BuildResult

pytestmark = pytest.mark.extras

SIZE = 28
CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


class Net(nn.Module):
    """A convolution, a pooling over patches and a linear layer; weights from a fixed seed."""

    def __init__(self) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6 * 49, 7)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.avg_pool2d(self.conv(x).relu(), 4)
        scores: torch.Tensor = self.head(pooled.flatten(1))
        return scores


def as_onnx(path: Path) -> Path:
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("AveragePool", ["r"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Flatten", ["p"], ["f"], axis=1),
        node("Gemm", ["f", "head.weight", "head.bias"], ["scores"], transB=1),
    ]
    weights = {name: value.numpy() for name, value in Net().state_dict().items()}
    metadata = {"classes": str(list(CLASSES)), "mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5"}
    return save(path, nodes, ("batch", 3, SIZE, SIZE), {"scores": 7}, weights, metadata=metadata)


@pytest.fixture(scope="module")
def folder(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`net.onnx`, and the same as weights with a factory; `all.csv` and its halves, of the notebook's 28 images; and
    `faces.csv`, ten of the demo's faces of every emotion.
    """
    folder = tmp_path_factory.mktemp("onnx")
    as_onnx(folder / "net.onnx")
    torch.save(Net().state_dict(), folder / "net.pth")
    table = pd.read_pickle(notebook / "processed_data.pkl")["test_df"][["image_path", "emotion"]]
    for name, rows in (("all", table), ("even", table.iloc[::2]), ("odd", table.iloc[1::2])):
        rows.to_csv(folder / f"{name}.csv", index=False)
    demo = Path(reportgen.__file__).parent / "demo/data"
    faces = pd.read_csv(demo / "synthetic_faces.csv").groupby("emotion").head(10)[["image_path", "emotion", "person"]]
    faces.assign(image_path=[str(demo / path) for path in faces["image_path"]]).to_csv(
        folder / "faces.csv", index=False
    )
    return folder


def config(notebook: Path, folder: Path, output: Path, model: dict[str, Any], **more: Any) -> Config:
    settings = {"data": folder / f"{more.pop('data', 'all')}.csv", "experiments": "quick", **more}
    return Config(models={"Net": model}, image_root=notebook, output=output, classes=CLASSES, workers=2, **settings)


@pytest.fixture(scope="module")
def by_onnx(notebook: Path, folder: Path) -> BuildResult:
    return build(
        config(notebook, folder, folder / "onnx", {"checkpoint": folder / "net.onnx"}, data="faces", single_file=True)
    )


@pytest.fixture(scope="module")
def by_torch(notebook: Path, folder: Path) -> BuildResult:
    module = Path(__file__).stem
    half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "width": SIZE, "height": SIZE}
    model = {"checkpoint": folder / "net.pth", "factory": f"{module}:Net", "preprocessing": half}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        return build(config(notebook, folder, folder / "torch", model, data="faces"))


def answers(result: BuildResult) -> dict[str, Any]:
    """Of every experiment that both have, the pictures' design and the logits, by its name."""
    found = {}
    for path in sorted((result.analysis / "experiments").glob("*/*/*.parquet")):
        table = pq.read_table(path)
        if "logits" not in table.column_names or path.parts[-3] == "components":  # an ONNX file shows no features
            continue
        known = [name for name in ("logits", "features") if name in table.column_names]
        found[path.parts[-3]] = table.drop_columns(known), np.array(table.column("logits").to_pylist())
    return found


def test_scores_and_experiments_are_those_of_the_same_network_in_torch(
    by_onnx: BuildResult, by_torch: BuildResult
) -> None:
    ours, plain = (read_analysis(result.analysis).models[0] for result in (by_onnx, by_torch))
    largest = float(np.abs(plain.logits).max())
    assert np.allclose(ours.logits, plain.logits, atol=1e-4 * largest)
    assert np.array_equal(ours.predicted, plain.predicted)
    # Which errors are changed follows from where the heat lies, which differs; the other experiments are the same.
    both = (answers(by_onnx), answers(by_torch))
    assert "transplants" in both[0]
    for name in both[0].keys() & {"interventions", "cues", "transplants"}:
        (mine, logits), (theirs, expected) = (found[name] for found in both)
        assert mine.equals(theirs) and len(logits) > 50
        assert np.allclose(logits, expected, atol=1e-4 * largest)
    pages = [(result.site / "models/net.html").read_text(encoding="utf-8") for result in (by_onnx, by_torch)]
    scores = [page[page.index("<h1") : page.index('id="trust"')] for page in pages]
    assert "Scores by emotion" in scores[0]
    numbers = [re.findall(r"[\d.]+ ?%|\.\d\d\b", text) for text in scores]
    assert numbers[0] == numbers[1] and len(numbers[0]) > 40


def test_the_records_say_how_they_were_made(by_onnx: BuildResult) -> None:
    analysis = read_analysis(by_onnx.analysis)
    (model,) = analysis.models
    info = model.info
    assert (info["architecture"], info["method"], info["target_layer"], info["grid"]) == (
        "ONNX",
        "ablation",
        "",
        [7, 7],
    )
    assert model.null_mass is None and model.peak_changed is not None and np.isnan(model.peak_changed).all()
    assert model.maps.any(axis=(1, 2, 3)).all() and "onnxruntime" in analysis.manifest["versions"]
    assert any("mean and standard deviation of its input as its file states them" in note for note in info["notes"])


def test_every_page_calls_the_maps_what_they_are(by_onnx: BuildResult) -> None:
    pages = {path.relative_to(by_onnx.site).as_posix(): path.read_text(encoding="utf-8")
             for path in by_onnx.site.rglob("*.html")}  # fmt: skip
    for name, text in pages.items():
        plain = re.sub(r"(?s)<script.*?</script>|<[^>]+>", " ", text)
        assert "Grad-CAM" not in text, name
        assert not re.search(r"scrambled last layer|target layer \?|layer ,|last layers is kept|\bnan\b", plain), name
    assert "Ablation in plain words" in pages["method.html"] and "Maps by ablation: Net" in pages["method.html"]
    model = pages["models/net.html"]
    assert "two of the three checks need layers" in model or "Do not read these heatmaps as reasons" in model
    assert model.count("not measured") == 2
    assert (
        "Ablation map of Net for" in pages["images/" + next(p.split("/")[1] for p in pages if p.startswith("images/"))]
    )
    assert "How far the log-odds of one class fall when this place is hidden" in pages["method.html"]
    assert by_onnx.single is not None and by_onnx.single.is_file()


def test_a_limited_number_of_maps_is_even_over_the_emotions_and_reused(
    notebook: Path, folder: Path, tmp_path: Path
) -> None:
    def run(most: int, data: str = "all") -> tuple[int, Analysis]:
        entry = config(
            notebook, folder, tmp_path, {"checkpoint": folder / "net.onnx"}, max_ablated_images=most, data=data
        )
        done = analyse(entry, load_test_set(entry), tmp_path / "analysis", SilentProgress())
        return done, read_analysis(tmp_path / "analysis")

    done, some = run(14)
    mapped = rows_with_maps(some)
    assert done == 28 and np.bincount(some.labels[mapped]).tolist() == [2] * 7
    assert some.models[0].maps[mapped].any(axis=(1, 2, 3)).all()
    assert not np.delete(some.models[0].maps, mapped, axis=0).any()
    assert run(14)[0] == 0
    done, all_of_them = run(28)
    assert done == 14 and len(rows_with_maps(all_of_them)) == 28  # those with a map keep it
    assert np.array_equal(all_of_them.models[0].maps[mapped], some.models[0].maps[mapped])


def test_a_report_on_some_maps_says_so_and_hides_faces(notebook: Path, folder: Path, tmp_path: Path) -> None:
    model = {"checkpoint": folder / "net.onnx"}
    result = build(
        config(notebook, folder, tmp_path, model, max_ablated_images=14, experiments="off", privacy="outline")
    )
    index = (result.site / "index.html").read_text(encoding="utf-8")
    assert "28 test images, 14 of them explained" in index
    assert "the setting max_ablated_images says how many are made" in index
    assert len(list((result.site / "images").glob("*.html"))) <= 14


def test_parts_are_merged_and_compared(notebook: Path, folder: Path, tmp_path: Path) -> None:
    model = {"checkpoint": folder / "net.onnx"}
    for data in ("even", "odd", "all"):
        entry = config(notebook, folder, tmp_path / data, model, data=data, max_ablated_images=7)
        analyse(entry, load_test_set(entry), tmp_path / data / "analysis", SilentProgress())
    merge_analyses([tmp_path / "even", tmp_path / "odd"], tmp_path / "merged/analysis")
    merged, whole = read_predictions(tmp_path / "merged/analysis"), read_predictions(tmp_path / "all/analysis")
    assert len(rows_with_maps(merged)) == 14
    by_id = merged.images["image_id"].tolist()
    order = [by_id.index(name) for name in whole.images["image_id"]]
    assert np.array_equal(merged.models[0].logits[order], whole.models[0].logits)
    site = diff(Config(output=tmp_path / "diff", image_root=notebook), tmp_path / "all", tmp_path / "merged").site
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "No change of accuracy is proven for Net." in text and "none, maps by ablation" in text


def test_the_command_line_takes_the_file_alone(folder: Path, tmp_path: Path) -> None:
    found = load_config(None, {"models": {"Net": {"checkpoint": folder / "net.onnx"}}})
    assert found.models["Net"].checkpoint.suffix == ".onnx" and found.max_ablated_images == 400
