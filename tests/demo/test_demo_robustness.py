"""Robustness of the demo's two models beside a loop of plain PIL and torch, written from the table of severities."""

from __future__ import annotations

import io
import math
import zlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.torch import load_file

from reportgen.analysis import read_analysis
from reportgen.commands.experiments import Experiments
from reportgen.commands.settle import read_inputs
from reportgen.config import Config, ModelConfig
from reportgen.demo import demo_files
from reportgen.explain.analyse import analyse
from reportgen.faces.regions import outlines
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


def test_the_demos_robustness_is_that_of_an_independent_loop(tmp_path: Path) -> None:
    demo, progress = demo_files(), SilentProgress()
    models = {name: ModelConfig(checkpoint=path) for name, path in demo.models.items()}
    config = Config(data=demo.data, models=models, classes=demo.classes, output=tmp_path)
    found = discover(config)
    read = read_inputs(found, progress)
    analyse(read.config, read.test_set, tmp_path / "analysis", progress)
    analysis = read_analysis(tmp_path / "analysis")
    findings = Experiments(analysis, read.test_set, read.config, progress).robustness()
    assert findings is not None
    assert findings.photos == 10 and findings.pictures == 120

    for k, (name, checkpoint) in enumerate(demo.models.items()):
        net = NETS[name]().eval()
        net.load_state_dict({key: value.float() for key, value in load_file(checkpoint).items()})
        (part,) = (tmp_path / "analysis/experiments/robustness" / analysis.models[k].slug).glob("part-*.parquet")
        table = pq.read_table(part).to_pandas()
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        right: dict[tuple[str, int], int] = {}
        apart = 0.0
        for one in table.itertuples():
            photo = Image.open(demo.data.parent / analysis.images["path"][one.image]).convert("RGB")
            photo = photo.resize((224, 224), Image.Resampling.BILINEAR)
            points = analysis.faces.points[one.image]
            shown = worse(photo, one.change, DISTURBANCES[one.change].levels[one.level], points)
            batch = ((torch.from_numpy(np.array(shown)).float() / 255 - mean) / std).permute(2, 0, 1)[None]
            with torch.inference_mode():
                logits = net(batch)[0]
            ours = torch.tensor(np.asarray(one.logits[: len(demo.classes)]))
            apart = max(apart, float((logits.softmax(0) - ours.softmax(0)).abs().max()))
            key = one.change, one.level
            right[key] = right.get(key, 0) + int(int(logits.argmax()) == int(analysis.labels[one.image]))
        assert apart < 1e-5
        effects = {(e.change, e.level): e for e in findings.effects if e.model == name}
        assert {key: effect.overall.still for key, effect in effects.items()} == right
        for effect in effects.values():
            assert effect.overall.after.value == pytest.approx(right[effect.change, effect.level] / 10, abs=1e-5)
            assert sum(part.still for part in effect.emotions) == effect.overall.still
