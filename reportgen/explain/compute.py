"""Loads the models and runs the pass: the part of an analysis that needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from reportgen.config import Config, ModelConfig
from reportgen.errors import CheckpointError, ConfigError
from reportgen.explain.explainer import Explainer
from reportgen.explain.face_finder import FaceFinder
from reportgen.explain.fingerprints import ModelPlan, Plan
from reportgen.explain.one_pass import CHUNK, Consumer, run_pass
from reportgen.explain.record_cache import KeptFaces, KeptRecords
from reportgen.explain.recorders import FaceRecorder, ImageFacts, ModelRecorder
from reportgen.explain.tuning import Tuning
from reportgen.explain.workers import available_cores, single_threaded
from reportgen.inputs.checkpoints.reading import Checkpoint, read_checkpoint
from reportgen.inputs.discover import swapped
from reportgen.inputs.emotions import match_class
from reportgen.inputs.testset import TestSet
from reportgen.models.registry import LoadedModel, build_model
from reportgen.progress import Progress
from reportgen.shards import PartStore

__all__ = ["Computed", "class_positions", "compute", "own_device", "pick_device"]


@dataclass(frozen=True)
class Computed:
    """What the manifest says of every model, and how many images were processed."""

    models: list[dict[str, Any]]
    images: int


def pick_device(wish: str) -> torch.device:
    """The device to run on: the wish, or for "auto" CUDA, then MPS, then the processor.

    Raises
    ------
    ConfigError
        The wish is not present here.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wish == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    kind = wish.partition(":")[0]
    if (kind == "cuda" and not cuda) or (kind == "mps" and not mps):
        raise ConfigError(f"--device {wish}: torch {torch.__version__} finds none here; use --device cpu or auto")
    return torch.device(wish)


def own_device(config: Config) -> tuple[torch.device, str]:
    """What this machine runs on, and the kind that the analysis is made on.

    They differ where a cluster's workers have the device that was asked for and this machine has not: what is left to
    do here is done on its processor.

    Raises
    ------
    ConfigError
        The device is not present here, and no cluster is to be asked.
    """
    try:
        here = pick_device(config.device)
    except ConfigError:
        if config.engine != "ray":
            raise
        return torch.device("cpu"), config.device.partition(":")[0]
    return here, here.type


def compute(
    config: Config,
    test_set: TestSet,
    plan: Plan,
    folder: Path,
    device: torch.device,
    tunings: Mapping[str, Tuning],
    progress: Progress,
    kind: str | None = None,
) -> Computed:
    """Run the pass for every part that `folder` lacks.

    Parameters
    ----------
    tunings
        How each model is run, by name: those that the plan was made with.
    kind
        Of the workers' device, where a cluster has another one than this machine.

    Raises
    ------
    CheckpointError, ConfigError
        A model cannot be used.
    """
    with ExitStack() as stack:
        consumers: list[Consumer] = [ImageFacts(PartStore(folder / "images"), plan.image_keys, plan.frame)]
        entries, grids, jobs = [], [], []
        with progress.stage("Loading the models", len(plan.models)) as step, single_threaded():
            for model in plan.models:
                checkpoint = read_checkpoint(model.config.checkpoint, unsafe=config.unsafe_load)
                loaded = build_model(model.name, checkpoint.state, model.config)
                order = class_positions(model.name, loaded.num_classes, model.config, test_set.classes)
                explainer = stack.enter_context(
                    Explainer(
                        loaded,
                        order,
                        config.method,
                        device,
                        tunings[model.name],
                        config.seed,
                        probing=config.regions != "none",
                    )
                )
                store = PartStore(folder / "models" / model.slug)
                consumers.append(
                    ModelRecorder(store, model.keys, explainer, plan.frame, exclusive=device.type != "cpu")
                )
                grids.append(explainer.grid)
                jobs.append((model, checkpoint.state))
                outputs = [test_set.classes[order.index(output)] for output in range(len(order))]
                entries.append(_entry(model, checkpoint, loaded, explainer, config, outputs))
                doubt = swapped(model.name, model.config.checkpoint.name, loaded.architecture)
                if doubt is not None:
                    progress.note(f"warning: {doubt}")
                    entries[-1]["notes"].append(doubt)
                step.advance()
        faces = None
        if plan.face_keys is not None:
            landmarks = PartStore(folder / "landmarks")
            faces = FaceFinder(config, test_set.frame, grids, KeptFaces(KeptRecords(landmarks), plan.face_keys.rows))
            consumers.insert(1, FaceRecorder(landmarks, plan.face_keys, plan.frame["image_id"].tolist()))
        if config.engine == "ray":
            from reportgen.explain.ray.cluster import run_on_ray
            from reportgen.explain.ray.shard_worker import ModelJob

            sent = [ModelJob(model.name, model.slug, model.config, state) for model, state in jobs]
            done = run_on_ray(config, test_set, plan, consumers, sent, folder, kind or device.type, tunings, progress)
            return Computed(entries, done)
        workers = config.workers or available_cores()
        chunk = max(CHUNK, *(tunings[model.name].batch_size for model in plan.models))
        done = run_pass(test_set, consumers, faces, config.shard_images, workers, progress, chunk_images=chunk)
    return Computed(entries, done)


def class_positions(name: str, outputs: int, model: ModelConfig, classes: Sequence[str]) -> list[int]:
    """Where each class of the report stands among a model's outputs.

    Raises
    ------
    CheckpointError
        The model has another number of outputs than there are classes.
    ConfigError
        The model's own class order is not a permutation of the report's classes.
    """
    if model.classes is None:
        if outputs != len(classes):
            raise CheckpointError(
                f"{model.checkpoint}: model '{name}' has {outputs} outputs, the test set {len(classes)} classes "
                f"({', '.join(classes)}); set classes in reportgen.toml"
            )
        return list(range(outputs))
    own = [match_class(text, classes) or text for text in model.classes]
    if sorted(own) != sorted(classes) or len(own) != outputs:
        raise ConfigError(
            f"model '{name}': classes ({', '.join(own)}) must name the {outputs} outputs and be the test set's "
            f"({', '.join(classes)}) in any order"
        )
    return [own.index(emotion) for emotion in classes]


def _entry(
    model: ModelPlan,
    checkpoint: Checkpoint,
    loaded: LoadedModel,
    explainer: Explainer,
    config: Config,
    outputs: Sequence[str],
) -> dict[str, Any]:
    """What was found of a model, for the manifest: names and numbers only, no path.

    With the checkpoint's hash this is all that the model's records depend on beside rows, seed, device and code, so
    that records made elsewhere can be told to belong to them.
    """
    spec = loaded.preprocessing
    return {
        "name": model.name,
        "slug": model.slug,
        "architecture": loaded.architecture,
        "target_layer": loaded.target_layer,
        "sha256": model.sha256,
        "facts": checkpoint.facts,
        "notes": list(checkpoint.notes),
        "grid": list(explainer.grid),
        "input": [spec.height, spec.width],
        "preprocessing": spec.model_dump(mode="json"),
        "classes": list(outputs),
        "settings": model.settings,
        "method": config.method,
        "regions": config.regions != "none",
        "head_is_separate": explainer.head_is_separate,
        "precision": explainer.tuning.precision,
        "precision_change": None if explainer.tuning.change is None else asdict(explainer.tuning.change),
        "parts": list(model.keys.parts),
    }
