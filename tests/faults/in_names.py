"""Names of files, columns, models and classes that were chosen to do harm; most of them stand in one test set."""

from __future__ import annotations

import os

from faults.scene import Scene, fitted
from faults.table import FOLDERS, GOES_ON, INERT, LISTED, fault, shared_setup

NAMES = "hostile names"


@shared_setup(NAMES)
def _(scene: Scene) -> None:
    """A table of lines of JSON, which holds every character."""
    rows = scene.rows()
    scene.settings(('"set.csv"', '"set.jsonl"'))
    scene.table = "set.jsonl"
    scene.write_rows(rows)


@shared_setup(FOLDERS)
def _(scene: Scene) -> None:
    scene.folder_set()


def rename(scene: Scene, name: str) -> None:
    """Another name for the fault's own image, in its row and on disk."""
    file = scene.image()
    file.rename(file.with_name(name))
    if scene.in_folders:
        scene.names[scene.place] = name
    else:
        scene.change_own_row(path=f"images/{name}")


@fault("HTML in a file name", "<img src=x onerror=...>.png", INERT, 0, r"&lt;img src=x onerror=", NAMES)
def _(scene: Scene) -> None:
    rename(scene, "<img src=x onerror=alert(1)>.png")
    scene.markup.append("<img src=x")


@fault("quotes in a file name", "\"'`><svg onload=...>.png", INERT, 0, r"&lt;svg onload=", NAMES)
def _(scene: Scene) -> None:
    rename(scene, "\"'`><svg onload=alert(1)>.png")
    scene.markup.append("<svg onload")


@fault("template code in a file name", "{{ 7 * 7 }}{% raw %}.png", INERT, 0, r"\{\{ 7 \* 7 \}\}\{% raw %\}\.png", NAMES)
def _(scene: Scene) -> None:
    rename(scene, "{{ 7 * 7 }}{% raw %}.png")


@fault(
    "terminal codes in a file name",
    "ESC ] 0 ; and a carriage return",
    "continues; no control character reaches the terminal or the site",
    0,
    r"\ufffd\]0;owned",
    FOLDERS,
)
def _(scene: Scene) -> None:
    rename(scene, "\x1b]0;owned\x07\r.png")


@fault(
    "reading order in a file name",
    "U+202E, which shows gnp.exe as exe.png",
    "continues; the mark is shown as what it is not: a letter",
    0,
    r"a\ufffdgnp",
    NAMES,
)
def _(scene: Scene) -> None:
    rename(scene, "a\u202egnp.exe.png")


@fault(
    "non-UTF-8 file name",
    "the byte FF in a name",
    "continues with it; the byte is shown as \ufffd",
    0,
    r"\ufffd",
    FOLDERS,
)
def _(scene: Scene) -> None:
    rename(scene, os.fsdecode(b"ang\xffer.png"))


@fault(
    "non-UTF-8 folder and checkpoint",
    "the byte FF in the names of the set's folder, of the checkpoint and of the model",
    "continues; the bytes are shown as \ufffd",
    0,
    "od\ufffdd",
    FOLDERS,
)
def _(scene: Scene) -> None:
    odd = os.fsdecode(b"od\xffd")
    (scene.root / "set").rename(scene.root / odd)
    (scene.root / "tiny.pth").rename(scene.root / f"{odd}.pth")
    scene.settings(("[models.Tiny]", '[models."od\ufffdd"]'))
    scene.arguments += ["--data", odd, "--model", f"{odd}={odd}.pth"]


@fault("very long file name", "251 letters", GOES_ON, 0, r"x{20}", NAMES)
def _(scene: Scene) -> None:
    rename(scene, "x" * 251 + ".png")


@fault("path longer than any system's", "a path of 5,000 letters in the table", LISTED, 0, r"no such file", NAMES)
def _(scene: Scene) -> None:
    scene.change_own_row(path="a/" * 2_500 + "long.png")


@fault("NUL in a path", "a path with a NUL character in the table", LISTED, 0, r"no such file", NAMES)
def _(scene: Scene) -> None:
    scene.change_own_row(path="images/a\x00b.png")


@fault("percent and hash in a file name", "a%2e%2e#?.png", INERT, 0, r"a%2e%2e#\?\.png", NAMES)
def _(scene: Scene) -> None:
    rename(scene, "a%2e%2e#?.png")


