from __future__ import annotations

import base64
import collections
import copyreg
import datetime
import io
import json
import pathlib
import pickle
import struct
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd
import pytest
from faults.payloads import leave_mark
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder

from reportgen.errors import DataError
from reportgen.inputs.pickles.safe_pickle import load_pickle

DATA = Path(__file__).parent / "data"
REAL = Path(__file__).resolve().parents[3] / "../shared/fer/processed_data.pkl"
PATHS = ["images/a.jpg", "images/b.jpg", "images/c.jpg"]
EMOTIONS = ["happy", "sad", "fear"]


def load(data: bytes, folder: Path) -> Any:
    path = folder / "data.pkl"
    path.write_bytes(data)
    return load_pickle(path)


def streams() -> Iterator[Any]:
    for path in sorted(DATA.glob("pickles-*.json")):
        for name, text in json.loads(path.read_text()).items():
            yield pytest.param(name.split("-")[0], base64.b64decode(text), id=f"{path.stem[8:]}-{name}")


@pytest.mark.parametrize(("name", "data"), list(streams()))
def test_frames_of_every_pandas(name: str, data: bytes, tmp_path: Path) -> None:
    content = load(data, tmp_path)
    assert content["best"] == 0.5
    assert isinstance(content["best"], np.float64)
    assert list(content["emotion_classes"]) == ["a", "b"]
    frame = content["test_df"]
    assert isinstance(frame, pd.DataFrame)
    if name in ("indexed", "two"):
        frame = frame.reset_index()
    rows = {"filtered": [2, 0], "repeated": [0, 1, 2, 0, 1, 2]}.get(name, [0, 1, 2])
    assert [str(path).replace("\\", "/") for path in frame["image_path"]] == [PATHS[row] for row in rows]
    assert [str(emotion) for emotion in frame["emotion"]] == [EMOTIONS[row] for row in rows]
    assert [int(label) for label in frame["label"]] == [[3, 5, 2][row] for row in rows]
    if name == "posix":
        assert {type(path) for path in frame["image_path"]} == {PurePosixPath}
    if name == "windows":
        assert {type(path) for path in frame["image_path"]} == {PureWindowsPath}
    if name == "category":
        assert list(frame["emotion"].cat.categories) == ["fear", "happy", "sad"]
    if name == "nullable":
        assert frame["i"].isna().tolist() == frame["b"].isna().tolist() == [False, True, False]
        assert (frame["i"][2], bool(frame["b"][0])) == (3, True)
    if name == "dates":
        assert frame["d"][:2].tolist() == [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")]
        assert frame["d"].isna().tolist() == [False, False, True]
    if name == "filtered":
        assert frame.index.tolist() == [2, 0]
        assert np.isnan(frame["x"][2]) and frame["x"][0] == 1.5
        assert frame["y"].tolist() == [True, True]


class _OldPickler(pickle.Pickler):
    """Writes frames in the layout of pandas 1.0: `_data`, and a block manager with a tuple as state."""

    def reducer_override(self, item: Any) -> Any:
        if isinstance(item, pd.DataFrame):
            state = {"_data": item._mgr, "_typ": "dataframe", "_metadata": [], "attrs": {}}
            return copyreg.__newobj__, (pd.DataFrame,), state
        if type(item).__name__ == "BlockManager":
            axes = [np.asarray(axis) for axis in item.axes]
            indexes = list(item.axes)
            blocks = [{"values": block.values, "mgr_locs": block.mgr_locs.indexer} for block in item.blocks]  # noqa: PD011
            items = [item.items[block.mgr_locs.indexer] for block in item.blocks]
            values = [block.values for block in item.blocks]  # noqa: PD011
            layout = {"0.14.1": {"axes": indexes, "blocks": blocks}}
            return copyreg.__newobj__, (type(item),), (axes, values, items, layout)
        return NotImplemented


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_layout_of_pandas_before_1_3(protocol: int, tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_path": PATHS, "label": [3, 5, 2], "x": [0.5, 1.5, 2.5]}).astype({"image_path": object})
    sink = io.BytesIO()
    _OldPickler(sink, protocol).dump({"test_df": frame})
    data = sink.getvalue()
    # The names under which pandas 1.0 and NumPy 1 wrote them; both have the same length in the stream's text.
    assert b"0.14.1" in data
    pd.testing.assert_frame_equal(load(data, tmp_path)["test_df"].astype(frame.dtypes), frame, check_column_type=False)


def test_names_of_pandas_1_and_numpy_1(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    dtype = (
        b"cnumpy\ndtype\n"
        + text("i8")
        + b"\x89\x88\x87R(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01K\x02\x85" + dtype + b"\x89C\x10" + struct.pack("<qq", 7, -1) + b"tb"
    )
    index = (
        b"cpandas.core.indexes.base\n_new_Index\ncpandas.core.indexes.numeric\nInt64Index\n"
        b"}(" + text("data") + array + text("name") + text("id") + b"u\x86R"
    )
    loaded = load(b"\x80\x03" + index + b".", tmp_path)
    assert loaded.tolist() == [7, -1]
    assert loaded.name == "id"


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_comes_back(protocol: int, tmp_path: Path) -> None:
    shared = [1, 2]
    content: dict[Any, Any] = {
        "numbers": [0, -1, 255, 70000, 2**70, 0.1, 1e300, True, False, None],
        "text": ["", "grün", "\u2028", b"", b"\x00\xff", bytearray(b"ab")],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "shared": [shared, shared],
        "sets": [{1, 2}, frozenset({"a"})],
        ("a", 1): {"nested": {}},
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, {"a": [1]}),
        "date": datetime.datetime(2020, 1, 2, 3, 4, 5),
        "slice": slice(1, None, 2),
        np.int64(3): "NumPy key",
    }
    loaded = load(pickle.dumps(content, protocol), tmp_path)
    assert loaded == content
    assert loaded["shared"][0] is loaded["shared"][1]
    assert type(loaded["default"]) is dict


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
        np.arange(3, dtype=">i4"),
        np.array(["a", "bcd"]),
        np.array([b"a", b"bcd"]),
        np.array([None, "x", 3], dtype=object),
        np.array([[1, "a"], [2, "b"]], dtype=object, order="F"),
        np.array([True, False]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.zeros((0, 3)),
        np.float32(0.25),
        np.array(5),
    ],
)
def test_arrays_come_back(array: Any, protocol: int, tmp_path: Path) -> None:
    loaded = load(pickle.dumps(array, protocol), tmp_path)
    np.testing.assert_array_equal(loaded, array)
    assert loaded.shape == array.shape
    assert loaded.dtype == array.dtype.newbyteorder("=")


def test_paths_of_every_system_and_python(tmp_path: Path) -> None:
    for module in ("pathlib", "pathlib._local"):
        for name, expected in (
            ("WindowsPath", PureWindowsPath("C:\\a", "b")),
            ("PosixPath", PurePosixPath("C:\\a", "b")),
        ):
            stream = f"c{module}\n{name}\n(X\x04\x00\x00\x00C:\\aX\x01\x00\x00\x00btR.".encode()
            assert load(stream, tmp_path) == expected


def test_series_and_its_name(tmp_path: Path) -> None:
    series = pd.Series([1, 2], index=["a", "b"], name="label")
    loaded = load(pickle.dumps(series), tmp_path)
    pd.testing.assert_series_equal(loaded, series, check_index_type=False)


cells = st.one_of(
    st.none(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False), st.text(max_size=5), st.booleans()
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4, unique=True),
    st.integers(0, 4),
    st.integers(2, 5),
    st.data(),
)
def test_any_frame_comes_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: int, protocol: int, data: st.DataObject
) -> None:
    frame = pd.DataFrame(
        {name: pd.Series(data.draw(st.lists(cells, min_size=rows, max_size=rows)), dtype=object) for name in names}
    )
    frame["number"] = np.arange(rows) * 0.5
    loaded = load(pickle.dumps(frame, protocol), tmp_path_factory.mktemp("frames"))
    assert list(loaded.columns) == list(frame.columns)
    for name in frame.columns:
        assert loaded[name].tolist() == frame[name].tolist()
        assert [type(cell) for cell in loaded[name]] == [type(cell) for cell in frame[name]]


