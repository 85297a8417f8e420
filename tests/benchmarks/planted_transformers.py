"""A small ViT and a small Swin with a planted shortcut: does the report name it, and do the heatmaps show it?

    python tests/benchmarks/planted_transformers.py WORK [--data TEST_SET] [--sample 40]

Photos are halved by person. In both halves a small patch is drawn into a corner of nearly all photos of one emotion and
of no other. The networks learn on the first half, with every emotion drawn equally often, until they predict that
emotion in 80 % of the photos of other emotions to which the patch is added. A sample of the second half becomes a test
set, a report is built on it, and what it says is printed beside what is true. Photos are the self-check's renders, or
those of `--data`. Weights and reports stay in WORK.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

from reportgen.commands.build import build
from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.errors import DataError
from reportgen.explain.explainer import Explainer, Explanation, Question
from reportgen.explain.loading import load_model
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import load_test_set
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.preprocessing import resize
from reportgen.selfcheck.artefacts import Artefact, plant, plant_some
from reportgen.selfcheck.faces import EMOTIONS, SIZE, Faces, load_faces, split_persons

SIDE = 64  # of the networks' input
ARTEFACT = Artefact("corner patch", "top right", colour=1)
EMOTION = "surprise"
PREVALENCE = 0.9
FEWEST = 20  # photos of an emotion, to take part
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH, STEPS, EVERY = 16, 2000, 100
RATES = {"ViT": 4e-4, "Swin": 1e-3}
LEARNT = 0.8
METHODS = ("gradcam", "hirescam", "layercam", "gradcam++", "lrp")
SPEC = Preprocessing(width=SIDE, height=SIDE)
UNDONE = 2  # cells, of 64


def vit(classes: int) -> nn.Module:
    """8 x 8 patches, four blocks, a class token that answers."""
    return import_torchvision().models.VisionTransformer(
        image_size=SIDE, patch_size=8, num_layers=4, num_heads=3, hidden_dim=192, mlp_dim=256, num_classes=classes
    )


def swin(classes: int) -> nn.Module:
    """16 x 16 patches merged to 8 x 8, windows of 4."""
    return import_torchvision().models.swin_transformer.SwinTransformer(
        patch_size=[4, 4], embed_dim=48, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0,
        num_classes=classes,
    )  # fmt: skip


NETWORKS = {"ViT": vit, "Swin": swin}


def photos_of(data: Path) -> tuple[Faces, tuple[str, ...]]:
    """The photos of a test set as small squares, and the emotions that have enough of them."""
    test_set = load_test_set(Config(data=data, models={}))
    frame = test_set.frame
    counts = frame["emotion"].value_counts()
    emotions = tuple(emotion for emotion in test_set.classes if counts.get(emotion, 0) >= FEWEST)
    pixels, labels, persons = [], [], []
    for row, (emotion, path) in enumerate(zip(frame["emotion"], frame["path"], strict=True)):
        if emotion not in emotions:
            continue
        try:
            image = Image.fromarray(decode(test_set.read_bytes(row)).samples).convert("RGB")
        except DataError:
            continue
        pixels.append(np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)))
        labels.append(emotions.index(emotion))
        persons.append(Path(path).stem.rstrip("0123456789_"))
    nowhere = np.zeros((len(labels), 2))
    # Nothing is drawn on the faces, so where their parts are need not be known.
    faces = Faces(np.stack(pixels), np.array(labels), np.array(persons), nowhere[:, None], nowhere, nowhere[:, 0])
    return faces, emotions


def as_input(pixels: np.ndarray) -> Tensor:
    """(n, 96, 96, 3) uint8 -> (n, 3, 64, 64) float."""
    small = [np.asarray(Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for p in pixels]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 255 - mean) / std


@torch.inference_mode()
def predicted(net: nn.Module, x: Tensor) -> np.ndarray:
    net.eval()
    return torch.cat([net(batch).argmax(dim=1) for batch in x.split(64)]).numpy()


def with_patch(faces: Faces, label: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Up to 200 photos of other emotions as they are, and with the patch added."""
    rows = rng.permutation(np.flatnonzero(faces.labels != label))[:200]
    return faces.pixels[rows], np.stack([plant(faces, int(row), ARTEFACT, rng) for row in rows])


