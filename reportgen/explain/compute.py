"""The part of an analysis that needs torch: loads the models and runs the pass, here or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from reportgen.config import Config
from reportgen.explain.experiments.components import keep_last_weights
from reportgen.explain.face_finder import FaceFinder, view_of
from reportgen.explain.fingerprints import Fingerprints, ModelFingerprints
from reportgen.explain.loading import AnyExplainer, ReadyModel, explainer_of, load_model
from reportgen.explain.one_pass import CHUNK, Recorder, run_pass
from reportgen.explain.record_cache import FaceCache, RecordCache
from reportgen.explain.recorders import FaceRecorder, ImageFacts, ModelRecorder
from reportgen.explain.tuning import Tuning
from reportgen.explain.workers import available_cores, single_threaded
from reportgen.inputs.testset import TestSet
from reportgen.models.registry import PLACES_UNCLEAR
from reportgen.progress import Progress
from reportgen.shards import PartStore

__all__ = ["Computed", "compute"]


@dataclass(frozen=True)
class Computed:
    """Each model's entry in the manifest, and how many images were processed."""

    models: list[dict[str, Any]]
    images: int


def compute(
    config: Config,
    test_set: TestSet,
    fingerprints: Fingerprints,
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
        How each model is run, by name: those that the fingerprints were taken with.
    kind
        Of the workers' device, where a cluster has another one than this machine.

    Raises
    ------
    CheckpointError, ConfigError
        A model cannot be used.
    """
    with ExitStack() as stack:
        recorders: list[Recorder] = [
            ImageFacts(PartStore(folder / "images"), fingerprints.image_keys, fingerprints.frame)
        ]
        entries, views, checkpoints = [], [], {}
        with progress.stage("Loading the models", len(fingerprints.models)) as step, single_threaded():
            for model in fingerprints.models:
                ready = load_model(model.name, model.config, test_set.classes, unsafe=config.unsafe_load)
                tuning = tunings[model.name]
                explainer = explainer_of(ready, config, device, tuning)
                stack.enter_context(explainer)
                store = PartStore(folder / "models" / model.slug)
                recorders.append(
                    ModelRecorder(
                        store, model.keys, explainer, fingerprints.frame,
                        exclusive=device.type != "cpu" and not ready.model.forward_only, mapped=model.mapped,
                    )
                )  # fmt: skip
                views.append(view_of(explainer.grid, explainer.preprocessing))
                checkpoints[model.name] = ready.checkpoint
                entries.append(_manifest_entry(model, ready, explainer, tuning, config))
                if config.experiments != "off":
                    keep_last_weights(folder, model.slug, model.keys.parts, explainer.last_weights)
                if ready.suspicion is not None:
                    progress.note(f"warning: {ready.suspicion}")
                step.advance()
        faces = None
        if fingerprints.face_keys is not None:
            landmarks = PartStore(folder / "landmarks")
            faces = FaceFinder(
                config, test_set.frame, views, FaceCache(RecordCache(landmarks), fingerprints.face_keys.rows)
            )
            recorders.insert(
                1, FaceRecorder(landmarks, fingerprints.face_keys, fingerprints.frame["image_id"].tolist())
            )
        if config.engine == "ray":
            from reportgen.explain.ray.cluster import run_on_ray  # an extra

            done = run_on_ray(
                config, test_set, fingerprints, recorders, checkpoints, folder, kind or device.type, tunings, progress
            )
            return Computed(entries, done)
        workers = config.workers or available_cores()
        chunk = max(CHUNK, *(tunings[model.name].batch_size for model in fingerprints.models))
        done = run_pass(test_set, recorders, faces, config.shard_images, workers, progress, chunk_images=chunk)
    return Computed(entries, done)


def _manifest_entry(
    model: ModelFingerprints,
    ready: ReadyModel,
    explainer: AnyExplainer,
    tuning: Tuning,
    config: Config,
) -> dict[str, Any]:
    """A model's entry in the manifest: names and numbers only, no path.

    With the checkpoint's hash it holds everything that the model's records depend on besides rows, seed, device and
    code, so that records made elsewhere can be recognised as the same model's.
    """
    spec = ready.model.preprocessing
    return {
        "name": model.name,
        "slug": model.slug,
        "architecture": ready.model.architecture,
        "target_layer": ready.model.layer_name,
        "sha256": model.sha256,
        "facts": ready.checkpoint.facts,
        # Where a layer's cells see is no matter where the map lies on the patches themselves.
        "notes": [note for note in ready.notes if explainer.method != "lrp" or note != PLACES_UNCLEAR],
        "grid": list(explainer.grid.shape),
        # Of a square picture; any other that is cut is refused.
        "cell_centres": explainer.grid.within(spec.window(1000, 1000)).record,
        "input": [spec.height, spec.width],
        "preprocessing": spec.model_dump(mode="json"),
        "classes": list(ready.outputs),
        "output": model.config.output,
        "output_columns": model.config.output_columns,
        "settings": model.settings,
        "method": explainer.method,
        "maps_of_all": model.mapped is None,
        "random_heads": not ready.model.forward_only,
        "regions": config.regions != "none",
        "head_is_separate": explainer.head_is_separate,
        "features": int(explainer.last_weights.shape[1]),
        "precision": tuning.precision,
        "precision_change": None if tuning.change is None else asdict(tuning.change),
        "parts": list(model.keys.parts),
    }