@pytest.mark.real
def test_the_notebooks_pickle_equals_what_pandas_reads() -> None:
    if not REAL.exists():
        pytest.skip("the real test set is not beside the checkout")
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        pytest.skip("pandas reads pickles of numpy 2 with numpy 2 only; ours does not need it")
    ours, theirs = load_pickle(REAL), pd.read_pickle(REAL)
    assert list(ours) == list(theirs)
    for name in ("train_df", "val_df", "test_df"):
        pd.testing.assert_frame_equal(ours[name], theirs[name], check_column_type=False)
    assert ours["emotion_classes"] == theirs["emotion_classes"]
    np.testing.assert_array_equal(ours["class_weights"], theirs["class_weights"])


class Call:
    """Pickles as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _global(module: str, name: str) -> bytes:
    return b"\x80\x04" + _text(module) + _text(name) + b"\x93"


def _call(module: str, name: str, *args: str) -> bytes:
    return _global(module, name) + b"(" + b"".join(map(_text, args)) + b"tR."


DTYPE = b"cnumpy\ndtype\n" + _text("O8") + b"\x89\x88\x87R"
FLAGS_FORGED = DTYPE + b"(K\x03" + _text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
NEW_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
MARK_FILE = "touched"

# What no test set needs: calls, changed classes, forged memory, sizes without content. Each is harmless to an ordinary
# unpickler. What `refuses` names must be in the message.
REFUSED: dict[str, tuple[bytes, str]] = {
    "a function": (pickle.dumps(Call(leave_mark, MARK_FILE)), "faults.payloads.leave_mark"),
    "a function, protocol 0": (pickle.dumps(Call(leave_mark, MARK_FILE), 0), "faults.payloads.leave_mark"),
    "os.system": (_global("os", "system") + b".", "os.system"),
    "open": (_global("builtins", "open") + b".", "builtins.open"),
    "io.open": (_global("io", "open") + b".", "io.open"),
    "eval": (_global("builtins", "eval") + b".", "builtins.eval"),
    "exec, Python 2 name": (_global("__builtin__", "exec") + b".", "__builtin__.exec"),
    "__import__": (_global("builtins", "__import__") + b".", "builtins.__import__"),
    "getattr": (_call("builtins", "getattr", "x", "upper"), "builtins.getattr"),
    "setattr": (_call("builtins", "setattr", "x", "y", "z"), "builtins.setattr"),
    "type": (_call("builtins", "type", "x"), "builtins.type"),
    "import by naming": (_global("tabnanny", "check") + b".", "tabnanny.check"),
    "subprocess": (_global("subprocess", "Popen") + b".", "subprocess.Popen"),
    "operator.methodcaller": (_call("operator", "methodcaller", "unlink"), "operator.methodcaller"),
    "operator.attrgetter": (_call("operator", "attrgetter", "__class__"), "operator.attrgetter"),
    "functools.partial": (_call("functools", "partial", "x"), "functools.partial"),
    "pandas.eval": (_global("pandas", "eval") + b".", "pandas.eval"),
    "pandas.read_pickle": (_call("pandas", "read_pickle", "x"), "pandas.read_pickle"),
    "pandas.io": (_call("pandas.io.common", "get_handle", MARK_FILE, "w"), "pandas.io.common"),
    "pandas.core.computation": (
        _call("pandas.core.computation.eval", "eval", "1"),
        "pandas.core.computation",
    ),
    "numpy.load": (_call("numpy", "load", "x"), "numpy.load"),
    "numpy.fromfile": (_global("numpy", "fromfile") + b".", "numpy.fromfile"),
    "numpy.memmap": (_call("numpy", "memmap", MARK_FILE, "u1", "w+"), "numpy.memmap"),
    "numpy.testing": (_global("numpy.testing._private.utils", "runstring") + b".", "numpy.testing"),
    "a method through a dotted name": (
        _call("pandas", "DataFrame.to_csv", MARK_FILE),
        "pandas.DataFrame.to_csv",
    ),
    "globals through a dotted name": (
        _global("collections", "OrderedDict.__init__.__globals__") + b".",
        "OrderedDict.__init__",
    ),
    "a path's method": (_call("pathlib", "PosixPath.touch", MARK_FILE), "pathlib.PosixPath.touch"),
    "marshal": (_call("marshal", "loads", "x"), "marshal.loads"),
    "types.FunctionType": (_call("types", "FunctionType", "x"), "types.FunctionType"),
    "copyreg.add_extension": (_global("copyreg", "add_extension") + b".", "copyreg.add_extension"),
    "codecs.decode": (_call("_codecs", "decode", "x", "zip"), "_codecs.decode"),
    "codecs.encode, other codec": (
        _call("_codecs", "encode", "x", "rot13"),
        "_codecs.encode with unusual arguments",
    ),
    "torch": (_call("torch", "load", "x"), "torch.load"),
    "INST": (b"(ios\ngetcwd\n.", "INST"),
    "OBJ": (b"(cbuiltins\nlist\no.", "OBJ"),
    "EXT1": (b"\x80\x02\x82\x01.", "EXT1"),
    "PERSID": (b"Px\n.", "PERSID"),
    "BINPERSID": (b"K\x01Q.", "BINPERSID"),
    "NEXT_BUFFER": (b"\x80\x05\x97.", "NEXT_BUFFER"),
    "NEWOBJ_EX": (_global("pandas", "DataFrame") + b")}\x92.", "NEWOBJ_EX"),
    "DUP": (b"]2.", "DUP"),
    "attributes of a class": (
        b"cpathlib\nPurePosixPath\nN}" + _text("__str__") + _text("owned") + b"s\x86b.",
        "setting the state",
    ),
    "attributes of a frame class": (
        b"cpandas\nDataFrame\n}" + _text("to_csv") + _text("x") + b"sb.",
        "setting the state",
    ),
    "state of a dict": (b"}}" + _text("a") + b"K\x01sb.", "setting the state"),
    "state twice": (_global("pandas", "DataFrame") + b")\x81}b}b.", "setting the state"),
    "calling a text": (_text("x") + b")R.", "calling something"),
    "calling a record": (_global("pandas", "DataFrame") + b")\x81)R.", "calling something"),
    "calling with a list": (_global("collections", "OrderedDict") + b"]R.", "calling something"),
    "appending to a record": (_global("pandas", "DataFrame") + b")\x81(K\x01e.", "not a list"),
    "appending to a bytearray": (b"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a(K\x01e.", "not a list"),
    "items of a record": (_global("pandas", "DataFrame") + b")\x81(K\x01K\x01u.", "not a dict"),
    "items of a list": (b"](K\x00K\x01u.", "not a dict"),
    "adding to a frozenset": (b"(\x91(K\x01\x90.", "not a set"),
    "a default factory that runs": (
        _global("collections", "defaultdict") + _global("os", "getcwd") + b"\x85R.",
        "os.getcwd",
    ),
    "a frame built by its constructor": (
        b"ccopyreg\n_reconstructor\ncpandas\nDataFrame\nK\x01K\x02\x87R.",
        "unusual",
    ),
    "an array of a size": (
        _global("builtins", "bytearray") + b"K\x64\x85R.",
        "unusual arguments",
    ),
    "bytes of a size": (
        _global("builtins", "bytes") + b"K\x64\x85R.",
        "unusual arguments",
    ),
    "a shape larger than its cells": (
        NEW_ARRAY + b"K\x00\x85C\x01b\x87R(K\x01K\x64\x85" + DTYPE + b"\x89]tb.",
        "do not fit",
    ),
    "a shape of empty cells": (
        NEW_ARRAY + b"K\x00\x85C\x01b\x87R(K\x01K\x64\x85cnumpy\ndtype\n" + _text("S0") + b"\x89\x88\x87R\x89C\x00tb.",
        "do not fit",
    ),
    "objects from raw bytes": (
        NEW_ARRAY + b"K\x00\x85C\x01b\x87R(K\x01K\x01\x85" + FLAGS_FORGED + b"\x89C\x08" + bytes(8) + b"tb.",
        "do not fit",
    ),
    "an object scalar": (b"cnumpy.core.multiarray\nscalar\n" + DTYPE + b"C\x08" + bytes(8) + b"\x86R.", "do not fit"),
    "a structured type": (
        NEW_ARRAY + b"K\x00\x85C\x01b\x87R(K\x01K\x00\x85cnumpy\ndtype\n" + _text("V8") + b"\x89\x88\x87R\x89C\x00tb.",
        "array of type",
    ),
    "fields in a type's state": (
        NEW_ARRAY
        + b"K\x00\x85C\x01b\x87R(K\x01K\x00\x85"
        + DTYPE
        + b"(K\x03"
        + _text("|")
        + b"N"
        + _text("f")
        + b"\x85}K\x08K\x01K\x00tb\x89]tb.",
        "structured type",
    ),
    "Arrow offsets outside the buffer": (
        b"cpyarrow.lib\n_restore_array\n(cpyarrow.lib\ntype_for_alias\n" + _text("string") + b"\x85RK\x01K\x00K\x00]"
        b"(Ncpyarrow.lib\npy_buffer\nC\x08\x00\x00\x00\x00\x02\x00\x00\x00\x85Rcpyarrow.lib\npy_buffer\nC\x01a\x85Re]Nt\x85R.",
        "damaged",
    ),
    "Arrow length beyond the buffer": (
        b"cpyarrow.lib\n_restore_array\n(cpyarrow.lib\ntype_for_alias\n" + _text("int8") + b"\x85RK\x02K\x00K\x00]"
        b"(Ncpyarrow.lib\npy_buffer\nC\x01a\x85Re]Nt\x85R.",
        "damaged",
    ),
    "tuples of the same tuples as key": (b"}" + b")" + b"q\x00h\x00\x86" * 6 + b"K\x01s.", "as key"),
    "a list as key": (b"}]K\x01s.", "as key"),
    "a list that contains itself": (b"]q\x00h\x00a.", "contains itself"),
    "deep nesting": (b"]" * 2_000 + b"a" * 1_999 + b".", "nested too deeply"),
    "an empty stack": (b"R.", "damaged"),
    "no mark": (b"t.", "damaged"),
    "an unknown memo": (b"h\x07.", "damaged"),
    "no end": (b"]", "damaged"),
    "nothing": (b"", "damaged"),
    "gzip": (b"\x1f\x8b\x08\x00", "gzip"),
}


@pytest.mark.parametrize(("data", "refuses"), list(REFUSED.values()), ids=list(REFUSED))
def test_refuses(data: bytes, refuses: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inverted = dict(copyreg._extension_registry)  # type: ignore[attr-defined]
    copyreg.add_extension("os", "getcwd", 1)
    attributes = {cls: set(vars(cls)) for cls in (pathlib.PurePosixPath, pd.DataFrame, pd.Series, dict)}
    try:
        with pytest.raises(DataError) as caught:
            load(data, tmp_path)
    finally:
        copyreg.remove_extension("os", "getcwd", 1)
    assert refuses in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["data.pkl"]
    assert "tabnanny" not in sys.modules
    assert attributes == {cls: set(vars(cls)) for cls in attributes}
    assert copyreg._extension_registry == inverted  # type: ignore[attr-defined]


def test_an_ordinary_unpickler_calls(tmp_path: Path) -> None:
    """An ordinary unpickler does make the first one's call, so that the tests above are about something."""
    pickle.loads(pickle.dumps(Call(leave_mark, str(tmp_path / MARK_FILE))))
    assert (tmp_path / MARK_FILE).is_file()