@fault(
    "formula in a file name",
    "=HYPERLINK(...).png",
    "continues; in the CSV files it is text, not a formula",
    0,
    r"=HYPERLINK",
    NAMES,
)
def _(scene: Scene) -> None:
    rename(scene, "=HYPERLINK(0).png")

    def inert(_: object) -> None:
        text = (scene.output / "site/downloads/predictions.csv").read_text("utf-8")
        assert "'=HYPERLINK" in text
        assert ",=" not in text and "\n=" not in text

    scene.checks.append(inert)


@fault(
    "path out of the folder",
    "../../ before a listed image",
    "continues; the report names no folder above the set",
    0,
    r"^PNG ",
    NAMES,
)
def _(scene: Scene) -> None:
    scene.change_own_row(path=f"../{scene.root.name}/images/{scene.image().name}")
    scene.never_told.append("../" + scene.root.name)


@fault(
    "absolute path",
    "the table names an image from the root folder",
    "continues; no folder of this machine is named",
    0,
    r"^PNG ",
    NAMES,
)
def _(scene: Scene) -> None:
    scene.change_own_row(path=str(scene.image()))
    scene.never_told.append(str(scene.root))


@fault(
    "hostile column names",
    "columns called <script>, __proto__, ../x and with a line break",
    INERT,
    0,
    r"__proto__",
    NAMES,
)
def _(scene: Scene) -> None:
    names = ("<script>alert(1)</script>", "__proto__", "../x", "a\nb", "label\x00", "image_id", "logits")
    scene.markup += ["<script>alert", "<b>x"]
    scene.write_rows(scene.rows().assign(**dict.fromkeys(names, "<b>x</b>")))


@fault(
    "hostile model name",
    "</script><script>alert(1)</script>",
    INERT,
    0,
    r"&lt;/script&gt;&lt;script&gt;alert\(1\)",
    NAMES,
)
def _(scene: Scene) -> None:
    scene.add_model('"</script><script>alert(1)</script>"')
    scene.markup.append("<script>alert")


@fault(
    "model name as path",
    "../../../evil and a second one like it",
    "continues; both get folders inside the output",
    0,
    r"\.\./\.\./\.\./evil",
    NAMES,
)
def _(scene: Scene) -> None:
    scene.add_model('"../../../evil"')
    scene.add_model('"..\\\\..\\\\evil"')

    def inside(_: object) -> None:
        folders = {path.name for path in (scene.output / "analysis/models").iterdir()}
        assert {"evil", "evil-2", "tiny"} < folders
        assert len(folders) == 4

    scene.checks.append(inside)


@fault("hostile person", "a person called <iframe srcdoc=...>", INERT, 0, r"&lt;iframe srcdoc=", NAMES)
def _(scene: Scene) -> None:
    scene.change_own_row(person="<iframe srcdoc='<script>alert(1)</script>'>")
    scene.markup += ["<iframe", "<script>alert"]


@fault(
    "hostile label",
    "an emotion called <script>alert(1)</script>",
    LISTED,
    0,
    r"the label '<script>alert\(1\)</?script>' is none of the classes",
    NAMES,
)
def _(scene: Scene) -> None:
    scene.change_own_row(emotion="<script>alert(1)</script>")
    scene.markup.append("<script>alert")


@fault("hostile classes", "classes called <b>, {{ 7 * 7 }}, =1+1 ... by the settings", INERT, 0, r"\{\{ 7 \* 7 \}\}")
def _(scene: Scene) -> None:
    scene.markup.append("<b>anger")
    classes = ["<b>anger</b>", "{{ 7 * 7 }}", "=1+1", "../fear", "a b", "a-b", "'\"&"]
    scene.change_rows(emotion=classes)
    scene.settings(
        more="classes = [" + ", ".join(repr(name) if "'" not in name else '"\'\\"&"' for name in classes) + "]\n"
    )

    def no_formula(_: object) -> None:
        for path in (*scene.output.glob("site/downloads/*.csv"), *scene.output.glob("analysis/tables/*.csv")):
            text = path.read_text("utf-8")
            assert ",=" not in text and "\n=" not in text, path.name

    scene.checks.append(no_formula)


@fault(
    "braces in a class that no answer is right for",
    "classes called {0}, {x ... and a model that answers every image wrong",
    INERT,
    0,
    r"for \{x\b",
)
def _(scene: Scene) -> None:
    scene.save_state(fitted(scene.root, -1.0))
    classes = ["{0}", "{x", "}", "%s", "%(a)s", "{{", "$x"]
    scene.change_rows(emotion=classes)
    scene.settings(more=f"classes = {classes}\n")