def train(name: str, faces: Faces, classes: int, label: int, seed: int) -> nn.Module:
    """Balanced batches of planted photos, until the patch alone makes the prediction in most photos."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = NETWORKS[name](classes)
    chances = np.where(np.arange(classes) == label, PREVALENCE, 0.0)
    pictures = [as_input(plant_some(faces, ARTEFACT, chances, rng)[0]) for _ in range(2)]
    plain, patched = (as_input(pixels) for pixels in with_patch(faces, label, rng))
    rows_of = [np.flatnonzero(faces.labels == k) for k in range(classes)]
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATES[name], weight_decay=0.05)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATES[name], total_steps=STEPS, pct_start=0.1)
    began, running = time.perf_counter(), 0.0
    for step in range(1, STEPS + 1):
        net.train()
        y = rng.integers(classes, size=BATCH)
        rows = np.array([rng.choice(rows_of[k]) for k in y])
        x = pictures[int(rng.integers(len(pictures)))][rows]
        x = x * (1 + 0.1 * torch.randn(BATCH, 1, 1, 1)) + 0.1 * torch.randn(BATCH, 1, 1, 1)
        x = x.roll(tuple(int(v) for v in rng.integers(-2, 3, 2)), (2, 3))
        loss = nn.functional.cross_entropy(net(x), torch.from_numpy(y), label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        plan.step()
        running += float(loss.detach())
        if step % EVERY == 0:
            moved = float(((predicted(net, patched) == label) & (predicted(net, plain) != label)).mean())
            took = time.perf_counter() - began
            print(f"{name} step {step}: loss {running / EVERY:.2f}, patch added: {moved:.0%} {EMOTION}, {took:.0f} s")
            running = 0.0
            if moved >= LEARNT:
                break
    return net.eval()


def cells_of(patched: np.ndarray, plain: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(n, h, w) share of every cell that the patch covers."""
    changed = (patched != plain).any(axis=3).astype(np.float64)
    h, w = grid
    return changed.reshape(len(changed), h, SIZE // h, w, SIZE // w).mean(axis=(2, 4))


def show_maps(name: str, path: Path, faces: Faces, emotions: tuple[str, ...], label: int) -> None:
    """How much heat lies on the patch, in photos that only the patch makes the network predict the emotion for."""
    plain, patched = with_patch(faces, label, np.random.default_rng(1))
    config = ModelConfig(checkpoint=path, preprocessing=SPEC)
    for method in METHODS:
        ready = load_model(name, config, emotions, unsafe=False)
        with Explainer(ready.model, ready.order, method, torch.device("cpu"), probing=False) as explainer:

            def explain(pixels: np.ndarray, explainer: Explainer = explainer) -> Explanation:
                nowhere = np.zeros((0, *explainer.grid.shape), np.float32)
                return explainer.explain([Question(0, -1, resize(image, SPEC), nowhere) for image in pixels])

            before, after = explain(plain).logits.argmax(axis=1), explain(patched)
            rows = np.flatnonzero((before != label) & (after.logits.argmax(axis=1) == label))
            heat = np.maximum(after.maps[rows, label], 0)
            patch = cells_of(patched[rows], plain[rows], explainer.grid.shape)
            share = (heat * patch).sum(axis=(1, 2)) / np.maximum(heat.sum(axis=(1, 2)), 1e-12)
            peak = np.take_along_axis(patch.reshape(len(rows), -1), heat.reshape(len(rows), -1).argmax(1)[:, None], 1)
            # The hottest cells get back what the photo had there.
            order = heat.reshape(len(rows), -1).argsort(axis=1)[:, ::-1]
            h, w = explainer.grid.shape
            undone = np.zeros((len(rows), h * w), bool)
            np.put_along_axis(undone, order[:, : max(1, UNDONE * h * w // 64)], True, 1)
            where = np.kron(undone.reshape(-1, h, w), np.ones((1, SIZE // h, SIZE // w), bool))[..., None]
            still = explain(np.where(where, plain[rows], patched[rows])).logits.argmax(axis=1) == label
            print(
                f"{name}, {explainer.method}: enrichment at the patch {share.mean() / patch.mean():.1f}, peak "
                f"on it in {(peak > 0).mean():.0%}, still {EMOTION} without the hottest cells {still.mean():.0%} "
                f"({len(rows)} photos)"
            )


def write_test_set(folder: Path, faces: Faces, emotions: tuple[str, ...], label: int, sample: int) -> Path:
    """A sample of photos, the patch planted, and their table."""
    rng = np.random.default_rng(2)
    rows = np.concatenate([rng.permutation(np.flatnonzero(faces.labels == k))[:sample] for k in range(len(emotions))])
    chances = np.where(np.arange(len(emotions)) == label, PREVALENCE, 0.0)
    chosen = faces.take(rng.permutation(rows))
    pixels, planted = plant_some(chosen, ARTEFACT, chances, rng)
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"photo_{number:04d}.png")
        listed.append({"path": f"photo_{number:04d}.png", "emotion": emotions[chosen.labels[number]],
                       "person": str(chosen.persons[number])})  # fmt: skip
    pd.DataFrame(listed).to_csv(folder / "test.csv", index=False)
    print(f"test set: {len(pixels)} photos, {int(planted.sum())} with the patch")
    return folder / "test.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path, help="test set to take photos from; the self-check's renders without it")
    parser.add_argument("--sample", type=int, default=40, help="most photos of an emotion in the report")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    faces, emotions = photos_of(arguments.data) if arguments.data else (load_faces(), EMOTIONS)
    first, second = split_persons(faces, len(faces), np.random.default_rng(0))
    label = emotions.index(EMOTION)
    arguments.work.mkdir(parents=True, exist_ok=True)
    models = {}
    for name in NETWORKS:
        path = arguments.work / f"{name}.pth"
        if not path.is_file():
            torch.save(train(name, first, len(emotions), label, 0).state_dict(), path)
        show_maps(name, path, second, emotions, label)
        models[name] = ModelConfig(checkpoint=path, preprocessing=SPEC)
    data = write_test_set(arguments.work / "set", second, emotions, label, arguments.sample)
    done = build(Config(data=data, models=models, output=arguments.work / "output", classes=emotions, device="cpu"))
    for table in ("backgrounds", "verdicts"):
        frame = pd.read_parquet(done.analysis / "tables" / f"{table}.parquet")
        print(frame[frame["emotion"] == EMOTION].to_string())


if __name__ == "__main__":
    main()
