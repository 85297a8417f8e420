"""The names that a pickle of tables may use, and what each of them is to `safe_pickle.py` and `pickle_objects.py`.

None of them is ever imported or called on a stream's behalf: the list says which words of the format are
understood.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["KINDS"]


def _pairs(kind: str, modules: str, names: str) -> Iterator[tuple[tuple[str, str], str]]:
    for module in modules.split():
        for name in names.split():
            yield (module, name), kind


_NUMPY = "numpy.core numpy._core"
_INTEGERS = "Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype"

KINDS: dict[tuple[str, str], str] = dict(
    pair
    for pairs in (
        _pairs("DataFrame", "pandas pandas.core.frame", "DataFrame"),
        _pairs("Series", "pandas pandas.core.series", "Series"),
        _pairs("manager", "pandas.core.internals.managers", "BlockManager SingleBlockManager"),
        _pairs("manager", "pandas.core.internals", "BlockManager SingleBlockManager"),
        _pairs("block", "pandas._libs.internals", "_unpickle_block"),
        _pairs("block", "pandas.core.internals.blocks", "_unpickle_block new_block"),
        _pairs("new index", "pandas.core.indexes.base", "_new_Index"),
        _pairs("new index", "pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
        _pairs("Index", "pandas pandas.core.indexes.base", "Index"),
        _pairs("Index", "pandas.core.indexes.numeric", "Int64Index UInt64Index Float64Index"),
        _pairs("Index", "pandas pandas.core.indexes.category", "CategoricalIndex"),
        _pairs("Index", "pandas pandas.core.indexes.datetimes", "DatetimeIndex"),
        _pairs("Index", "pandas pandas.core.indexes.timedeltas", "TimedeltaIndex"),
        _pairs("RangeIndex", "pandas pandas.core.indexes.range", "RangeIndex"),
        _pairs("MultiIndex", "pandas pandas.core.indexes.multi", "MultiIndex"),
        _pairs("Categorical", "pandas pandas.arrays pandas.core.arrays.categorical", "Categorical"),
        _pairs("backed", "pandas.arrays pandas.core.arrays.datetimes", "DatetimeArray"),
        _pairs("backed", "pandas.arrays pandas.core.arrays.timedeltas", "TimedeltaArray"),
        _pairs("backed", "pandas.arrays pandas.core.arrays.string_", "StringArray StringArrayNumpySemantics"),
        _pairs("backed", "pandas.arrays pandas.core.arrays.numpy_", "PandasArray NumpyExtensionArray"),
        _pairs("new backed", "pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
        _pairs("masked", "pandas.arrays pandas.core.arrays.integer", "IntegerArray"),
        _pairs("masked", "pandas.arrays pandas.core.arrays.floating", "FloatingArray"),
        _pairs("masked", "pandas.arrays pandas.core.arrays.boolean", "BooleanArray"),
        _pairs("arrow backed", "pandas.arrays pandas.core.arrays.arrow.array", "ArrowExtensionArray"),
        _pairs(
            "arrow backed",
            "pandas.arrays pandas.core.arrays.string_arrow",
            "ArrowStringArray ArrowStringArrayNumpySemantics",
        ),
        _pairs("CategoricalDtype", "pandas pandas.core.dtypes.dtypes", "CategoricalDtype"),
        _pairs("dtype of no interest", "pandas pandas.core.dtypes.dtypes", "DatetimeTZDtype ArrowDtype"),
        _pairs("dtype of no interest", "pandas.core.dtypes.dtypes", "PandasDtype NumpyEADtype"),
        _pairs("dtype of no interest", "pandas pandas.core.arrays.string_", "StringDtype"),
        _pairs("dtype of no interest", "pandas pandas.core.arrays.integer", _INTEGERS),
        _pairs("dtype of no interest", "pandas pandas.core.arrays.floating", "Float32Dtype Float64Dtype"),
        _pairs("dtype of no interest", "pandas pandas.core.arrays.boolean", "BooleanDtype"),
        _pairs("zone of no interest", "pytz", "_UTC _p"),
        _pairs("zone of no interest", "datetime", "timezone timedelta"),
        _pairs("NA", "pandas pandas._libs.missing", "NA"),
        _pairs("NaT", "pandas pandas._libs.tslibs.nattype", "NaT"),
        _pairs("nat", "pandas._libs.tslibs.nattype", "_nat_unpickle"),
        _pairs("ndarray", "numpy", "ndarray"),
        _pairs("dtype", "numpy", "dtype"),
        _pairs("new array", " ".join(f"{core}.multiarray" for core in _NUMPY.split()), "_reconstruct"),
        _pairs("scalar", " ".join(f"{core}.multiarray" for core in _NUMPY.split()), "scalar"),
        _pairs("from buffer", " ".join(f"{core}.numeric" for core in _NUMPY.split()), "_frombuffer"),
        _pairs("arrow array", "pyarrow.lib", "_restore_array"),
        _pairs("arrow chunks", "pyarrow.lib", "chunked_array"),
        _pairs("arrow type", "pyarrow.lib", "type_for_alias"),
        _pairs("arrow buffer", "pyarrow.lib", "py_buffer"),
        _pairs("posix path", "pathlib pathlib._local", "PosixPath PurePosixPath PurePath Path"),
        _pairs("windows path", "pathlib pathlib._local", "WindowsPath PureWindowsPath"),
        _pairs("label encoder", "sklearn.preprocessing._label sklearn.preprocessing.label", "LabelEncoder"),
        # Tensors beside a table are passed over: nothing is made of their bytes.
        _pairs("tensor of no interest", "torch._utils", "_rebuild_tensor_v2 _rebuild_parameter"),
        _pairs("tensor of no interest", "torch.storage", "_load_from_bytes"),
        _pairs("reconstructor", "copyreg copy_reg", "_reconstructor"),
        _pairs("encode", "_codecs", "encode"),
        _pairs("dict", "collections", "OrderedDict defaultdict"),
        _pairs("date", "datetime", "date"),
        _pairs("datetime", "datetime", "datetime"),
        *(
            _pairs(name, "builtins __builtin__", name)
            for name in ("object", "bytes", "bytearray", "slice", "dict", "list", "set")
        ),
        _pairs("set", "builtins __builtin__", "frozenset"),
        _pairs("plain type", "builtins __builtin__", "int float str bool tuple"),
    )
    for pair in pairs
)
