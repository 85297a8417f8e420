"""A small report made of drawn faces and constructed maps, and the sites built from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from reportgen.analysis import Analysis, FaceRecords, ModelRecords, slugify
from reportgen.config import Config
from reportgen.evidence.agreement import compare_models
from reportgen.evidence.class_order import likely_order
from reportgen.evidence.judge import AttentionFindings, judge
from reportgen.evidence.measure import Cases, ModelMaps
from reportgen.evidence.mining import mine
from reportgen.evidence.scores import score_model
from reportgen.faces.align import canonical_points
from reportgen.faces.landmarks import ACTIONS
from reportgen.faces.regions import REGIONS
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import DataNote, Report

CLASSES = ("anger", "fear", "happiness", "neutral")
COUNTS = (12, 3, 26, 0)


def _face(row: int, height: int, width: int) -> np.ndarray:
    image = Image.new("RGB", (width, height), (60 + row % 7 * 20, 120, 90 + row % 5 * 20))
    draw = ImageDraw.Draw(image)
    draw.ellipse([0.15 * width, 0.08 * height, 0.85 * width, 0.95 * height], fill=(224, 180, 150))
    for x in (0.35, 0.65):
        draw.ellipse([(x - 0.05) * width, 0.36 * height, (x + 0.05) * width, 0.44 * height], fill="black")
    draw.arc([0.32 * width, 0.55 * height, 0.68 * width, 0.8 * height], 10 + 5 * (row % 8), 170, fill="red", width=2)
    return np.asarray(image)


def _model(name: str, labels: np.ndarray, classes: int, grid: int, seed: int) -> ModelRecords:
    rng = np.random.default_rng(seed)
    n = len(labels)
    logits = rng.normal(0, 1, (n, classes)).astype(np.float32)
    logits[np.arange(n), labels] += np.where(labels >= 0, 1.6, 0).astype(np.float32)
    maps = rng.normal(0, 0.05, (n, classes, grid, grid)).astype(np.float32)
    for c in range(classes):
        maps[:, c, (c + 1) % grid, grid // 2] += 1.0
    # A blank map among the answers, which every page has to survive.
    maps[0] = -0.1
    info = {
        "architecture": "TestNet",
        "file": "test.pth",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "target_layer": "layer4",
        "grid": [grid, grid],
        "input": [224, 224],
        "method": "gradcam",
        "notes": [],
    }
    return ModelRecords(name, slugify(name), info, logits, maps)


def _masks(n: int, grid: int) -> np.ndarray:
    """Regions in rows: forehead, eyes and brows, nose, mouth, then cheeks; the border is background."""
    masks = np.zeros((n, len(REGIONS), grid, grid), dtype=np.float32)
    bands = ("forehead", "eyes+brows", "nose", "mouth", "cheeks+jaw")
    masks[:, REGIONS.index("background")] = 1
    for row in range(grid // 7, grid - grid // 7):
        band = bands[min(4, (row - grid // 7) * 5 // (grid - 2 * (grid // 7)))]
        masks[:, REGIONS.index(band), row, grid // 7 : grid - grid // 7] = 1
        masks[:, 0, row, grid // 7 : grid - grid // 7] = 1
        masks[:, REGIONS.index("background"), row, grid // 7 : grid - grid // 7] = 0
    return masks


def _faces(labels: np.ndarray) -> FaceRecords:
    """Points a little off the median face; every tenth image has the template's. Happy faces smile."""
    rng = np.random.default_rng(5)
    n = len(labels)
    source = tuple("template" if row % 10 == 9 else "whole" if row % 10 == 8 else "detector" for row in range(n))
    points = canonical_points()[None] * 0.8 + rng.uniform(0.05, 0.15, (n, 1, 2)).astype(np.float32)
    actions = rng.uniform(0, 0.3, (n, len(ACTIONS))).astype(np.float32)
    actions[labels == 2, ACTIONS.index("mouthSmileLeft")] += 0.6
    actions[labels == 2, ACTIONS.index("browDownRight")] -= 0.2
    actions[[name == "template" for name in source]] = np.nan
    return FaceRecords(points, np.ones(n, dtype=np.float32), source, source, actions)


def _attention(
    models: tuple[ModelRecords, ...], labels: np.ndarray, classes: tuple[str, ...], faces: FaceRecords
) -> AttentionFindings:
    maps = [ModelMaps(m.name, m.slug, m.maps, _masks(len(labels), m.maps.shape[-1]), m.probabilities) for m in models]
    ids = tuple(f"{row:012x}" for row in range(len(labels)))
    cases = Cases(classes, labels, ids, sources=faces.regions_from)
    return judge(maps, cases, faces.actions, ACTIONS, seed=0, draws=200)


