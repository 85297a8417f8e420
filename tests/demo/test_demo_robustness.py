"""Robustness of the demo's two models beside a loop of plain PIL and torch, written from the table of severities."""

from __future__ import annotations

import io
import math
import zlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.torch import load_file

from reportgen.analysis import Analysis, read_analysis
from reportgen.commands.experiments import Experiments
from reportgen.commands.settle import read_inputs
from reportgen.config import Config, ModelConfig
from reportgen.demo import demo_files
from reportgen.evidence.importance.findings import ImportanceFindings, Swaps
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.robustness.plan import BUDGETS
from reportgen.explain.analyse import analyse
from reportgen.explain.experiments.transplants import TransplantBudget, design_transplants
from reportgen.faces.regions import outlines
from reportgen.faces.transplant import Portrait, transplant
from reportgen.inputs.discover import discover
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel
from reportgen.progress import SilentProgress

pytestmark = pytest.mark.slow

NETS = {"Custom CNN": CustomCNN, "ResNet18": TransferLearningModel}


def worse(image: Image.Image, name: str, level: float | str, points: np.ndarray) -> Image.Image:
    """One change of one photo of 224 pixels, as the table says it in words."""
    pixels = np.asarray(image).astype(np.float64)
    own = zlib.crc32(np.asarray(image).tobytes())
    match name:
        case "blur":
            return image.filter(ImageFilter.GaussianBlur(level))
        case "noise":
            pixels = pixels + level * np.random.default_rng(own).standard_normal((224, 224, 1))
        case "jpeg":
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=int(level))
            return Image.open(stream).convert("RGB")
        case "resolution":
            return image.resize((int(level),) * 2, Image.Resampling.BILINEAR).resize(
                (224, 224), Image.Resampling.BILINEAR
            )
        case "darkness":

            def darker(value: int) -> int:
                v = value / 255
                light = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) * 0.5**level
                return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))

            return image.point([darker(value) for value in range(256)] * 3)
        case "contrast":
            pixels = pixels.mean() + level * (pixels - pixels.mean())
        case "crop":
            away = 224 * (1 - level) / 2
            return image.resize((224, 224), Image.Resampling.BILINEAR, box=(away, away, 224 - away, 224 - away))
        case "rotation":
            wide = Image.fromarray(np.pad(np.asarray(image), ((56, 56), (56, 56), (0, 0)), mode="edge"))
            turned = wide.rotate(level if own % 2 else -level, Image.Resampling.BILINEAR)
            return turned.crop((56, 56, 280, 280))
        case "mirror":
            return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        case "cover":
            places = outlines(points)[level][0] * 224
            left, top = (math.floor(value) for value in places.min(axis=0))
            right, bottom = (math.ceil(value) for value in places.max(axis=0))
            made = image.copy()
            made.paste(tuple(np.rint(pixels.mean(axis=(0, 1))).astype(int).tolist()), (left, top, right, bottom))
            return made
    return Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Experiments]:
    files, progress = demo_files(), SilentProgress()
    output = tmp_path_factory.mktemp("demo")
    models = {name: ModelConfig(checkpoint=path) for name, path in files.models.items()}
    config = Config(data=files.data, models=models, classes=files.classes, output=output)
    found = discover(config)
    read = read_inputs(found, progress)
    analyse(read.config, read.test_set, output / "analysis", progress)
    analysis = read_analysis(output / "analysis")
    return analysis, Experiments(analysis, read.test_set, read.config, progress)


def network(name: str) -> torch.nn.Module:
    net = NETS[name]().eval()
    net.load_state_dict({key: value.float() for key, value in load_file(demo_files().models[name]).items()})
    return net


def photo(analysis: Analysis, row: int) -> Image.Image:
    image = Image.open(demo_files().data.parent / analysis.images["path"][row]).convert("RGB")
    return image.resize((224, 224), Image.Resampling.BILINEAR)


def logits_of(net: torch.nn.Module, image: Image.Image) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    batch = ((torch.from_numpy(np.array(image)).float() / 255 - mean) / std).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return net(batch)[0]


def kept(analysis: Analysis, experiment: str, slug: str) -> pd.DataFrame:
    (part,) = (analysis.folder / "experiments" / experiment / slug).glob("part-*.parquet")
    return pq.read_table(part).to_pandas()


