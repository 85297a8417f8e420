"""Names of files, columns, models and classes that were chosen to do harm."""

from __future__ import annotations

import os

from faults.scene import EMOTIONS, Scene, fitted
from faults.table import GOES_ON, INERT, LISTED, fault


def rename(scene: Scene, name: str) -> None:
    scene.image().rename(scene.root / "images" / name)
    scene.change_rows(path=[f"images/{name}", *scene.rows()["path"][1:]])


@fault("HTML in a file name", "<img src=x onerror=...>.png", INERT, 0, r"&lt;img src=x onerror=")
def _(scene: Scene) -> None:
    rename(scene, "<img src=x onerror=alert(1)>.png")
    scene.markup.append("<img src=x")


@fault("quotes in a file name", "\"'`><svg onload=...>.png", INERT, 0, r"&lt;svg onload=")
def _(scene: Scene) -> None:
    rename(scene, "\"'`><svg onload=alert(1)>.png")
    scene.markup.append("<svg onload")


@fault("template code in a file name", "{{ 7 * 7 }}{% raw %}.png", INERT, 0, r"\{\{ 7 \* 7 \}\}\{% raw %\}\.png")
def _(scene: Scene) -> None:
    rename(scene, "{{ 7 * 7 }}{% raw %}.png")


@fault(
    "terminal codes in a file name",
    "ESC ] 0 ; and a carriage return",
    "goes on; no control character reaches the terminal or the site",
    0,
    r"\ufffd\]0;owned",
)
def _(scene: Scene) -> None:
    folder = scene.folder_set()
    (folder / "anger/0.png").rename(folder / "anger/\x1b]0;owned\x07\r.png")


@fault(
    "reading order in a file name",
    "U+202E, which shows gnp.exe as exe.png",
    "goes on; the mark is shown as what it is not: a letter",
    0,
    r"a\ufffdgnp",
)
def _(scene: Scene) -> None:
    rename(scene, "a\u202egnp.exe.png")


@fault("non-UTF-8 file name", "the byte FF in a name", "goes on with it; the byte is shown as \ufffd", 0, r"\ufffd")
def _(scene: Scene) -> None:
    folder = scene.folder_set()
    (folder / "anger/0.png").rename(os.fsdecode(os.fsencode(folder / "anger") + b"/ang\xffer.png"))


@fault(
    "non-UTF-8 folder and checkpoint",
    "the byte FF in the names of the set's folder, of the checkpoint and of the model",
    "goes on; the bytes are shown as \ufffd",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    folder = scene.folder_set()
    odd = os.fsdecode(b"od\xffd")
    folder.rename(scene.root / odd)
    (scene.root / "tiny.pth").rename(scene.root / f"{odd}.pth")
    scene.settings(("[models.Tiny]", '[models."od\ufffdd"]'))
    scene.arguments += ["--data", odd, "--model", f"{odd}={odd}.pth"]


@fault("very long file name", "251 letters", GOES_ON, 0, r"7 images")
def _(scene: Scene) -> None:
    rename(scene, "x" * 251 + ".png")


@fault("path longer than any system's", "a path of 200,000 letters in the table", LISTED, 0, r"no such file")
def _(scene: Scene) -> None:
    scene.add_row("a/" * 100_000 + "x.png")


@fault("NUL in a path", "a path with a NUL character in the table", LISTED, 0, r"no such file")
def _(scene: Scene) -> None:
    (scene.root / "set.jsonl").write_text(
        "\n".join(
            f'{{"path": "images/{emotion}_{k}.png", "emotion": "{emotion}"}}' for k, emotion in enumerate(EMOTIONS)
        )
        + '\n{"path": "images/a\\u0000b.png", "emotion": "fear"}\n'
    )
    scene.settings(('"set.csv"', '"set.jsonl"'))


@fault("percent and hash in a file name", "a%2e%2e#?.png", INERT, 0, r"a%2e%2e#\?\.png")
def _(scene: Scene) -> None:
    rename(scene, "a%2e%2e#?.png")


@fault(
    "formula in a file name",
    "=HYPERLINK(...).png",
    "goes on; in the CSV files it is text, not a formula",
    0,
    r"=HYPERLINK",
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
    "goes on; the report names no folder above the set",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    scene.change_rows(path=[f"../{scene.root.name}/images/anger_0.png", *scene.rows()["path"][1:]])
    scene.never_told.append("../" + scene.root.name)


@fault(
    "absolute paths",
    "the table names every image from the root folder",
    "goes on; no folder of this machine is told",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    scene.change_rows(path=[str(scene.root / path) for path in scene.rows()["path"]])
    scene.never_told.append(str(scene.root))


@fault("hostile column names", "columns called <script>, __proto__, ../x and with a line break", INERT, 0, r"__proto__")
def _(scene: Scene) -> None:
    names = ("<script>alert(1)</script>", "__proto__", "../x", "a\nb", "label\x00", "image_id", "logits")
    scene.markup += ["<script>alert", "<b>x"]
    scene.write_rows(scene.rows().assign(**dict.fromkeys(names, "<b>x</b>")))


@fault("hostile model name", "</script><script>alert(1)</script>", INERT, 0, r"&lt;/script&gt;&lt;script&gt;alert\(1\)")
def _(scene: Scene) -> None:
    scene.settings(("[models.Tiny]", '[models."</script><script>alert(1)</script>"]'))
    scene.markup.append("<script>alert")


@fault(
    "model name as path",
    "../../../evil and a second one like it",
    "goes on; both get folders inside the output",
    0,
    r"\.\./\.\./\.\./evil",
)
def _(scene: Scene) -> None:
    scene.fresh_output()
    section = (scene.root / "reportgen.toml").read_text().partition("[models.Tiny]")[2]
    scene.settings(("[models.Tiny]", '[models."../../../evil"]'))
    with (scene.root / "reportgen.toml").open("a") as file:
        file.write(f'\n[models."..\\\\..\\\\evil"]\n{section}')

    def inside(_: object) -> None:
        assert {path.name for path in (scene.output / "analysis/models").iterdir()} == {"evil", "evil-2"}

    scene.checks.append(inside)


@fault("hostile person", "a person called <iframe srcdoc=...>", INERT, 0, r"&lt;iframe srcdoc=")
def _(scene: Scene) -> None:
    scene.change_rows(person="<iframe srcdoc='<script>alert(1)</script>'>")
    scene.markup += ["<iframe", "<script>alert"]


@fault(
    "hostile label",
    "an emotion called <script>alert(1)</script>",
    LISTED,
    0,
    r"&lt;script&gt;alert\(1\)&lt;/?script&gt;&#39; is none of the classes",
)
def _(scene: Scene) -> None:
    scene.add_row("images/anger_0.png", "<script>alert(1)</script>")
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
