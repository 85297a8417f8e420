"""Test sets and settings that are damaged, empty, or say what cannot be."""

from __future__ import annotations

import pickle
import zipfile

import pandas as pd
from faults.payloads import leave_mark
from faults.scene import EMOTIONS, Scene
from faults.table import GOES_ON, LISTED, NEVER_RUN, REFUSED, fault, shared_setup

from reportgen.inputs.tables import cells, reading

ROWS = "rows with faults"


@shared_setup(ROWS)
def _(scene: Scene) -> None:
    """Labels as numbers that the settings name; 0, which tells where they begin, is on the last row."""
    scene.change_rows(emotion=[str((number + 1) % len(EMOTIONS)) for number in range(len(scene.rows()))])
    scene.settings(more=f"classes = {list(EMOTIONS)}\n")


class Payload:
    """Pickles as a call that would leave a file behind."""

    def __init__(self, scene: Scene) -> None:
        self.call = (leave_mark, (str(scene.root / "ran"),))

    def __reduce__(self) -> object:
        return self.call


def use(scene: Scene, name: str, content: bytes) -> None:
    (scene.root / name).write_bytes(content)
    scene.settings(('"set.csv"', f'"{name}"'))


@fault("no test set", "--data names a file that is not there", REFUSED, 2, r"gone\.csv: no such file or folder")
def _(scene: Scene) -> None:
    scene.settings(('"set.csv"', '"gone.csv"'))


@fault("empty test set", "a CSV file of no bytes", REFUSED, 2, r"set\.csv: cannot be read as a table")
def _(scene: Scene) -> None:
    (scene.root / "set.csv").write_bytes(b"")


@fault("header without rows", "a CSV file of one line", REFUSED, 2, r"set\.csv: no row to test on")
def _(scene: Scene) -> None:
    scene.write_rows(scene.rows()[:0])


@fault("noise as CSV", "4 kB of random bytes", REFUSED, 2, r"set\.csv: ")
def _(scene: Scene) -> None:
    (scene.root / "set.csv").write_bytes(bytes(i * 7919 % 251 for i in range(4096)))


@fault("ragged row", "a row with more cells than the header", LISTED, 0, r"left out: more fields than its first line")
def _(scene: Scene) -> None:
    with (scene.root / "set.csv").open("a") as file:
        file.write("a,b,c,d,e,f\n")


@fault("ragged rows", "as many such rows as others", REFUSED, 2, r"set\.csv: cannot be read as a table")
def _(scene: Scene) -> None:
    with (scene.root / "set.csv").open("a") as file:
        file.write("a,b,c,d,e,f\n" * len(scene.rows()))


@fault("wrong extension of a table", "Parquet in a file ending in .csv", REFUSED, 2, r"set\.csv: ")
def _(scene: Scene) -> None:
    scene.rows().to_parquet(scene.root / "set.csv")