def test_the_demos_robustness_is_that_of_an_independent_loop(demo: tuple[Analysis, Experiments]) -> None:
    analysis, experiments = demo
    findings = experiments.robustness(None)
    assert findings is not None
    assert findings.photos == 10 and findings.pictures == 120
    assert findings.moves is None

    for model in analysis.models:
        net, right, apart = network(model.name), Counter[tuple[str, int]](), 0.0
        for one in kept(analysis, "robustness", model.slug).itertuples():
            level, points = DISTURBANCES[one.change].levels[one.level], analysis.faces.points[one.image]
            logits = logits_of(net, worse(photo(analysis, one.image), one.change, level, points))
            ours = torch.tensor(np.asarray(one.logits[: len(analysis.classes)]))
            apart = max(apart, float((logits.softmax(0) - ours.softmax(0)).abs().max()))
            right[one.change, one.level] += int(int(logits.argmax()) == int(analysis.labels[one.image]))
        assert apart < 1e-5
        effects = {(e.change, e.level): e for e in findings.effects if e.model == model.name}
        assert {key: effect.overall.still for key, effect in effects.items()} == {key: right[key] for key in effects}
        for key, effect in effects.items():
            assert effect.overall.after.value == pytest.approx(right[key] / 10, abs=1e-5)
            assert sum(part.still for part in effect.emotions) == effect.overall.still


CELLS = ("sadness", "eyes+brows"), ("surprise", "mouth")


def test_importance_with_changes_is_that_of_an_independent_loop(
    demo: tuple[Analysis, Experiments], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Change, network, log-odds and trimmed means are written here once more; the swap of pixels is the product's."""
    analysis, experiments = demo
    swapping = {"default": replace(BUDGETS["default"], swaps=True)}
    monkeypatch.setattr("reportgen.commands.experiments.BUDGETS", swapping)
    drawn = design_transplants(analysis, TransplantBudget(12, 0, 6, 1, 1), 0)
    at = [(analysis.classes[e], region) in CELLS for e, region in zip(drawn["emotion"], drawn["region"], strict=True)]
    design = drawn[at].reset_index(drop=True)
    assert len(design) == 48

    def odds(net: torch.nn.Module, of: pd.Series, change: str = "", level: float = 0.0) -> float:
        pair = []
        for row in (of["receiver"], of["donor"]):
            image, points = photo(analysis, row), analysis.faces.points[row]
            pair.append(Portrait(np.array(worse(image, change, level, points) if change else image), points))
        z = logits_of(net, Image.fromarray(transplant(*pair, of["region"]))).double()
        e = of["emotion"]
        return float(z[e] - torch.logsumexp(torch.cat([z[:e], z[e + 1 :]]), 0))

    def drop(values: dict[int, float], cell: tuple[str, str]) -> float:
        """The mean over the donors' emotions of what each receiver loses, without the largest and the smallest."""
        own, lost = {}, {}
        rows = [(k, of) for k, of in design.iterrows() if (analysis.classes[of["emotion"]], of["region"]) == cell]
        for k, of in rows:
            if of["donor_emotion"] == of["emotion"]:
                own[of["receiver"]] = values[k]
        for k, of in rows:
            if of["donor_emotion"] != of["emotion"]:
                lost.setdefault(of["donor_emotion"], []).append(own[of["receiver"]] - values[k])
        means = sorted(sum(one) / len(one) for one in lost.values())
        assert len(means) == 6
        return sum(means[1:-1]) / 4

    nets = {model.name: network(model.name) for model in analysis.models}
    regions, swaps, start = [], {}, {}
    for model in analysis.models:
        start[model.name] = {k: odds(nets[model.name], of) for k, of in design.iterrows()}
        logits = np.zeros((len(design), len(analysis.classes)))
        logits[range(len(design)), design["emotion"]] = [value + math.log(6) for value in start[model.name].values()]
        swaps[model.slug] = Swaps(design, logits)
        missing = (math.nan,) * 4, (0, 0, 0), (math.nan,) * 7
        regions += [
            RegionImportance(model.name, *cell, "yes", 1.0, *missing[0], *missing[1], missing[2]) for cell in CELLS
        ]
    found = experiments.robustness(ImportanceFindings(tuple(regions), (), (), {}, swaps))
    assert found is not None and found.moves is not None
    assert len(found.moves) == 2 * 2 * 3
    for model in analysis.models:
        for change, level in (("blur", 2.0), ("darkness", 2.0), ("resolution", 40.0)):
            changed = {k: odds(nets[model.name], of, change, level) for k, of in design.iterrows()}
            for cell in CELLS:
                (move,) = (
                    one for one in found.moves
                    if (one.model, one.change, one.emotion, one.region) == (model.name, change, *cell)
                )  # fmt: skip
                before, after = drop(start[model.name], cell), drop(changed, cell)
                assert move.before == pytest.approx(before, abs=1e-5)
                assert move.after == pytest.approx(after, abs=1e-5)
                assert move.move.value == pytest.approx(after - before, abs=1e-5)
                assert move.receivers == 12
