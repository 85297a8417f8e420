"""Measures how each model runs fastest here: images per batch, and whether bfloat16 pays and what it changes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from reportgen.config import Config, Preprocessing
from reportgen.errors import DataError
from reportgen.explain.explainer import Explainer, Explanation, Question
from reportgen.explain.heads import GROUP
from reportgen.explain.loading import load_model
from reportgen.explain.tuning import WORTH_MEASURING, PrecisionChange, Tuning, tuning_key, usual_tuning, write_tunings
from reportgen.explain.workers import available_cores, worker_threads
from reportgen.inputs.checkpoints.onnx_file import is_onnx
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet
from reportgen.models.preprocessing import resize
from reportgen.progress import Progress

__all__ = ["calibrate", "choose", "measure_change"]

_BATCHES = {"cpu": (2, 4, 8), "cuda": (16, 32, 64, 128), "mps": (16, 32, 64)}
_ROUNDS = 2
_CLEARLY = 0.97  # another batch size than the usual one has to take at most this share of its time
_WINS = 1.2  # bfloat16 has to be this many times as fast: a small gain is no reason to change numbers
_TOLERATED = 0.005  # of the predictions may change
_SAMPLE = (64, 512)  # fewest and most images that measure what bfloat16 changes ...
_SAMPLE_SHARE = 16  # ... one image in this many


def calibrate(
    config: Config,
    test_set: TestSet,
    folder: Path,
    hashes: Mapping[str, str],
    measured: Mapping[str, Tuning],
    device: torch.device,
    progress: Progress,
) -> dict[str, Tuning]:
    """How to run every model, by name: as measured before, or else as measured now, which is then written down.

    Parameters
    ----------
    hashes
        From `model_hashes`.
    measured
        From `read_tunings(folder)`.

    Raises
    ------
    CheckpointError, ConfigError
        A model cannot be used.
    BuildError
        A model gives NaN or infinity.
    """
    keys = {name: tuning_key(hashes[name], config) for name in config.models}
    found = {name: measured[key] for name, key in keys.items() if key in measured}
    found |= {name: usual_tuning("cpu") for name, model in config.models.items() if is_onnx(model.checkpoint)}
    missing = [name for name in config.models if name not in found]
    # On a processor all workers run at once, as they will in the pass: they share its cache and its memory.
    workers = (config.workers or available_cores()) if device.type == "cpu" else 1
    with (
        progress.stage("Finding the fastest way to run the models", len(missing)) as step,
        worker_threads(workers) as pool,
    ):
        for name in missing:
            entry = config.models[name]
            ready = load_model(name, entry, test_set.classes, unsafe=config.unsafe_load)
            with Explainer(ready.model, ready.order, config.method, device, probing=False) as explainer:
                images = _sample(test_set, ready.model.preprocessing, config.precision)
                found[name] = choose(
                    explainer, images, config.precision, len(test_set.frame), device.type, pool, workers
                )
            _report_choice(name, found[name], config.precision, progress)
            step.advance()
    write_tunings(folder, {keys[name]: found[name] for name in config.models})
    return found


def choose(
    explainer: Explainer,
    images: Sequence[npt.NDArray[np.uint8]],
    requested: str,
    n: int,
    device: str,
    pool: ThreadPoolExecutor,
    workers: int,
) -> Tuning:
    """The best way to run one model.

    Parameters
    ----------
    images
        A sample, resized; at least one.
    requested
        "float32", "bf16" or "auto".
    n
        Number of images to explain.
    device
        "cpu", "cuda" or "mps".
    pool, workers
        Threads to run it in, and their number.
    """
    usual = usual_tuning(device)
    questions = _questions(explainer, images)
    sizes = _BATCHES[device] if n >= WORTH_MEASURING else (usual.batch_size,)
    precisions = {"float32": ("float32",), "bf16": ("float32", "bf16"), "auto": ("float32", "bf16")}[requested]
    ways = [Tuning(size, precision) for precision in precisions for size in sizes]
    compared = requested == "auto" or len(sizes) > 1
    costs = _costs(explainer, questions, ways, device, pool, workers) if compared else dict.fromkeys(ways, 0.0)
    exact = _best([way for way in ways if way.precision == "float32"], costs, usual.batch_size)
    if requested == "float32":
        return exact
    fast = _best([way for way in ways if way.precision == "bf16"], costs, usual.batch_size)
    if requested == "auto" and costs[exact] < _WINS * costs[fast]:
        return exact
    changed = measure_change(explainer, questions, exact, fast, pool)
    if requested == "auto" and changed.change is not None:
        again = changed.change.again * costs[exact]
        if costs[exact] < _WINS * (costs[fast] + again) or not _is_tolerable(changed.change):
            return exact
    return changed


def measure_change(
    explainer: Explainer, questions: Sequence[Question], exact: Tuning, fast: Tuning, pool: ThreadPoolExecutor
) -> Tuning:
    """`fast` with its margin, chosen on one half of the questions, and what it then changes on the other half."""
    pieces = [questions[i : i + GROUP] for i in range(0, len(questions), GROUP)]
    slow = _joined(list(pool.map(lambda piece: explainer.explain(piece, exact), pieces)))
    quick = _joined(list(pool.map(lambda piece: explainer.explain(piece, fast), pieces)))
    rows = np.arange(len(questions))
    order = np.argsort(quick.logits, axis=1)[:, ::-1]
    first, second = order[:, 0], order[:, min(1, order.shape[1] - 1)]
    ahead = quick.logits[rows, first] - quick.logits[rows, second]
    off = np.abs(ahead - (slow.logits[rows, first] - slow.logits[rows, second]))
    one, other = (rows[::2], rows[1::2]) if len(rows) > 1 else (rows, rows)
    margin = float(off[one].max())
    close = ahead[other] < margin
    trusted = other[~close]
    predicted = slow.logits.argmax(axis=1)
    exact_maps, quick_maps = slow.maps[rows, predicted][other], quick.maps[rows, predicted][other]
    total = np.maximum(np.abs(exact_maps).sum(axis=(1, 2)), np.finfo(np.float32).tiny)
    difference = np.where(close, 0, np.abs(quick_maps - exact_maps).sum(axis=(1, 2)) / total)
    change = PrecisionChange(
        images=len(other),
        predictions=int((quick.logits[trusted].argmax(axis=1) != predicted[trusted]).sum()),
        map_median=float(np.median(difference)),
        map_high=float(np.quantile(difference, 0.95)),
        again=float(close.mean()),
    )
    return Tuning(fast.batch_size, fast.precision, margin, change)


def _best(ways: Sequence[Tuning], costs: Mapping[Tuning, float], usual: int) -> Tuning:
    """The cheapest; the usual batch size unless another one is clearly better, so that the choice does not waver."""
    fastest = min(ways, key=lambda way: costs[way])
    habit = next((way for way in ways if way.batch_size == usual), fastest)
    return fastest if costs[fastest] < _CLEARLY * costs[habit] else habit


def _costs(
    explainer: Explainer,
    questions: Sequence[Question],
    ways: Sequence[Tuning],
    device: str,
    pool: ThreadPoolExecutor,
    workers: int,
) -> dict[Tuning, float]:
    """Seconds per image of each way, the best of a few alternating rounds, since other load comes and goes."""
    few = (list(questions) * GROUP)[: max(GROUP, *(way.batch_size for way in ways))]
    clock = time.thread_time if device == "cpu" else time.perf_counter

    def run(way: Tuning) -> float:
        began = clock()
        explainer.explain(few, way)
        return (clock() - began) / len(few)

    rounds = [[sum(pool.map(run, [way] * workers)) for way in ways] for _ in range(_ROUNDS)]
    return dict(zip(ways, np.min(rounds, axis=0).tolist(), strict=True))


def _sample(test_set: TestSet, spec: Preprocessing, requested: str) -> list[npt.NDArray[np.uint8]]:
    """Images spread over the test set, as the model sees them; a grey one where none can be read."""
    n = len(test_set.frame)
    count = min(n, GROUP if requested == "float32" else int(np.clip(n // _SAMPLE_SHARE, *_SAMPLE)))
    images = []
    for row in np.unique(np.linspace(0, n - 1, count).round().astype(int)).tolist():
        try:
            images.append(resize(decode(test_set.read_bytes(row)).samples, spec))
        except DataError:
            continue  # the pass lists it
    return images or [resize(np.full((64, 64), 128, np.uint8), spec)]


def _questions(explainer: Explainer, images: Sequence[npt.NDArray[np.uint8]]) -> list[Question]:
    nowhere = np.zeros((0, *explainer.grid.shape), np.float32)
    return [Question(row, -1, image, nowhere) for row, image in enumerate(images)]


def _joined(parts: Sequence[Explanation]) -> Explanation:
    return Explanation(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _is_tolerable(change: PrecisionChange) -> bool:
    return change.predictions <= _TOLERATED * change.images


def _report_choice(name: str, tuning: Tuning, requested: str, progress: Progress) -> None:
    """Print what was chosen, with a warning where bfloat16 changes more than is tolerated."""
    if requested == "auto" and tuning.precision == "float32":
        progress.note(f"{name}: float32, because bfloat16 is not clearly faster here or changes too much")
    change = tuning.change
    if change is None:
        return
    progress.note(
        f"{name}: bfloat16; {change.predictions} of {change.images} predictions changed, maps by "
        f"{change.map_median:.1%} in the median; {change.again:.1%} of the images run again in float32"
    )
    if not _is_tolerable(change):
        progress.note(
            f"warning: {name}: bfloat16 changes more than {_TOLERATED:.1%} of the predictions; use --precision float32"
        )