def test_frames_whose_blocks_do_not_fit_are_refused(tmp_path: Path) -> None:
    data = pickle.dumps(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), 2)
    places = b"__builtin__\nslice\n"
    at = data.index(places)
    stop = data.index(b"K\x02", at)
    assert load(data, tmp_path).shape == (2, 2)
    for wrong in (b"K\x01", b"K\x00"):
        with pytest.raises(DataError):
            load(data[:stop] + wrong + data[stop + 2 :], tmp_path)


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load_pickle(tmp_path / "gone.pkl")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_data_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        load(data, tmp_path_factory.getbasetemp())
    except DataError as error:
        assert "\n" not in str(error)


VALID = pickle.dumps({"test_df": pd.DataFrame({"image_path": PATHS, "label": [3, 5, 2]})}, 4)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=4))
def test_damage_gives_data_or_one_line(tmp_path_factory: pytest.TempPathFactory, place: int, noise: bytes) -> None:
    data = VALID[:place] + noise + VALID[place + len(noise) :]
    try:
        load(data, tmp_path_factory.getbasetemp())
    except DataError as error:
        assert "\n" not in str(error)


def test_a_label_encoder_is_the_names_that_it_knows(tmp_path):
    """scikit-learn's encoder is often pickled beside the frames."""
    encoder = LabelEncoder().fit(["sad", "happy", "anger"])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = tmp_path / "e.pkl"
        path.write_bytes(pickle.dumps({"label_encoder": encoder}, protocol=protocol))
        assert load_pickle(path)["label_encoder"].tolist() == ["anger", "happy", "sad"]
