"""ONNX files are read whole, reach for nothing outside their folder, and bring no code."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import linear, onnx, save

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.file import checkpoint_sha256
from reportgen.inputs.checkpoints.onnx_file import external_files, read_onnx
from reportgen.inputs.checkpoints.statements import checkpoint_statements

pytestmark = pytest.mark.extras

SHAPE = ("batch", 3, 8, 8)
WEIGHT, BIAS = np.random.default_rng(0).normal(size=(192, 3)).astype(np.float32), np.zeros(3, np.float32)


def external(location: str, **entries: str) -> Any:
    tensor = onnx.TensorProto(name="w", data_type=1, dims=WEIGHT.shape, data_location=1)
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def with_external(path: Path, location: str, **entries: str) -> Path:
    node = onnx.helper.make_node
    nodes = [node("Flatten", ["x"], ["flat"], axis=1), node("MatMul", ["flat", "w"], ["scores"])]
    return save(path, nodes, SHAPE, {"scores": 3}, {"w": external(location, **entries)})


def test_weights_in_a_second_file_are_read_and_belong_to_the_checksum(tmp_path: Path) -> None:
    (tmp_path / "net.data").write_bytes(b"head" + WEIGHT.tobytes())
    path = with_external(tmp_path / "net.onnx", "net.data", offset="4", length=str(WEIGHT.nbytes))
    found = read_onnx(path)
    (tensor,) = onnx.load_from_string(found.content).graph.initializer
    assert np.array_equal(onnx.numpy_helper.to_array(tensor), WEIGHT) and not tensor.external_data
    assert found.notes == ("its weights were read from net.data",)
    assert external_files(path) == [(tmp_path / "net.data").resolve()]
    before = checkpoint_sha256(path)
    (tmp_path / "net.data").write_bytes(b"HEAD" + WEIGHT.tobytes())
    assert checkpoint_sha256(path) != before


@pytest.mark.parametrize("location", ["../outside.data", "{absolute}", "link.data", "a/../../outside.data", ""])
def test_nothing_outside_its_folder_is_read(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.data").write_bytes(WEIGHT.tobytes())
    (folder / "link.data").symlink_to(tmp_path / "outside.data")
    path = with_external(folder / "net.onnx", location.format(absolute=tmp_path / "outside.data"))
    for read in (read_onnx, checkpoint_sha256, external_files):
        with pytest.raises(CheckpointError, match="outside its own folder, where nothing is read"):
            read(path)


def test_weights_named_inside_a_nested_graph_are_found_too(tmp_path: Path) -> None:
    """A branch of an If holds the tensor: whatever field a tensor hides in, its file is checked."""
    helper = onnx.helper
    inner = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["z"])], "branch", [],
        [helper.make_tensor_value_info("z", 1, list(WEIGHT.shape))], [external("../outside.data")],
    )  # fmt: skip
    nodes = [
        helper.make_node("If", ["yes"], ["chosen"], then_branch=inner, else_branch=inner),
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "chosen"], ["scores"]),
    ]
    path = save(tmp_path / "net.onnx", nodes, SHAPE, {"scores": 3}, {"yes": np.array(True)})
    with pytest.raises(CheckpointError, match="outside its own folder"):
        read_onnx(path)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({}, "is not beside it; put both files into one folder"),
        ({"offset": "-1"}, "does not hold 'w' as announced"),
        ({"length": "99999"}, "does not hold 'w' as announced"),
        ({"offset": "many"}, "does not hold 'w' as announced"),
    ],
)
def test_a_second_file_that_is_missing_or_short_is_named(tmp_path: Path, entries: dict[str, str], reason: str) -> None:
    if entries:
        (tmp_path / "net.data").write_bytes(WEIGHT.tobytes())
    with pytest.raises(CheckpointError, match=reason) as raised:
        read_onnx(with_external(tmp_path / "net.onnx", "net.data", **entries))
    assert "\n" not in str(raised.value)


def test_what_only_a_library_would_bring_and_loops_are_refused(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    own = save(tmp_path / "own.onnx", [node("Spell", ["x"], ["scores"], domain="magic")], SHAPE, {"scores": 3}, {},
               domains=["magic"])  # fmt: skip
    with pytest.raises(CheckpointError, match=re.escape("needs the operator 'Spell' of 'magic'")):
        read_onnx(own)
    body = onnx.helper.make_graph([node("Identity", ["a"], ["b"])], "body", [], [])
    loop = save(tmp_path / "loop.onnx", [node("Loop", ["", "", "x"], ["scores"], body=body)], SHAPE, {"scores": 3}, {})
    with pytest.raises(CheckpointError, match="holds a Loop, which may run for ever"):
        read_onnx(loop)


def test_a_file_cut_off_anywhere_is_one_line_or_still_a_network(tmp_path: Path) -> None:
    whole = linear(tmp_path / "net.onnx", WEIGHT, BIAS, SHAPE).read_bytes()
    refused = 0
    for length in range(0, len(whole), len(whole) // 40):
        path = tmp_path / "cut.onnx"
        path.write_bytes(whole[:length])
        try:
            read_onnx(path)
        except CheckpointError as error:
            refused += 1
            assert "\n" not in str(error) and "export it again" in str(error)
    assert refused >= 40


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        read_onnx(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("classes", '["fear", "anger", "valence"]'),
        ("labels", "fear,anger,valence"),
        ("names", "{0: 'fear', 1: 'anger', 2: 'valence'}"),
        ("id2label", '{"0": "fear", "1": "anger", "2": "valence"}'),
    ],
)
def test_class_names_in_the_metadata_are_read(tmp_path: Path, key: str, text: str) -> None:
    path = linear(tmp_path / "net.onnx", WEIGHT, BIAS, SHAPE, metadata={key: text})
    assert checkpoint_statements(path).classes == ("fear", "anger", "valence")


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = linear(tmp_path / "net.onnx", WEIGHT, BIAS, SHAPE)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(CheckpointError, match=re.escape("python -m pip install 'reportgen[onnx]'")):
        read_onnx(path)


def test_a_fixed_size_and_pixels_as_they_are_leave_nothing_open(tmp_path: Path) -> None:
    path = linear(tmp_path / "net.onnx", WEIGHT, BIAS, ("n", 3, 8, 8))
    assert checkpoint_statements(path).preprocessing == {"height": 8, "width": 8}
    assert checkpoint_statements(linear(path, WEIGHT, BIAS, ("n", "h", "w", 3))).preprocessing == {}
    pixels = checkpoint_statements(linear(path, WEIGHT, BIAS, ("n", 8, 9, 3), kind=2)).preprocessing
    assert pixels == {"height": 8, "width": 9, "mean": (0.0,), "std": (1 / 255,)}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"mean": "0.5, 0.5, 0.5", "std": "[0.25, 0.25, 0.25]"}, {"mean": (0.5,) * 3, "std": (0.25,) * 3}),
        ({"mean": "51, 102, 127.5", "std": "51, 51, 51"}, {"mean": (0.2, 0.4, 0.5), "std": (0.2,) * 3}),
        ({"mean": "0, 0, 0", "std": "255, 255, 255"}, {"mean": (0.0,) * 3, "std": (1.0,) * 3}),
        ({"mean": "51, 102, 204", "std": "1, 1, 1"}, {"mean": (0.2, 0.4, 0.8), "std": (1 / 255,) * 3}),
        ({"mean": "0.5, 0.5, 0.5", "std": "nan, 0.5, 0.5"}, {}),
        ({"mean": "0.5, 0.5, 0.5", "std": "0.5, inf, 0.5"}, {}),
        ({"mean": "0.5", "std": "0"}, {}),
        ({"mean": "-3", "std": "1"}, {}),
        ({"imgsz": "nan"}, {}),
        ({"imgsz": "[inf, 4]"}, {}),
        ({"imgsz": "[8, 8]", "Image.NominalPixelRange": "NominalRange_0_255"},
         {"height": 8, "width": 8, "mean": (0.0,), "std": (1 / 255,)}),
        ({"Image.NominalPixelRange": "Normalized_0_1"}, {}),
        ({"img_size": "8"}, {}),
    ],
)  # fmt: skip
def test_what_is_stated_of_the_input_is_what_building_the_network_uses(
    tmp_path: Path, metadata: dict[str, str], expected: dict[str, Any]
) -> None:
    weight = np.zeros((3 * 8 * 8, 4), np.float32)
    path = linear(tmp_path / "net.onnx", weight, np.zeros(4, np.float32), ("n", 3, "h", "w"), metadata=metadata)
    assert checkpoint_statements(path).preprocessing == expected
