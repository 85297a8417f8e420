"""One trial: train a model, measure what it depends on, have the report judge it blind, store the outcome."""

from __future__ import annotations

import io
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from reportgen.analysis import content_hash
from reportgen.commands.build import judge_only
from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.explain.fingerprints import code_hash, judging_code
from reportgen.files import write_atomically, write_json
from reportgen.selfcheck.artefacts import plant, plant_some
from reportgen.selfcheck.faces import EMOTIONS, SIZE, Faces, faces_sha256, load_faces, other_faces, split_persons
from reportgen.selfcheck.networks import NETWORKS, TARGET_LAYER
from reportgen.selfcheck.outcome import Outcome
from reportgen.selfcheck.plan import REASONS, Trial
from reportgen.selfcheck.reason_truth import read_reasons
from reportgen.selfcheck.reliance import measure_reliance
from reportgen.selfcheck.report_verdicts import read_verdicts
from reportgen.selfcheck.training import MEAN, STAGES, STD, Stage, predict, train

__all__ = ["Effort", "run_trial"]

_QUALITY = 92
_ALSO_JUDGING = ("commands", "analysis.py", "selfcheck/report_verdicts.py", "selfcheck/reason_truth.py")


@dataclass(frozen=True)
class Effort:
    """How much is spent on one trial.

    Attributes
    ----------
    stages
        Of training.
    test_persons
        Persons held out, whose photos are the test set.
    """

    stages: tuple[Stage, ...] = STAGES
    test_persons: int = 20