MakeReport = Callable[..., Report]


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    """Builds a report; names, labels and the number of models can be chosen."""

    def make(
        *,
        models: tuple[str, ...] = ("Custom CNN", "ResNet18"),
        classes: tuple[str, ...] = CLASSES,
        labelled: bool = True,
        measured: bool = False,
        path: Callable[[int], str] = lambda row: f"images/face_{row:03d}.png",
        **more: Any,
    ) -> Report:
        labels = np.repeat(np.arange(len(COUNTS)), COUNTS) if labelled else np.full(8, -1)
        n = len(labels)
        shapes = [(40 + row % 3 * 20, 50) for row in range(n)]
        pixels = [_face(row, *shapes[row]) for row in range(n)]
        hashes = [hashlib.sha256(image.tobytes() + bytes([row])).hexdigest() for row, image in enumerate(pixels)]
        images = pd.DataFrame(
            {
                "image_id": [value[:12] for value in hashes],
                "path": [path(row) for row in range(n)],
                "emotion": [classes[k] if k >= 0 else None for k in labels],
                "label": labels.astype(np.int32),
                "person": pd.array([f"person {row // 2}" if row % 3 else None for row in range(n)], dtype="string"),
                "sha256": hashes,
                "width": [shape[1] for shape in shapes],
                "height": [shape[0] for shape in shapes],
                "notes": ["grey" if row % 4 == 0 else "" for row in range(n)],
            }
        )
        records = tuple(_model(name, labels, len(classes), 7 * (k + 1), k) for k, name in enumerate(models))
        manifest = {
            "schema": 1,
            "classes": list(classes),
            "data": {"file": "processed_data.pkl"},
            "models": [],
            "notes": [],
            "versions": {"reportgen": "0.0.0", "numpy": "0"},
        }
        problems = pd.DataFrame(
            [("/home/someone/photos/broken.png", "anger", "undecodable", "not an image")],
            columns=["path", "emotion", "kind", "message"],
        )
        faces = _faces(labels) if measured else None
        analysis = Analysis(Path("analysis"), manifest, images, problems, records, faces)
        return Report(
            analysis=analysis,
            scores=tuple(score_model(m.name, labels, m.probabilities, classes, 0, draws=50) for m in records),
            comparisons=tuple(compare_models(a, b, labels) for a, b in combinations(records, 2)),
            mined=mine(records, labels, classes, 3, 0, content=hashes),
            class_orders=tuple(likely_order(labels, m.predicted, classes) for m in records),
            load_image=lambda row: pixels[row],
            data_notes=(
                DataNote("Images left out", "2 of 41.", ("/home/someone/my photos/a.png: not an image",), serious=True),
            ),
            command="reportgen build --data /home/someone/processed_data.pkl",
            attention=_attention(records, labels, classes, faces) if faces is not None else None,
            **more,
        )

    return make


@pytest.fixture(scope="session")
def report(make_report: MakeReport) -> Report:
    return make_report(measured=True)


def _publish(report: Report, folder: Path, **settings: Any) -> Published:
    return publish(report, folder, Config(**settings), SilentProgress())


@pytest.fixture(scope="session")
def publish_report() -> Callable[..., Published]:
    """Publishes a report into a folder; settings by name."""
    return _publish


@pytest.fixture(scope="session")
def published(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The small report's site. Do not write into it."""
    return _publish(report, tmp_path_factory.mktemp("published"))


HOSTILE = "\"><script>alert(1)</script>&'.png"


@pytest.fixture(scope="session")
def hostile(make_report: MakeReport, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Names that would do harm if any page printed them as they are."""
    made = make_report(
        models=('<img src=x onerror="alert(2)">', "</script><script>alert(3)</script>"),
        classes=("<b>anger</b>", "fe ar", "{{ 7 * 7 }}", "fe-ar"),
        path=lambda row: f"C:\\Users\\someone\\{row}{HOSTILE}" if row % 2 else f"/home/someone/{row}{HOSTILE}",
    )
    return _publish(made, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def variants(
    make_report: MakeReport, published: Published, hostile: Published, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Published]:
    """Every kind of report a site can be made from."""
    folder = tmp_path_factory.mktemp("variants")
    return {
        "two models": published,
        "hostile names": hostile,
        "regions not measured": _publish(make_report(), folder / "plain"),
        "one model": _publish(make_report(models=("Only",)), folder / "one"),
        "three models": _publish(
            make_report(models=("A", "B", "C"), measured=True), folder / "three", overlay="classic"
        ),
        "no labels": _publish(make_report(labelled=False), folder / "unlabelled"),
        "one model, no labels": _publish(make_report(models=("Only",), labelled=False), folder / "both"),
    }
