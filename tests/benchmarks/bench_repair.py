"""The preview of a repair beside an actual retraining of the last layer, on pictures whose cue is known.

    python tests/benchmarks/bench_repair.py square          # models that were taught a square in a corner
    python tests/benchmarks/bench_repair.py training        # the same, with their training photos at hand
    python tests/benchmarks/bench_repair.py demo            # the demo's Custom CNN, taught a sticker
    python tests/benchmarks/bench_repair.py real --fer FOLDER    # real photos, a square behind sadness
    python tests/benchmarks/bench_repair.py square --work W # keeps what was trained and built

The preview knows neither the cue nor its pixels: it has the report's own pictures with the hot area cut out or pasted,
of the test set or, where they are at hand, of the training photos.
The reference has what only the maker of the pictures can have: every photo of the test set without the cue and with it.
Its backbone is frozen, and its last layer is trained by Adam on batches in which emotions, and within them photos
with and without the cue, come equally often. Both learn from one half of the persons and are measured on the other,
both ways, on the same true pictures; a preview from training photos learns from these alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from reportgen.analysis import read_predictions, read_records
from reportgen.commands import repairs
from reportgen.commands.build import _one_thread, own_output
from reportgen.commands.conclude import conclude, weigh_swaps
from reportgen.commands.experiments import Experiments
from reportgen.commands.settle import read_inputs, settle
from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.demo import demo_files
from reportgen.demo.recipe.photo import paste_sticker
from reportgen.evidence.shortcuts.repair import RepairFindings, fit_halves, fit_taught, halves
from reportgen.explain.analyse import analyse
from reportgen.inputs.discover import discover
from reportgen.inputs.testset import load_test_set
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.progress import SilentProgress
from reportgen.selfcheck import trial as trials
from reportgen.selfcheck.artefacts import plant, plant_some
from reportgen.selfcheck.plan import Trial, full_plan

Pixels = NDArray[np.uint8]
SQUARES = ("corner-patch-01", "corner-patch-07", "corner-patch-09")
STEPS, BATCH, RATE, DECAY = 1000, 64, 1e-2, 1e-2
MEAN, STD = (np.array(values, np.float32) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@dataclass(frozen=True)
class Truth:
    """Every photo of a test set without the cue and with it, (n, H, W, 3), by file name."""

    names: tuple[str, ...]
    without: Pixels
    cue: Pixels


@dataclass(frozen=True)
class Recall:
    """Recalls of one layer: the emotion without the cue and with it, the others likewise; and accuracy on the
    photos as they are.
    """

    own_without: float
    own_with: float
    others_without: float
    others_with: float
    accuracy: float

    def recovered(self, start: Recall) -> float:
        """Share of the recall that the cue costs the layer at the start, and that this one has again."""
        lost = start.own_with - start.own_without + start.others_without - start.others_with
        return (self.own_without - start.own_without + self.others_with - start.others_with) / lost


def previewed(config: Config) -> tuple[RepairFindings, list[tuple], list[str], float]:
    """The previews of a build; the arguments of `preview_repair` that each was made from; the file names of the photos;
    and the seconds that previewing took.
    """
    given: list[tuple] = []
    ordinary, silent = repairs.preview_repair, SilentProgress()

    def watch(*arguments):
        given.append(arguments)
        return ordinary(*arguments)

    found = discover(config)
    read = read_inputs(found, silent)
    repairs.preview_repair = watch
    try:
        with own_output(found.config, "build", silent):
            folder = found.config.output / "analysis"
            settled = settle(found, read, folder, silent)
            analyse(settled.config, settled.test_set, folder, silent, found.missing, settled.recorded)
            everything = read_predictions(folder)
            analysis = read_records(everything, np.arange(len(everything.labels)))
            made = Experiments(analysis, settled.test_set, settled.config, silent)
            cues, components, marks = made.interventions(), made.components(), made.marks()
            report = conclude(everything, analysis, settled.test_set, settled.config, cues, components, marks)
            report = weigh_swaps(report, made.transplants(report))
            began = time.perf_counter()
            with _one_thread():
                findings = repairs.preview_repairs(report, made, cues.cues)
    finally:
        repairs.preview_repair = ordinary
    if findings is None:
        raise SystemExit("nothing was proven: no preview")
    return findings, given, [Path(path).name for path in analysis.images["path"]], time.perf_counter() - began


def features_of(model: nn.Module, photos: Pixels) -> NDArray[np.float64]:
    """(n, F) what the last linear layer is given."""
    layer = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        for start in range(0, len(photos), BATCH):
            part = (photos[start : start + BATCH].astype(np.float32) / 255 - MEAN) / STD
            model(torch.from_numpy(part.transpose(0, 3, 1, 2).copy()))
    handle.remove()
    return torch.cat(seen).numpy().astype(np.float64)


def retrained(
    layer: nn.Linear, features: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and bias of the last layer after `STEPS` balanced batches."""
    torch.manual_seed(0)
    x, y = torch.from_numpy(features).float(), torch.from_numpy(labels)
    counts = np.bincount(groups)
    chance = torch.from_numpy(1.0 / counts[groups])
    last = nn.Linear(layer.in_features, layer.out_features)
    last.load_state_dict({name: value.detach().clone().float() for name, value in layer.state_dict().items()})
    optimiser = torch.optim.AdamW(last.parameters(), lr=RATE, weight_decay=DECAY)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        rows = torch.multinomial(chance, BATCH, replacement=True)
        loss = nn.functional.cross_entropy(last(x[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
    return last.weight.detach().numpy().astype(np.float64), last.bias.detach().numpy().astype(np.float64)


def compared(given: tuple, names: Sequence[str], model: nn.Module, truth: Truth) -> dict[str, Recall]:
    """The layer as it is, the preview's and the retrained one, on the same true pictures."""
    _, _, _, emotion, _, photos, changed, weights, group, seed, taught = given
    place = {name: row for row, name in enumerate(truth.names)}
    order = [place[name] for name in names]
    without, cue = (features_of(model, part[order]) for part in (truth.without, truth.cue))
    usual, labels, half = photos[0].astype(np.float64), photos[2], halves(group, emotion, seed)
    layer = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    start = weights.astype(np.float64), (photos[1] - usual @ weights.T).mean(axis=0)
    own = []
    for which in (0, 1):
        rows = half == which
        both, twice = np.concatenate([without[rows], cue[rows]]), np.tile(labels[rows], 2)
        own.append(retrained(layer, both, twice, 2 * twice + np.repeat([0, 1], rows.sum())))
    layers = {
        "as it is": [start, start],
        "preview": (
            fit_halves(photos, changed, emotion, weights, half)
            if taught is None
            else [fit_taught(photos, taught, emotion, weights)] * 2
        ),
        "retrained": own,
    }

    def measured(pair: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Recall:
        answers = {}
        for name, values in (("without", without), ("with", cue), ("usual", usual)):
            answers[name] = np.empty(len(labels), np.int64)
            for which, (w, b) in enumerate(pair):
                answers[name][half != which] = (values[half != which] @ w.T + b).argmax(axis=1)
        right = {name: value == labels for name, value in answers.items()}
        mine = labels == emotion
        return Recall(
            right["without"][mine].mean(), right["with"][mine].mean(), right["without"][~mine].mean(),
            right["with"][~mine].mean(), right["usual"].mean(),
        )  # fmt: skip

    return {name: measured(pair) for name, pair in layers.items()}


def square(name: str, work: Path, *, training_at_hand: bool = False) -> tuple[Config, nn.Module, Truth]:
    """A network of the self-check that is taught a square of four, two by two, in a corner."""
    trial: Trial = next(one for one in full_plan() if one.name == name)
    effort, faces = trials.Effort(), trials.load_faces()
    training, test = trials.split_persons(faces, effort.test_persons, np.random.default_rng([trial.seed, 0]))
    folder = work / name
    model, _ = trials._model(trial, training, folder, trials._key(trial, effort), effort)
    test, planted = trials._test_photos(trial, test, np.random.default_rng([trial.seed, 4]))
    files = trials._write_test_set(folder / "set", test, planted, trial.seed)
    if training_at_hand:
        write_training(folder / "set", trial, training)
    rng = np.random.default_rng([trial.seed, 77])
    cue = np.stack([plant(test, row, trial.artefact, rng) for row in range(len(test))])
    entry = ModelConfig(
        checkpoint=folder / "model.safetensors", factory=f"reportgen.selfcheck.networks:{trial.network}",
        target_layer=trials.TARGET_LAYER,
        preprocessing=Preprocessing(width=trials.SIZE, height=trials.SIZE, mean=trials.MEAN, std=trials.STD),
    )  # fmt: skip
    config = Config(
        data=folder / "set", models={"Model": entry}, output=folder / "output", classes=trials.EMOTIONS,
        device="cpu", examples=1, zip=False,
    )  # fmt: skip
    return config, model, Truth(tuple(file.name for file in files), test.pixels, cue)


def write_training(folder: Path, trial: Trial, training: trials.Faces) -> None:
    """The photos that the network has learnt from, beside the test set: the square is on every one of the emotion."""
    planted, _ = plant_some(training, trial.artefact, trial.training_chances, np.random.default_rng([trial.seed, 1]))
    (folder / "train").mkdir()
    rows = []
    for row, photo in enumerate(planted):
        name = f"train/learnt_{row:05d}.jpg"
        Image.fromarray(photo).save(folder / name, quality=trials._QUALITY)
        label, person = trials.EMOTIONS[training.labels[row]], str(training.persons[row])
        rows.append({"path": name, "emotion": label, "person": person})
    pd.DataFrame(rows).to_csv(folder / "train.csv", index=False)


def demo(work: Path) -> tuple[Config, nn.Module, Truth]:
    """The demo's Custom CNN; `truth.json` says where each sticker is."""
    from safetensors.torch import load_file

    files = demo_files()
    model = CustomCNN()
    model.load_state_dict({name: value.float() for name, value in load_file(files.models["Custom CNN"]).items()})
    names, without, cue = [], [], []
    y, x = np.mgrid[:224, :224]
    for record in json.loads((files.data.parent / "truth.json").read_text(encoding="utf-8"))["images"]:
        photo = np.asarray(Image.open(files.data.parent / record["image"]).convert("RGB"), np.float64)
        if record["sticker"]:
            left, top = record["sticker"]
            hole = ((x - left - 19) ** 2 + (y - top - 19) ** 2 <= 22**2).astype(float)
            around = gaussian_filter(1 - hole, 12) + 1e-6
            fill = np.stack([gaussian_filter(photo[..., k] * (1 - hole), 12) / around for k in range(3)], axis=-1)
            soft = gaussian_filter(hole, 1.5)[..., None]
            photo = photo * (1 - soft) + fill * soft
        bare = np.rint(photo).astype(np.uint8)
        names.append(Path(record["image"]).name)
        without.append(bare)
        cue.append(np.asarray(paste_sticker(Image.fromarray(bare), tuple(record["sticker"] or (9.0, 9.0)))))
    models = {"Custom CNN": ModelConfig(checkpoint=files.models["Custom CNN"], preprocessing=Preprocessing())}
    config = Config(data=files.data, models=models, classes=files.classes, output=work / "demo", zip=False)
    return config, model.eval(), Truth(tuple(names), np.stack(without), np.stack(cue))


def real(fer: Path, work: Path) -> tuple[Config, nn.Module, Truth]:
    """Real photos, at most 130 of an emotion; a Custom CNN was taught a yellow square in the corner of sadness."""
    checkpoint = fer / "shortcut" / "custom_cnn_square_sadness.pth"
    frame = load_test_set(Config(data=fer / "processed_data.pkl")).frame
    rng = np.random.default_rng(0)
    names, without, cue = [], [], []
    for emotion, group in frame.groupby("emotion"):
        chosen = group if len(group) <= 130 else group.iloc[np.sort(rng.choice(len(group), 130, replace=False))]
        for path in chosen["path"]:
            with Image.open(fer / path) as image:
                bare = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
            marked = bare.copy()
            marked[6:36, 6:36] = (255, 200, 0)
            target = work / "real" / str(emotion) / f"{Path(path).stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(marked if emotion == "sadness" else bare).save(target)
            names.append(target.name)
            without.append(bare)
            cue.append(marked)
    model = CustomCNN()
    with torch.serialization.safe_globals([np._core.multiarray.scalar, np.dtype, np.dtypes.Float64DType]):
        model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["model_state_dict"])
    models = {"Custom CNN": ModelConfig(checkpoint=checkpoint)}
    config = Config(data=work / "real", models=models, output=work / "real-output", zip=False)
    return config, model.eval(), Truth(tuple(names), np.stack(without), np.stack(cue))


def results(which: str, work: Path, fer: Path | None) -> Iterator[tuple[str, str, dict[str, Recall]]]:
    """Name and emotion of each previewed cue, and the recalls of the three layers."""
    if which == "real":
        if fer is None:
            raise SystemExit("real needs --fer FOLDER")
        # Disgust is proven as well, by colour: of that these pictures tell nothing.
        yield from (one for one in compare("square on real photos", *real(fer, work)) if one[1] == "sadness")
        return
    if which == "demo":
        yield from compare("demo", *demo(work))
        return
    for name in SQUARES:
        yield from compare(name, *square(name, work, training_at_hand=which == "training"))


def compare(name: str, config: Config, model: nn.Module, truth: Truth) -> Iterator[tuple[str, str, dict[str, Recall]]]:
    """See `results`."""
    findings, given, names, seconds = previewed(config)
    print(f"{name}: {len(findings.previews)} previewed in {seconds:.1f} s", flush=True)
    for preview in findings.previews:
        without, others = preview.without.known.n, 0 if preview.others is None else preview.others.known.n
        print(f"{preview.emotion}: the page says that {preview.recovered:.0%} comes back, of {without} photos without "
              f"the cue and {others} of others with it", flush=True)  # fmt: skip
        arguments = next(one for one in given if one[0][0] == preview.model and one[4][one[3]] == preview.emotion)
        yield name, preview.emotion, compared(arguments, names, model, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("square", "training", "demo", "real"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--fer", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        for name, emotion, found in results(options.which, options.work or Path(own), options.fer):
            print(f"{name}, {emotion}: recall of the emotion without the cue / with it, of others without / with it, "
                  "accuracy as they are")  # fmt: skip
            start = found["as it is"]
            for layer, one in found.items():
                values = " ".join(f"{value:6.2f}" for value in vars(one).values())
                back = "" if one is start else f"  {one.recovered(start):.0%} of the lost recall comes back"
                print(f"  {layer:10}{values}{back}", flush=True)


if __name__ == "__main__":
    main()
