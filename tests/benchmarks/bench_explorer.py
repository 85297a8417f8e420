"""How fast the explorer is: a synthetic report of many images, opened from files in Chromium.

    python tests/benchmarks/bench_explorer.py --images 10000 --rounds 5

Prints the time to first paint and to the first results, and for each filter the time from the last keystroke to the
painted results. Exits with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.config import Config
from reportgen.evidence.attention.findings import judge_maps
from reportgen.evidence.attention.measure import Cases, ModelMaps
from reportgen.evidence.examples.mining import mine
from reportgen.evidence.performance.model_comparison import compare_models
from reportgen.evidence.performance.scores import score_model
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import fractions_on_grids
from reportgen.inputs.images.quality import QUALITY_COLUMNS
from reportgen.progress import SilentProgress
from reportgen.site.publish import publish
from reportgen.site.report import Report

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
FIRST_PAINT, FILTER = 1500.0, 100.0
QUERIES = (
    "wrong",
    "true:sadness pred:fear model:resnet18 wrong conf:>0.8",
    "region:mouth",
    "pattern:diffuse conf:<0.5",
    "differ",
    "image_00123",
    "true:happiness right",
)
FILTERED = """async (text) => {
  const query = document.getElementById("query"), results = document.getElementById("results");
  const drawn = new Promise(resolve => new MutationObserver((_, watch) => { watch.disconnect(); resolve(); })
    .observe(results, { childList: true }));
  const began = performance.now();
  query.value = text;
  query.dispatchEvent(new Event("input"));
  await drawn;
  await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - began;
}"""
PAINTED = """() => new Promise(resolve => {
  const read = () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    const shown = document.querySelectorAll("#results > li").length;
    if (paint && shown) resolve([paint.startTime, performance.now()]);
    else requestAnimationFrame(read);
  };
  read();
})"""


def synthetic(images: int, seed: int = 0) -> Report:
    """Random answers and maps of two models on plain pictures."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), images)
    hashes = [hashlib.sha256(str(row).encode()).hexdigest() for row in range(images)]
    frame = pd.DataFrame(
        {
            "row": np.arange(images),
            "image_id": [digest[:12] for digest in hashes],
            "path": [f"images/image_{row:05d}_of_some_person.jpg" for row in range(images)],
            "emotion": [CLASSES[label] for label in labels],
            "label": labels.astype(np.int32),
            "person": pd.array([f"person {row // 4}" for row in range(images)], dtype="string"),
            "sha256": hashes,
            "width": 48,
            "height": 48,
            "format": "JPEG",
            "jpeg_quality": np.where(labels % 3, 95.0, 75.0),
            "notes": np.where(labels % 2, "grey", ""),
        }
    )
    for name in QUALITY_COLUMNS:
        frame[name] = rng.random(images).astype(np.float32)
    frame["perceptual_hash"] = [digest[:16] for digest in hashes]
    frame.loc[labels % 2 == 1, "colourfulness"] = 0.0
    points = (canonical_points()[None] + rng.normal(0, 0.01, (images, 478, 2))).astype(np.float32)
    detector = ("detector",) * images
    faces = FaceRecords(
        points, np.ones(images, np.float32), detector, detector, np.full((images, 52), np.nan, np.float32)
    )
    models, maps = [], []
    for name, slug, grid in (("Custom CNN", "custom-cnn", 14), ("ResNet18", "resnet18", 7)):
        logits = rng.normal(0, 1, (images, len(CLASSES))).astype(np.float32)
        logits[np.arange(images), labels] += 1.5
        heat = rng.normal(0.2, 1, (images, len(CLASSES), grid, grid)).astype(np.float32)
        info = {
            "architecture": "synthetic",
            "file": "none",
            "sha256": "0" * 64,
            "grid": [grid, grid],
            "method": "gradcam",
        }
        record = ModelRecords(name, slug, info, logits, heat)
        models.append(record)
        masks = np.repeat(fractions_on_grids(canonical_points(), [CellGrid.even(grid, grid)])[0][None], images, axis=0)
        maps.append(ModelMaps(name, slug, heat, masks, record.probabilities))
    manifest: dict[str, Any] = {"classes": list(CLASSES), "notes": [], "versions": {}, "data": {"source": "synthetic"}}
    problems = pd.DataFrame(columns=["path", "emotion", "kind", "message"])
    analysis = Analysis(Path("analysis"), manifest, frame, problems, tuple(models), faces)
    cases = Cases(CLASSES, labels, tuple(frame["image_id"]), sources=detector)
    colours = rng.integers(40, 220, (64, 48, 48, 3), dtype=np.uint8)
    return Report(
        analysis=analysis,
        scores=tuple(score_model(m.name, labels, m.probabilities, CLASSES, 0, draws=20) for m in models),
        comparisons=tuple(compare_models(a, b, labels) for a, b in combinations(models, 2)),
        mined=mine(tuple(models), labels, CLASSES, 2, 0, content=hashes),
        class_orders=(None, None),
        load_image=lambda row: colours[row % len(colours)],
        attention=judge_maps(maps, cases, seed=0, draws=20),
    )


def measure(index: Path, rounds: int) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """First paint, first results, and each filter's times, in milliseconds."""
    paints, results = [], []
    times: dict[str, list[float]] = {text: [] for text in QUERIES}
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(index.resolve().as_uri(), wait_until="commit")
            paint, shown = page.evaluate(PAINTED)
            paints.append(paint)
            results.append(shown)
            for text in QUERIES:
                times[text].append(page.evaluate(FILTERED, text))
            context.close()
        browser.close()
    return paints, results, times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--site", type=Path, help="a site that is already there, instead of a synthetic one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = options.site
        if site is None:
            site = publish(synthetic(options.images), Path(folder), Config(zip=False), SilentProgress()).site
        paints, results, times = measure(site / "explorer.html", options.rounds)
        print(f"{options.images:,} images x 2 models, median of {options.rounds} rounds, milliseconds")
        print(f"first paint      {statistics.median(paints):7.0f}   limit {FIRST_PAINT:.0f}")
        print(f"first results    {statistics.median(results):7.0f}   limit {FIRST_PAINT:.0f}")
        worst = 0.0
        for text, found in times.items():
            worst = max(worst, statistics.median(found))
            print(f"filter           {statistics.median(found):7.0f}   limit {FILTER:.0f}   {text}")
    return int(statistics.median(paints) > FIRST_PAINT or worst > FILTER)


if __name__ == "__main__":
    sys.exit(main())
