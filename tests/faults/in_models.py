"""Checkpoints that are damaged, hostile or not what they are taken for, and models whose predictions are odd."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable

import numpy as np
import torch
from faults.in_tables import Payload
from faults.scene import EMOTIONS, Scene, fitted
from faults.table import GOES_ON, LEFT_OUT, NEVER_RUN, REFUSED, fault, proved_by, shared_setup
from torch import Tensor

from reportgen.analysis import Analysis, ModelRecords, read_analysis
from reportgen.inputs.checkpoints import file as checkpoint_file

ODD = "odd models"


@shared_setup(ODD)
def _(scene: Scene) -> None:
    scene.settings(('regions = "none"', 'regions = "template"'))


@fault("truncated checkpoint", "the first half of a .pth file", REFUSED, 2, r"tiny\.pth: truncated or damaged")
def _(scene: Scene) -> None:
    content = (scene.root / "tiny.pth").read_bytes()
    (scene.root / "tiny.pth").write_bytes(content[: len(content) // 2])


@fault("empty checkpoint", "a .pth file of no bytes", REFUSED, 2, r"tiny\.pth: the file is empty")
def _(scene: Scene) -> None:
    (scene.root / "tiny.pth").write_bytes(b"")


@fault("text as checkpoint", "a saved web page ending in .pth", REFUSED, 2, r"tiny\.pth: a web page, not a checkpoint")
def _(scene: Scene) -> None:
    (scene.root / "tiny.pth").write_bytes(b"<!DOCTYPE html><title>Sign in</title>")


@fault("no checkpoint", "the only model's file is gone", REFUSED, 2, r"no model found: .*tiny\.pth is not there")
def _(scene: Scene) -> None:
    (scene.root / "tiny.pth").unlink()


@fault(
    "one checkpoint of two",
    "one of two models' files is gone",
    "continues with the other; the report says which is missing",
    0,
    r"other\.pth was not found",
    ODD,
)
def _(scene: Scene) -> None:
    scene.add_model("Other", "other.pth")


@fault(
    "checkpoint that runs code",
    "a call of a function beside the weights",
    LEFT_OUT,
    0,
    r"only the weights were read; left out, since they would run code: faults\.payloads\.leave_mark",
)
def _(scene: Scene) -> None:
    torch.save({"state_dict": scene.state(), "x": Payload(scene)}, scene.root / "tiny.pth")


@fault(
    "weights that only code can make",
    "a call of a function in place of the weights",
    NEVER_RUN,
    2,
    r"tiny\.pth: refused, because loading it needs 'faults\.payloads\.leave_mark'",
)
def _(scene: Scene) -> None:
    torch.save({"state_dict": Payload(scene)}, scene.root / "tiny.pth")


@fault(
    "pickle as checkpoint that runs code",
    "a plain pickle ending in .pth",
    NEVER_RUN,
    2,
    r"tiny\.pth: refused|tiny\.pth: not a PyTorch checkpoint",
)
def _(scene: Scene) -> None:
    (scene.root / "tiny.pth").write_bytes(pickle.dumps(Payload(scene)))


@fault(
    "protection switched off by the settings",
    "unsafe_load = true in reportgen.toml, and a checkpoint that runs code",
    NEVER_RUN,
    2,
    r"reportgen\.toml: unsafe_load: .*--unsafe-load",
)
def _(scene: Scene) -> None:
    torch.save({"state_dict": scene.state(), "x": Payload(scene)}, scene.root / "tiny.pth")
    scene.settings(more="unsafe_load = true\n")
    scene.arguments = ["build"]


@fault(
    "factory in settings that were only found",
    "a reportgen.toml in the working directory whose factory runs code, without --config",
    NEVER_RUN,
    2,
    r"reportgen\.toml: models\.Tiny\.factory = 'strange:make': runs code, .*--config reportgen\.toml",
)
def _(scene: Scene) -> None:
    _strange_factory(scene)
    scene.arguments = ["build"]


def _strange_factory(scene: Scene) -> None:
    ran = scene.root / "ran"
    (scene.root / "strange.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).write_text('ran')\n")
    scene.monkeypatch.syspath_prepend(str(scene.root))
    scene.settings(("faults.tiny:make", "strange:make"))


@fault(
    "factory under a model that a flag names",
    "the same, with --model for the checkpoint",
    NEVER_RUN,
    2,
    r"models\.Tiny\.factory = 'strange:make': runs code",
)
def _(scene: Scene) -> None:
    _strange_factory(scene)
    scene.arguments = ["build", "--model", "Tiny=tiny.pth"]


@fault(
    "a cluster named in settings that were only found",
    "ray.address and engine in a reportgen.toml in the working directory, without --config",
    NEVER_RUN,
    2,
    r"ray\.address = 'ray://evil\.example:1': runs code",
)
def _(scene: Scene) -> None:
    scene.settings(
        ('factory = "faults.tiny:make"\n', ""), more='engine = "ray"\nray.address = "ray://evil.example:1"\n'
    )
    scene.arguments = ["build"]


@fault(
    "names with .. in a checkpoint's zip",
    "entries called ../../evil.txt",
    "one line; nothing is unpacked",
    2,
    r"tiny\.pth: ",
)
def _(scene: Scene) -> None:
    with zipfile.ZipFile(scene.root / "tiny.pth", "w") as archive:
        archive.writestr("../../evil.txt", "x")
        archive.writestr("../data.pkl", pickle.dumps({}))


@fault("compressed checkpoint", "a zip that unpacks to more than its size", REFUSED, 2, r"tiny\.pth: .*unpack")
def _(scene: Scene) -> None:
    with zipfile.ZipFile(scene.root / "tiny.pth", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(100_000))


@fault("tensor larger than the file", "a number repeated by strides of 0", REFUSED, 2, r"tiny\.pth: .*'fc\.bias'")
def _(scene: Scene) -> None:
    scene.save_state({**scene.state(), "fc.bias": torch.zeros(1).expand(1000)})


@fault("tensors without numbers", "a sparse tensor and one on no device", REFUSED, 2, r"tiny\.pth: .*'fc\.bias'")
def _(scene: Scene) -> None:
    scene.save_state({**scene.state(), "fc.bias": torch.zeros(7).to_sparse(), "x": torch.zeros(3, device="meta")})


@fault("NaN weights", "one NaN", REFUSED, 2, r"NaN or infinity in 'fc\.bias'")
def _(scene: Scene) -> None:
    state = scene.state()
    state["fc.bias"][2] = float("nan")
    scene.save_state(state)


@fault("infinite weights", "one infinity", REFUSED, 2, r"NaN or infinity in 'features\.0\.weight'")
def _(scene: Scene) -> None:
    state = scene.state()
    state["features.0.weight"][0, 0, 0, 0] = float("inf")
    scene.save_state(state)


@fault(
    "weights that overflow",
    "finite weights of 1e38",
    REFUSED,
    2,
    r"gives NaN or infinity for a picture of noise, first behind layer 'features\.0', whose largest weight is 1e\+38",
)
def _(scene: Scene) -> None:
    scene.save_state({name: value * 0 + 1e38 for name, value in scene.state().items()})


@fault("wrong class count", "five outputs for seven classes", REFUSED, 2, r"has 5 outputs, the test set 7 classes")
def _(scene: Scene) -> None:
    state = scene.state()
    scene.save_state({**state, "fc.weight": state["fc.weight"][:5], "fc.bias": state["fc.bias"][:5]})
    scene.settings(("faults.tiny:make", "faults.tiny:make_five"))


@fault(
    "checkpoint of another model",
    "its weights do not fit the architecture",
    REFUSED,
    2,
    r"does not fit model 'Tiny': missing .*; unexpected ",
)
def _(scene: Scene) -> None:
    scene.save_state({"conv.weight": torch.zeros(3)})


@fault(
    "unknown architecture", "no factory for weights nobody knows", REFUSED, 2, r"unknown architecture for model 'Tiny'"
)
def _(scene: Scene) -> None:
    scene.settings(('factory = "faults.tiny:make"\n', ""), ('target_layer = "features"\n', ""))


@fault("layer that does not exist", 'target_layer = "layer9"', REFUSED, 2, r"no layer 'layer9'")
def _(scene: Scene) -> None:
    scene.settings(('"features"', '"layer9"'))


@fault(
    "architecture that raises",
    "a factory that cannot be imported",
    REFUSED,
    2,
    r"factory 'faults\.nothing:make' failed",
)
def _(scene: Scene) -> None:
    scene.settings(("faults.tiny:make", "faults.nothing:make"))


@fault(
    "hostile safetensors",
    "a header that places a tensor outside the file",
    REFUSED,
    2,
    r"tiny\.pth: broken safetensors file",
)
def _(scene: Scene) -> None:
    header = b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,9999999999]}}'
    (scene.root / "tiny.pth").write_bytes(len(header).to_bytes(8, "little") + header + bytes(36))


@fault("too large a checkpoint", "more bytes than are read", REFUSED, 2, r"tiny\.pth: \d+ GiB, at most \d+ GiB")
def _(scene: Scene) -> None:
    scene.monkeypatch.setattr(checkpoint_file, "_MAX_BYTES", 1000)


@fault(
    "folder as checkpoint",
    "a folder of the checkpoint's name",
    REFUSED,
    2,
    r"tiny\.pth: a folder without model\.safetensors or pytorch_model\.bin",
)
def _(scene: Scene) -> None:
    (scene.root / "tiny.pth").unlink()
    (scene.root / "tiny.pth").mkdir()


def _odd(
    scene: Scene, name: str, state: dict[str, Tensor], holds: Callable[[Analysis, ModelRecords], bool | np.bool_]
) -> None:
    """One more model with these weights; afterwards its records must be as odd as the fault says."""
    torch.save(state, scene.root / f"{name}.pth")
    scene.add_model(name, f"{name}.pth")

    def is_odd(_: object) -> None:
        analysis = read_analysis(scene.output / "analysis")
        (records,) = (model for model in analysis.models if model.name == name)
        assert holds(analysis, records)

    scene.checks.append(is_odd)


@fault("the same checkpoint twice", "two models, one file", GOES_ON, 0, r"\bAgain\b", ODD)
def _(scene: Scene) -> None:
    scene.add_model("Again")


@fault("all right", "a model whose predictions are all right", GOES_ON, 0, r"\bTiny\b", ODD)
def _(scene: Scene) -> None:
    def is_right(_: object) -> None:
        analysis = read_analysis(scene.output / "analysis")
        assert (analysis.models[0].predicted == analysis.labels)[: len(EMOTIONS)].all()

    scene.checks.append(is_right)


@fault("all wrong", "a model whose predictions are all wrong", GOES_ON, 0, r"\bWrong\b", ODD)
def _(scene: Scene) -> None:
    weights = fitted(scene.root, -1.0)
    _odd(scene, "Wrong", weights, lambda analysis, model: (model.predicted != analysis.labels)[: len(EMOTIONS)].all())


def _head(scene: Scene, weight: float, bias: Tensor) -> dict[str, Tensor]:
    state = scene.state()
    return {**state, "fc.weight": torch.full_like(state["fc.weight"], weight), "fc.bias": bias}


@fault(
    "one class for everything", "a model whose output does not depend on the image", GOES_ON, 0, r"\bConstant\b", ODD
)
def _(scene: Scene) -> None:
    head = _head(scene, 0, torch.arange(float(len(EMOTIONS))))
    _odd(scene, "Constant", head, lambda _, model: (model.predicted == len(EMOTIONS) - 1).all())


@fault("no preference", "a model that gives every class the same", GOES_ON, 0, r"\bEven\b", ODD)
def _(scene: Scene) -> None:
    _odd(scene, "Even", _head(scene, 0, torch.zeros(len(EMOTIONS))), lambda _, model: (model.logits == 0).all())


@fault("only blank maps", "a model whose evidence is negative everywhere", GOES_ON, 0, r"\bBlank\b", ODD)
def _(scene: Scene) -> None:
    head = _head(scene, -1, torch.arange(float(len(EMOTIONS))))
    _odd(scene, "Blank", head, lambda _, model: (model.maps <= 0).all())


@fault("certain of everything", "logits of a million", GOES_ON, 0, r"\bCertain\b", ODD)
def _(scene: Scene) -> None:
    state = scene.state()
    weights = {**state, "fc.weight": state["fc.weight"] * 1e6}
    _odd(scene, "Certain", weights, lambda _, model: (model.probabilities.max(axis=1) == 1).all())


proved_by(
    "test_swapped::test_swapped_checkpoints_are_said",
    "swapped checkpoints",
    "the notebook's two files under each other's name",
    "continues with the architectures that the weights show, and says that the names do not fit",
    0,
)
proved_by(
    "test_payloads::test_no_payload_is_run",
    "payloads in checkpoints",
    "known shapes of pickle payloads in every form of checkpoint",
    NEVER_RUN,
    2,
)