@fault("truncated Parquet", "the first half of a Parquet file", REFUSED, 2, r"set\.parquet: cannot be read as a table")
def _(scene: Scene) -> None:
    scene.rows().to_parquet(scene.root / "set.parquet")
    content = (scene.root / "set.parquet").read_bytes()
    use(scene, "set.parquet", content[: len(content) // 2])


@fault("JSON without end", "10,000 opening brackets", REFUSED, 2, r"set\.json: cannot be read as a table")
def _(scene: Scene) -> None:
    use(scene, "set.json", b"[" * 10_000)


@fault("unknown form", "a spreadsheet", REFUSED, 2, r"set\.xlsx: found a '\.xlsx' file, expected")
def _(scene: Scene) -> None:
    use(scene, "set.xlsx", b"PK\x03\x04")


@fault(
    "zip as test set",
    "a zip whose names begin with ../",
    "one line; it is not opened, nothing is unpacked",
    2,
    r"set\.zip: found a '\.zip' file, expected",
)
def _(scene: Scene) -> None:
    with zipfile.ZipFile(scene.root / "set.zip", "w") as archive:
        archive.writestr("../../evil.txt", "x")
    use(scene, "set.zip", (scene.root / "set.zip").read_bytes())


@fault(
    "pickle that runs code",
    "a call of a function in the test set",
    NEVER_RUN,
    2,
    r"set\.pkl: refused, because it needs faults\.payloads\.leave_mark",
)
def _(scene: Scene) -> None:
    use(scene, "set.pkl", pickle.dumps({"test_df": Payload(scene)}))


@fault(
    "truncated pickle",
    "the first half of the notebook's file",
    REFUSED,
    2,
    r"set\.pkl: not a readable pickle, or a damaged one",
)
def _(scene: Scene) -> None:
    content = pickle.dumps({"test_df": scene.rows()})
    use(scene, "set.pkl", content[: len(content) // 2])


@fault("pickle without a table", "a dict of numbers", REFUSED, 2, r"set\.pkl: holds no test frame \(found: a\)")
def _(scene: Scene) -> None:
    use(scene, "set.pkl", pickle.dumps({"a": 1}))


@fault("too large a table", "more bytes than are read of a table", REFUSED, 2, r"set\.csv: .* GB, a table of at most")
def _(scene: Scene) -> None:
    scene.monkeypatch.setattr(reading, "_LARGEST", 100)


@fault(
    "no column of emotions", "a column renamed", REFUSED, 2, r"no column for emotions \(found: path, feeling, person\)"
)
def _(scene: Scene) -> None:
    scene.write_rows(scene.rows().rename(columns={"emotion": "feeling"}))


@fault(
    "labels out of range", "the number 9 among seven classes", LISTED, 0, r"the label '9' is none of the classes", ROWS
)
def _(scene: Scene) -> None:
    scene.change_own_row(emotion="9")


@fault("negative labels", "the number -1", LISTED, 0, r"the label '-1' is none of the classes", ROWS)
def _(scene: Scene) -> None:
    scene.change_own_row(emotion="-1")


@fault(
    "labels nobody knows", "emotions called a, b, c ...", REFUSED, 2, r"no image with a known label \(found: a, b, c"
)
def _(scene: Scene) -> None:
    scene.change_rows(emotion=list("abcdefg"))


@fault(
    "numbers without meaning", "labels 0 to 6 and nothing that names them", REFUSED, 2, r"nothing says what they mean"
)
def _(scene: Scene) -> None:
    scene.change_rows(emotion=[str(number) for number in range(7)])


@fault("empty label", "a row without an emotion", LISTED, 0, r"the label is empty", ROWS)
def _(scene: Scene) -> None:
    scene.change_own_row(emotion="")


@fault("blank label", "a row whose emotion is a blank", LISTED, 0, r"the label is empty", ROWS)
def _(scene: Scene) -> None:
    scene.change_own_row(emotion=" ")


@fault("empty path", "a row without a path", LISTED, 0, r"the path is empty", ROWS)
def _(scene: Scene) -> None:
    scene.change_own_row(path="")


@fault("emotions without images", "six of seven classes have none", GOES_ON, 0, r"no image")
def _(scene: Scene) -> None:
    scene.change_rows(emotion="anger")


@fault("one image", "a test set of one row, with regions, tests and intervals", GOES_ON, 0, r"\b1 image\b")
def _(scene: Scene) -> None:
    scene.settings(('regions = "none"', 'regions = "template"'))
    scene.write_rows(scene.rows()[3:4])


@fault(
    "duplicate paths", "a path listed twice with two labels", LISTED, 0, r"listed before as '\w+', which counts", ROWS
)
def _(scene: Scene) -> None:
    row = scene.rows().iloc[scene.place]
    scene.add_row(row["path"], str((int(row["emotion"]) + 1) % len(EMOTIONS)))


@fault("every image missing", "the folder of images is gone", REFUSED, 2, r"none of 7 images was found")
def _(scene: Scene) -> None:
    (scene.root / "images").rename(scene.root / "moved")


@fault("infinite numbers in a column", "inf, -inf, NaN and 1e999", GOES_ON, 0, r"7 images")
def _(scene: Scene) -> None:
    scene.users_numbers = True
    frame = scene.rows()
    frame["age"] = [float("inf"), float("-inf"), float("nan"), 1e308, -0.0, 3, 4]
    frame["big"] = ["1e999", "9" * 400, "-0", "0x10", "1_000", "²", "٣"]
    frame.to_parquet(scene.root / "set.parquet")
    use(scene, "set.parquet", (scene.root / "set.parquet").read_bytes())


@fault("dates and nested cells in columns", "lists, dicts, dates and None mixed", GOES_ON, 0, r"7 images")
def _(scene: Scene) -> None:
    odd = [[1, 2], {"a": {"b": 1}}, None, "x", 3.5, True, b"\xff"]
    frame = scene.rows().assign(mixed=pd.Series(odd, dtype=object), day=pd.Timestamp("1969-12-31"))
    use(scene, "set.pkl", pickle.dumps({"test_df": frame}))


@fault(
    "lists within lists without end",
    "a cell that names the same list more often than is written out",
    REFUSED,
    2,
    r"column 'mixed': its cells hold the same lists again and again",
)
def _(scene: Scene) -> None:
    scene.monkeypatch.setattr(cells, "_REPEATED", 100)
    cell: list[object] = [1]
    for _ in range(7):
        cell = [cell, cell]
    frame = scene.rows().assign(mixed=pd.Series([cell, *[None] * 6], dtype=object))
    use(scene, "set.pkl", pickle.dumps({"test_df": frame}))


@fault(
    "more rows than any test set has",
    "a Parquet file that says it has more rows than are read",
    REFUSED,
    2,
    r"set\.parquet: 7 rows, a table of at most 6 is read",
)
def _(scene: Scene) -> None:
    scene.monkeypatch.setattr(reading, "_MOST_ROWS", 6)
    scene.rows().to_parquet(scene.root / "set.parquet")
    scene.settings(('"set.csv"', '"set.parquet"'))


@fault("broken settings", "reportgen.toml without a closing quote", REFUSED, 2, r"reportgen\.toml: not valid TOML")
def _(scene: Scene) -> None:
    scene.settings(more='method = "gradcam\n')


@fault("unknown setting", "colour = 1", REFUSED, 2, r"colour: Extra inputs are not permitted")
def _(scene: Scene) -> None:
    scene.settings(more="colour = 1\n")


@fault("settings that are not text", "reportgen.toml of random bytes", REFUSED, 2, r"reportgen\.toml: not valid TOML")
def _(scene: Scene) -> None:
    (scene.root / "reportgen.toml").write_bytes(b"\xff\xfe\x00\x01")


@fault("models that are not a section", "models = 3", REFUSED, 2, r"models: ")
def _(scene: Scene) -> None:
    (scene.root / "reportgen.toml").write_text('data = "set.csv"\nmodels = 3\n')


@fault("pattern of two persons", "a person_pattern of two groups", REFUSED, 2, r"needs exactly one group")
def _(scene: Scene) -> None:
    scene.settings(more='person_pattern = "(a)(b)"\n')


@fault(
    "pattern that looks around",
    "person_pattern = '(a)(?=b)', which no engine matches in linear time",
    REFUSED,
    2,
    r"person_pattern: .*neither look-arounds nor back-references",
)
def _(scene: Scene) -> None:
    scene.settings(more="person_pattern = '(a)(?=b)'\n")


@fault("SOURCE_DATE_EPOCH is no number", "SOURCE_DATE_EPOCH=yesterday", REFUSED, 2, r"SOURCE_DATE_EPOCH is 'yesterday'")
def _(scene: Scene) -> None:
    scene.monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    scene.replace_image(scene.image(1).read_bytes())