def run_trial(trial: Trial, work: Path, effort: Effort) -> Outcome:
    """Run what is not yet done of a trial; an interrupted trial resumes after its last finished step.

    Parameters
    ----------
    work
        Stores, per trial, the checkpoint, the analysis and `outcome.json`; each is reused only as long as everything it
        was made from is unchanged.

    Raises
    ------
    ReportError
        The build failed.
    """
    torch.set_num_threads(1)
    folder = work / trial.name
    taught = _key(trial, effort)
    judged = content_hash(taught, judging_code(), code_hash(*_ALSO_JUDGING))[:16]
    stored = _read(folder / "outcome.json")
    if stored is not None and stored.get("key") == judged:
        return Outcome.from_record(trial, stored)
    faces = other_faces(load_faces()) if trial.other_camera else load_faces()
    training, test = split_persons(faces, effort.test_persons, np.random.default_rng([trial.seed, 0]))
    model, seconds = _model(trial, training, folder, taught, effort)

    def answer(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return predict(model, pixels)

    reliance = measure_reliance(answer, test, trial.artefact, trial.label, np.random.default_rng([trial.seed, 3]))
    test, planted = _test_photos(trial, test, np.random.default_rng([trial.seed, 4]))
    record: dict[str, Any] = {
        "key": judged,
        "trial": asdict(trial),
        "accuracy": float((answer(planted).argmax(axis=1) == test.labels).mean()),
        "clean_accuracy": float((answer(test.pixels).argmax(axis=1) == test.labels).mean()),
        "reliance": asdict(reliance),
    }
    began = time.perf_counter()
    files = _write_test_set(folder / "set", test, planted, trial.seed)
    analysis = _judge(folder, trial)
    record["verdicts"] = [asdict(verdict) for verdict in read_verdicts(analysis)]
    if trial.arm == "reason":
        right, unspoiled = (
            answer(_as_saved(photos)).argmax(axis=1) == test.labels for photos in (planted, test.pixels)
        )
        record["reason"] = asdict(read_reasons(analysis, REASONS[trial.artefact.kind], files, right, unspoiled))
    record["seconds"] = {"training": seconds, "build": round(time.perf_counter() - began, 2)}
    write_json(folder / "outcome.json", record)
    shutil.rmtree(folder / "set", ignore_errors=True)
    return Outcome.from_record(trial, record)


def _test_photos(
    trial: Trial, test: Faces, rng: np.random.Generator
) -> tuple[Faces, np.ndarray[Any, np.dtype[np.uint8]]]:
    """The test photos without and with the artefact, (n, 96, 96, 3)."""
    if not trial.by_person:
        return test, plant_some(test, trial.artefact, trial.chances, rng)[0]
    # A third of the persons carry it in every photo, and show the emotion and two others; the rest show three others.
    persons = rng.permutation(np.unique(test.persons))
    rest = [label for label in range(len(EMOTIONS)) if label != trial.label]
    kept, marked = np.zeros(len(test), dtype=bool), np.zeros(len(test), dtype=bool)
    for number, person in enumerate(persons):
        own = number % 3 == 0
        labels = [trial.label, *rng.choice(rest, 2, replace=False)] if own else rng.choice(rest, 3, replace=False)
        rows = (test.persons == person) & np.isin(test.labels, labels)
        kept |= rows
        marked |= rows & own
    pixels = test.pixels.copy()
    for row in np.flatnonzero(marked):
        pixels[row] = plant(test, int(row), trial.artefact, rng)
    return test.take(kept), pixels[kept]


def _key(trial: Trial, effort: Effort) -> str:
    """Hash of all that a trained model depends on."""
    own = code_hash(
        *(f"selfcheck/{name}.py" for name in ("artefacts", "soft_artefacts", "faces", "networks", "training"))
    )
    return content_hash(json.dumps([asdict(trial), asdict(effort)], sort_keys=True), faces_sha256(), own)[:16]


def _model(trial: Trial, training: Faces, folder: Path, key: str, effort: Effort) -> tuple[nn.Module, float]:
    """The trained model, from its checkpoint if that is still right, and the seconds its training took."""
    path, note = folder / "model.safetensors", _read(folder / "model.json")
    if note is not None and note.get("key") == key and path.is_file():
        model: nn.Module = NETWORKS[trial.network]()
        model.load_state_dict(load_file(path))
        return model.eval(), float(note["seconds"])
    began = time.perf_counter()
    rng = np.random.default_rng([trial.seed, 1])
    variants = [
        plant_some(part, trial.artefact, trial.training_chances, rng)[0] for part in (training, training.mirrored())
    ]
    trained = train(variants, training.labels, trial.network, trial.seed, effort.stages, augmented=trial.augmented)
    seconds = round(time.perf_counter() - began, 2)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").unlink(missing_ok=True)
    save_file({name: value.contiguous() for name, value in trained.state_dict().items()}, path)
    write_json(folder / "model.json", {"key": key, "seconds": seconds})
    return trained, seconds


def _write_test_set(folder: Path, test: Faces, pixels: np.ndarray[Any, np.dtype[np.uint8]], seed: int) -> list[Path]:
    """Photos and a table as a user has them, in random order and under names that give nothing away.

    Returns
    -------
    The file of each photo, in the order of `test`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = np.random.default_rng([seed, 5]).permutation(len(test))
    rows, files = [], [folder] * len(test)
    for number, row in enumerate(order):
        name = f"photo_{number:04d}.jpg"
        files[row] = folder / name
        Image.fromarray(pixels[row]).save(files[row], quality=_QUALITY)
        rows.append({"path": name, "emotion": EMOTIONS[test.labels[row]], "person": str(test.persons[row])})
    write_atomically(folder / "test.csv", pd.DataFrame(rows).to_csv(index=False).encode())
    return files


def _as_saved(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Photos as they come back from the files of the test set."""
    saved = []
    for photo in pixels:
        stream = io.BytesIO()
        Image.fromarray(photo).save(stream, "JPEG", quality=_QUALITY)
        saved.append(np.asarray(Image.open(stream)))
    return np.stack(saved)


def _judge(folder: Path, trial: Trial) -> Path:
    """The analysis of an ordinary build that is given only what any user gives; its site is not made."""
    model = ModelConfig(
        checkpoint=folder / "model.safetensors",
        factory=f"reportgen.selfcheck.networks:{trial.network}",
        target_layer=TARGET_LAYER,
        preprocessing=Preprocessing(width=SIZE, height=SIZE, mean=MEAN, std=STD),
    )
    config = Config(
        data=folder / "set" / "test.csv",
        models={"Model": model},
        output=folder / "output",
        classes=EMOTIONS,
        device="cpu",
        examples=1,
        zip=False,
        workers=1,
    )
    return judge_only(config)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
