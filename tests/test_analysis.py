"""The seam on disk: parts are whole or absent, written once, and half-written ones are cleared away."""

import os

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.analysis import content_hash, read_analysis, slugify
from reportgen.errors import BuildError, OutputError
from reportgen.files import sweep_leftovers, write_atomically
from reportgen.shards import PartStore, array_column, check_ends

KEYS = ["0" * 16, "1" * 16]


def table(*values):
    return pa.table({"x": pa.array(values)})


def test_parts_are_read_in_order_and_missing_ones_named(tmp_path):
    store = PartStore(tmp_path)
    store.write(1, KEYS[1], table(3))
    assert not store.has(0, KEYS[0])
    with pytest.raises(BuildError, match=r"part-00000-0{16}.parquet: cannot be read"):
        store.read(KEYS)
    store.write(0, KEYS[0], table(1, 2))
    assert store.read(KEYS)["x"].to_pylist() == [1, 2, 3]


def test_a_part_that_was_cut_off_is_noticed_without_reading_it(tmp_path):
    store = PartStore(tmp_path / "images")
    store.write(0, KEYS[0], table(1, 2))
    (tmp_path / "images" / "part-of-my-thesis.parquet").write_text("mine")
    check_ends(tmp_path)
    path = store.path(0, KEYS[0])
    content = path.read_bytes()
    for cut in (content[:-1], content[:3], b"", b"x" + content):
        path.write_bytes(cut)
        with pytest.raises(BuildError, match=r"part-00000-0{16}.parquet: cannot be read \(it was cut off\)"):
            check_ends(tmp_path)


def test_a_column_that_an_older_part_lacks_counts_as_not_recorded(tmp_path):
    store = PartStore(tmp_path)
    store.write(0, KEYS[0], table(1, 2).append_column("y", pa.array([5, 6])))
    assert store.has_column(KEYS[:1], "y")
    store.write(1, KEYS[1], table(3))
    assert not store.has_column(KEYS, "y")


def test_pruning_touches_only_parts_of_ours(tmp_path):
    store = PartStore(tmp_path)
    for key in ("a" * 16, "b" * 16):
        store.write(0, key, table(1))
    (tmp_path / "part-of-my-thesis.parquet").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    store.prune(["b" * 16])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["notes.txt", "part-00000-" + "b" * 16 + ".parquet", "part-of-my-thesis.parquet"]


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        PartStore(tmp_path / name).write(0, KEYS[0], table(1, 2, 3))
    one, two = (PartStore(tmp_path / name).path(0, KEYS[0]).read_bytes() for name in ("a", "b"))
    assert one == two


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    target = tmp_path / "file"
    write_atomically(target, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_atomically(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_bytes() == b"old"


def test_leftovers_of_killed_builds_go_and_files_of_the_user_stay(tmp_path):
    """Whatever process has the number by now: only the holder of the build lock sweeps, so no writer is alive."""
    (tmp_path / "analysis/images").mkdir(parents=True)
    gone = [
        tmp_path / "analysis/images/.part-00000-x.parquet.4711.reportgen.tmp",
        tmp_path / f".report.zip.{os.getpid()}.reportgen.tmp",
    ]
    mine = [tmp_path / ".my.notes.tmp", tmp_path / ".draft.2.tmp"]
    for path in (*gone, *mine):
        path.write_text("")
    sweep_leftovers(tmp_path)
    assert [path.exists() for path in (*gone, *mine)] == [False, False, True, True]


@pytest.mark.parametrize("content", ["", "[1, 2", '{"schema": 99}', "[]"])
def test_a_folder_without_a_finished_analysis_is_one_line(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BuildError, match=r"manifest.json: (no finished analysis|schema)"):
        read_analysis(tmp_path)


def test_array_columns_keep_every_number_also_for_no_rows():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert np.array_equal(np.array(array_column(values).to_pylist()).reshape(2, 3, 4), values)
    empty = array_column(values[:0])
    assert (len(empty), empty.type.list_size) == (0, 12)


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_lists_have_different_hashes(one, two):
    assert (content_hash(*one) == content_hash(*two)) == (one == two)


@given(st.text())
def test_slugs_are_safe_in_file_names(name):
    slug = slugify(name)
    assert 1 <= len(slug) <= 60
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
