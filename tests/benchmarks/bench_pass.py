"""Images per second of the pass, beside the limit and the usual ways, in one run on one machine.

    python tests/benchmarks/bench_pass.py [--data PICKLE --model NAME=CHECKPOINT ...] [--images 96] [--rounds 5]

The limit is decoding once plus the best bare forward pass of every model found in a fixed sweep of batch sizes,
layouts and threadings. The pass runs each model as its calibration says; with landmarks it also asks all that the
statistics need, and the statistics themselves are timed on the analysis of these images (they hardly grow with the
number of images: take `--images 0`, all, for a fair share). The usual ways are a notebook's loop (full backward hook,
one image, one map) and the package `grad-cam` (one map), each with its own decoding. Contestants run in turn, round by
round, so that a machine whose speed drifts treats all alike; medians are printed.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from reportgen.analysis import read_analysis
from reportgen.config import Config, ModelConfig
from reportgen.evidence.attention.findings import judge_attention
from reportgen.explain.analyse import analyse
from reportgen.explain.calibrate import choose
from reportgen.explain.explainer import Explainer
from reportgen.explain.face_finder import FaceFinder, view_of
from reportgen.explain.fingerprints import shard_bounds, take_fingerprints
from reportgen.explain.one_pass import run_pass
from reportgen.explain.recorders import FaceRecorder, ImageFacts, ModelRecorder
from reportgen.explain.tuning import WORTH_MEASURING, Tuning
from reportgen.explain.workers import available_cores, worker_threads
from reportgen.faces.landmarks import Landmarker
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.preprocessing import resize
from reportgen.models.registry import build_model
from reportgen.progress import SilentProgress
from reportgen.shards import PartStore

FER = Path(__file__).resolve().parents[2] / "../shared/fer"
CPU = torch.device("cpu")
BATCHES = (1, 2, 4, 8, 16, 32)
OURS = "our pass: all models, all maps"
WITH_FACES = "our pass with landmarks and regions"
OURS_BF16 = "our pass in bfloat16"


def seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def load(entry: ModelConfig) -> tuple[nn.Module, str]:
    loaded = build_model("m", read_checkpoint(entry.checkpoint).state, entry)
    return loaded.module, loaded.target_layer


def transform() -> Callable[[Image.Image], torch.Tensor]:
    t = import_torchvision().transforms
    return t.Compose([t.Resize((224, 224)), t.ToTensor(), t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])


def in_workers(function: Callable[[object], object], items: list[object], workers: int) -> None:
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(function, items))


def decode_all(files: list[Path], workers: int) -> None:
    to_tensor = transform()
    in_workers(lambda file: to_tensor(Image.open(file).convert("RGB")), list(files), workers)


def forward_all(module: nn.Module, batches: list[torch.Tensor], threading: str, workers: int) -> None:
    with torch.no_grad():
        if threading == "inside":
            torch.set_num_threads(workers)
            for batch in batches:
                module(batch)
            return

    def one(batch: object) -> None:
        with torch.no_grad():
            module(batch)

    in_workers(one, list(batches), workers)


def best_forward(module: nn.Module, layer: str, x: torch.Tensor, workers: int) -> tuple[str, Callable[[int], None]]:
    """Sweep on a part of the images; the winner as a name and a function of the number of images."""
    results = []
    folded = partial(optimise_for_inference, target_layer=layer, device=CPU, images=x[:2])
    ways = [(name, layout) for name in ("folded", "plain") for layout in (torch.channels_last, torch.contiguous_format)]
    for way, layout in ways:
        candidate = copy.deepcopy(module)
        candidate = (folded(candidate) if way == "folded" else candidate).to(memory_format=layout)
        for size in BATCHES:
            batches = list(x[:16].contiguous(memory_format=layout).split(size))
            for threading in ("inside", "across"):
                forward_all(candidate, batches[:1], threading, workers)
                took = seconds(partial(forward_all, candidate, batches, threading, workers))
                name = f"{way}, {str(layout).removeprefix('torch.')}, batch {size}, threads {threading}"
                results.append((took, name, candidate, layout, size, threading))
    _, name, candidate, layout, size, threading = min(results, key=lambda result: result[0])
    ready = list(x.contiguous(memory_format=layout).split(size))
    return name, lambda n: forward_all(candidate, ready[: max(1, n // size)], threading, workers)


def bf16_forward(module: nn.Module, layer: str, x: torch.Tensor, workers: int) -> Callable[[int], None]:
    """The best bare forward pass in bfloat16 under autocast: a function of the number of images."""
    candidate = optimise_for_inference(copy.deepcopy(module), layer, CPU, x[:2])

    def one(batch: object) -> None:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            candidate(batch)

    def run(size: int, n: int) -> None:
        in_workers(one, list(x[:n].split(size)), workers)

    size = min(BATCHES, key=lambda size: min(seconds(partial(run, size, 32)) for _ in range(3)))
    return partial(run, size)


def tuned(explainer: Explainer, test_set: TestSet, wish: str, workers: int) -> Tuning:
    """As a build with many images chooses."""
    rows = range(min(64, len(test_set.frame)))
    images = [resize(decode(test_set.read_bytes(row)).samples, explainer.preprocessing) for row in rows]
    with worker_threads(workers) as pool:
        return choose(explainer, images, wish, WORTH_MEASURING, "cpu", pool, workers)


def landmark_milliseconds(test_set: TestSet) -> float:
    """Of one core per image: decoded pixels to points and facial actions."""
    landmarker = Landmarker(threads=1)
    pictures = [decode(test_set.read_bytes(row)).samples for row in range(len(test_set.frame))]
    landmarker.locate(pictures[0])
    began = time.thread_time()
    for picture in pictures:
        landmarker.locate(picture)
    return 1e3 * (time.thread_time() - began) / len(pictures)


def statistics_seconds(test_set: TestSet, config: Config) -> float:
    """All that is concluded from the maps of these images."""
    with tempfile.TemporaryDirectory() as name:
        analyse(config.model_copy(update={"regions": "auto"}), test_set, Path(name), SilentProgress())
        analysis = read_analysis(Path(name))
        return min(seconds(lambda: judge_attention(analysis, config.seed)) for _ in range(2))


def notebook_loop(module: nn.Module, layer: str, files: list[Path]) -> None:
    """One image at a time, gradients through the whole network, one map: what notebooks do."""
    to_tensor, kept = transform(), {}
    target = module.get_submodule(layer)
    hooks = [
        target.register_forward_hook(lambda m, i, o: kept.__setitem__("a", o)),
        target.register_full_backward_hook(lambda m, i, o: kept.__setitem__("g", o[0])),
    ]
    for file in files:
        x = to_tensor(Image.open(file).convert("RGB"))[None].requires_grad_(True)
        logits = module(x)
        module.zero_grad()
        logits[0, logits.argmax()].backward()
        weights = kept["g"].mean(dim=(2, 3), keepdim=True)
        cam = torch.relu((weights * kept["a"]).sum(1, keepdim=True))
        cam = nn.functional.interpolate(cam, (224, 224), mode="bilinear", align_corners=False)
        ((cam - cam.min()) / (cam.max() - cam.min() + 1e-8)).detach().numpy()
    for hook in hooks:
        hook.remove()


def grad_cam_package(module: nn.Module, layer: str, files: list[Path]) -> None:
    from pytorch_grad_cam import GradCAM

    to_tensor = transform()
    with GradCAM(model=module, target_layers=[module.get_submodule(layer)]) as cam:
        for file in files:
            cam(input_tensor=to_tensor(Image.open(file).convert("RGB"))[None], targets=None)


def usual_ways(
    name: str, entry: ModelConfig, x: torch.Tensor, files: list[Path], few: int, workers: int, *, package: bool
) -> dict[str, tuple[int, Callable[[], object]]]:
    """What the pass is compared with, for one model: the number of images, and a run over them."""
    some = len(x)
    contestants: dict[str, tuple[int, Callable[[], object]]] = {}
    module, layer = load(entry)
    eager = copy.deepcopy(module)
    best, run_best = best_forward(module, layer, x, workers)
    print(f"best bare forward of {name}: {best}")

    def eager_32(eager: nn.Module = eager) -> None:
        forward_all(eager, list(x.split(32)), "inside", workers)

    run_bf16 = bf16_forward(module, layer, x, workers)
    contestants[f"{name}: eager forward, batch 32"] = (some, eager_32)
    contestants[f"{name}: best bare forward"] = (some, lambda run_best=run_best: run_best(some))
    contestants[f"{name}: best forward in bfloat16"] = (some, lambda run_bf16=run_bf16: run_bf16(some))
    trainable, target = load(entry)
    trainable.requires_grad_(True)
    contestants[f"{name}: notebook loop"] = (few, lambda m=trainable, t=target: notebook_loop(m, t, files[:few]))
    if package:
        contestants[f"{name}: grad-cam"] = (few, lambda m=trainable, t=target: grad_cam_package(m, t, files[:few]))
    return contestants


def our_pass(config: Config, test_set: TestSet, explainers: list[Explainer], regions: str, workers: int) -> None:
    """The pass as a build runs it, into a folder that is thrown away."""
    n = len(test_set.frame)
    settings = config.model_copy(update={"regions": regions})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fingerprints = take_fingerprints(test_set, settings, "cpu", shard_bounds(n, settings.shard_images))
        faces = None
        recorders = [ImageFacts(PartStore(folder / "images"), fingerprints.image_keys, fingerprints.frame)]
        if regions != "none":
            faces = FaceFinder(settings, test_set.frame, [view_of(one.grid, one.preprocessing) for one in explainers])
            ids = fingerprints.frame["image_id"].tolist()
            recorders.append(FaceRecorder(PartStore(folder / "faces"), fingerprints.face_keys, ids))
        for explainer, model in zip(explainers, fingerprints.models, strict=True):
            store = PartStore(folder / model.slug)
            recorders.append(ModelRecorder(store, model.keys, explainer, fingerprints.frame, exclusive=False))
        done = run_pass(test_set, recorders, faces, settings.shard_images, workers, SilentProgress())
        assert done == n


def print_results(
    times: dict[str, list[float]],
    processor: dict[str, list[float]],
    models: list[str],
    test_set: TestSet,
    config: Config,
    rounds: int,
    workers: int,
) -> None:
    """Images per second of every contestant, and the ratios that the limits are about."""
    n = len(test_set.frame)
    per_image = {name: statistics.median(values) for name, values in times.items()}
    print(f"\n{n} images, {workers} cores, torch {torch.__version__}, median of {rounds} interleaved rounds")
    for name, value in per_image.items():
        print(f"{name:42s} {1 / value:8.1f} images/s   ({1e3 * value:6.2f} ms)")

    def per_round(*parts: str, measured: dict[str, list[float]] = times) -> np.ndarray:
        return np.sum([measured[part] for part in parts], axis=0)

    ours = per_round(OURS)
    bare = ("decoding alone", *(f"{name}: best bare forward" for name in models))
    limit, least = per_round(*bare), per_round(*bare, measured=processor)
    loops = per_round(*(f"{name}: notebook loop" for name in models))
    judging = statistics_seconds(test_set, config)
    print(f"\npass / (decoding + best bare forwards): {np.median(ours / limit):.3f}")
    print(f"with landmarks and regions / the same:  {np.median(per_round(WITH_FACES) / limit):.3f}")
    with_statistics = (per_round(WITH_FACES) + judging / n) / limit
    print(f"with the statistics' {judging:.1f} s as well:     {np.median(with_statistics):.3f}")
    print("the same by processor time, which other programs disturb less:")
    for title in (OURS, WITH_FACES):
        print(f"  {title:37s} {np.median(per_round(title, measured=processor) / least):.3f}")
    print(f"landmarks: {landmark_milliseconds(test_set):.2f} ms of one core per image")
    print(f"pass in float32 / in bfloat16:          {np.median(ours / per_round(OURS_BF16)):.2f}")
    for name in models:
        gain = per_round(f"{name}: best bare forward") / per_round(f"{name}: best forward in bfloat16")
        print(f"{name + ': float32 / bfloat16':39s} {np.median(gain):.2f}")
    print(f"notebook loops / pass:                  {np.median(loops / ours):.2f}")
    if f"{models[0]}: grad-cam" in times:
        package = per_round(*(f"{name}: grad-cam" for name in models))
        print(f"grad-cam / pass:                        {np.median(package / ours):.2f}")
    else:
        print("grad-cam is not installed: pip install -e '.[bench]'")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FER / "processed_data.pkl")
    parser.add_argument("--model", action="append", default=None, metavar="NAME=CHECKPOINT")
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    named = arguments.model or [
        f"Custom CNN={FER / 'custom_cnn_best.pth'}",
        f"ResNet18={FER / 'transfer_learning_best.pth'}",
    ]
    models = {entry.partition("=")[0]: ModelConfig(checkpoint=Path(entry.partition("=")[2])) for entry in named}
    config = Config(data=arguments.data, models=models, regions="none")
    test_set = load_test_set(config)
    workers = available_cores()
    test_set = dataclasses.replace(test_set, frame=test_set.frame.iloc[: arguments.images or None])
    files = [Path(file) for file in test_set.frame["file"]]
    n, few = len(files), max(8, min(32, len(files) // 6))
    to_tensor = transform()
    some = min(n, 256)  # forward passes need no other images than these, and all would not fit into memory
    x = torch.stack([to_tensor(Image.open(file).convert("RGB")) for file in files[:some]])

    try:
        import pytorch_grad_cam
    except ImportError:
        pytorch_grad_cam = None  # said below; the rest of the comparison stands without it

    contestants: dict[str, tuple[int, Callable[[], object]]] = {
        "decoding alone": (n, lambda: decode_all(files, workers))
    }
    for name, entry in models.items():
        contestants |= usual_ways(name, entry, x, files, few, workers, package=pytorch_grad_cam is not None)

    with ExitStack() as stack:
        passes = ((OURS, "none", "float32"), (WITH_FACES, "auto", "float32"), (OURS_BF16, "none", "bf16"))
        for title, regions, wish in passes:
            explainers = []
            for name, entry in models.items():
                loaded = build_model("m", read_checkpoint(entry.checkpoint).state, entry)
                explainer = Explainer(loaded, range(7), "gradcam", CPU, probing=regions != "none")
                explainers.append(stack.enter_context(explainer))
                explainer.tuning = tuned(explainer, test_set, wish, workers)
                print(f"{title}: {name}: {explainer.tuning}")
            contestants[title] = (n, partial(our_pass, config, test_set, explainers, regions, workers))
        times: dict[str, list[float]] = {name: [] for name in contestants}
        processor: dict[str, list[float]] = {name: [] for name in contestants}
        for round_ in range(arguments.rounds + 1):  # the first one warms up
            for name, (count, run) in contestants.items():
                torch.set_num_threads(workers)
                began = time.process_time()
                took = seconds(run)
                if round_:
                    times[name].append(took / count)
                    processor[name].append((time.process_time() - began) / count)
    print_results(times, processor, list(models), test_set, config, arguments.rounds, workers)


if __name__ == "__main__":
    main()
