"""Output folders that are taken, full, closed or in use, and builds that are stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.scene import Scene, ascii_terminal, mount_tmpfs, tree, without_override
from faults.table import KEPT, STOPPED, fault, proved_by

NEW = "continues; the files stay as they are"


def change(scene: Scene) -> None:
    """Something new to report, so that the build has to write."""
    scene.replace_image(scene.image(1).read_bytes())


@fault("files beside ours", "the user's own files and folders in the output folder", NEW, 0, r"7 images")
def _(scene: Scene) -> None:
    change(scene)
    (scene.output / "thesis.docx").write_text("mine")
    (scene.output / "plots").mkdir()
    (scene.output / "plots/site.png").write_text("mine")
    (scene.output / ".my.notes.tmp").write_text("mine")
    (scene.output / ".draft.2.tmp").write_text("mine")
    (scene.output / "analysis/my-analysis.ipynb").write_text("mine")

    def kept(_: object) -> None:
        assert (scene.output / "analysis/my-analysis.ipynb").read_text() == "mine"

    scene.checks.append(kept)


@fault("user's file in the site", "a note beside index.html", KEPT, 1, r"site/note\.txt: not written by reportgen")
def _(scene: Scene) -> None:
    change(scene)
    (scene.output / "site/note.txt").write_text("mine")


@fault("user's own site", "a homepage in output/site", KEPT, 1, r"site/index\.html: not written by reportgen")
def _(scene: Scene) -> None:
    scene.fresh_output()
    (scene.output / "site").mkdir(parents=True)
    (scene.output / "site/index.html").write_text("my homepage")


@fault(
    "site with a foreign manifest",
    "a web app's manifest.json in output/site",
    KEPT,
    1,
    r"site/manifest\.json: not written by reportgen",
)
def _(scene: Scene) -> None:
    scene.fresh_output()
    (scene.output / "site").mkdir(parents=True)
    (scene.output / "site/manifest.json").write_text('{"name": "my app"}')


@fault("user's own zip", "a report.zip of the user's", KEPT, 1, r"report\.zip: not written by reportgen")
def _(scene: Scene) -> None:
    scene.fresh_output()
    scene.output.mkdir()
    with zipfile.ZipFile(scene.output / "report.zip", "w") as archive:
        archive.writestr("thesis.txt", "mine")


@fault("user's own mail zip", "a report-mail.zip of the user's", KEPT, 1, r"report-mail\.zip: not written by reportgen")
def _(scene: Scene) -> None:
    with zipfile.ZipFile(scene.output / "report-mail.zip", "w") as archive:
        archive.writestr("thesis.txt", "mine")
    scene.arguments += ["--mail"]


@fault(
    "user's own single file", "a report.html of the user's", KEPT, 1, r"output/report\.html: not written by reportgen"
)
def _(scene: Scene) -> None:
    change(scene)
    (scene.output / "report.html").write_text("<html>my homepage")
    scene.arguments += ["--single-file"]


@fault("user's own summary", "a summary.md of the user's", KEPT, 1, r"output/summary\.md: not written by reportgen")
def _(scene: Scene) -> None:
    change(scene)
    (scene.output / "summary.md").write_text("# My thesis")
    scene.checks.append(lambda _: _equal((scene.output / "summary.md").read_text(), "# My thesis"))


def _stays(scene: Scene, name: str, content: str = "mine") -> None:
    """A file of the user's under a name that is mostly ours, and after the command still there."""
    path = scene.output / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)

    def there(_: object) -> None:
        assert path.read_text() == content

    scene.checks.append(there)


@fault(
    "user's own state file",
    "a .reportgen.json of the user's",
    KEPT,
    1,
    r"\.reportgen\.json: not written by reportgen",
)
def _(scene: Scene) -> None:
    change(scene)
    _stays(scene, ".reportgen.json", '{"mine": true}')


@fault(
    "user's file in a site that stepped aside",
    "a note in output/.site-old",
    KEPT,
    1,
    r"\.site-old/mine\.txt: not written by reportgen",
)
def _(scene: Scene) -> None:
    change(scene)
    _stays(scene, ".site-old/mine.txt")


@fault(
    "user's half of a folder .site-new",
    "a note in output/.site-new",
    KEPT,
    1,
    r"\.site-new/mine\.txt: not written by reportgen",
)
def _(scene: Scene) -> None:
    change(scene)
    _stays(scene, ".site-new/mine.txt")


@fault(
    "user's own analysis",
    "a notebook's results in output/analysis",
    KEPT,
    1,
    r"analysis/manifest\.json: not written by reportgen",
)
def _(scene: Scene) -> None:
    scene.fresh_output()
    (scene.output / "analysis").mkdir(parents=True)
    (scene.output / "analysis/manifest.json").write_text('{"mine": true}')


@fault(
    "a file arrives while the site is made",
    "a note in output/site after the first check",
    "one line; the note and the old site stay",
    1,
    r"site/note\.txt: not written by reportgen",
)
def _(scene: Scene) -> None:
    from reportgen.site import publish

    change(scene)
    compose = publish.compose

    def late(*arguments: object) -> object:
        (scene.output / "site/note.txt").write_text("mine")
        return compose(*arguments)  # type: ignore[arg-type]

    scene.monkeypatch.setattr(publish, "compose", late)
    scene.appears.append("output/site/note.txt")


@fault(
    "a file arrives while the zip is written",
    "a note in output/site while the new one is packed",
    "one line; the note, the old site and the old zip stay",
    1,
    r"site/note\.txt: not written by reportgen",
)
def _(scene: Scene) -> None:
    archive = (scene.output / "report.zip").read_bytes()
    _arrives(scene, after=False)
    scene.checks.append(lambda _: _equal((scene.output / "report.zip").read_bytes(), archive))


@fault(
    "a file arrives in the last moment",
    "a note in output/site when all is packed and checked",
    "one line; the note and the old site stay",
    1,
    r"output/site/note\.txt: not written by reportgen",
)
def _(scene: Scene) -> None:
    _arrives(scene, after=True)


def _arrives(scene: Scene, *, after: bool) -> None:
    from reportgen.site import publish

    change(scene)
    pack = publish.write_archive

    def late(*arguments: object) -> None:
        for step in ("pack", "arrive") if after else ("arrive", "pack"):
            if step == "pack":
                pack(*arguments)  # type: ignore[arg-type]
            else:
                (scene.output / "site/note.txt").write_text("mine")

    scene.monkeypatch.setattr(publish, "write_archive", late)
    scene.appears.append("output/site/note.txt")
    scene.checks.append(lambda _: _equal((scene.output / "site/note.txt").read_text(), "mine"))


def _equal(found: object, expected: object) -> None:
    assert found == expected


OTHERS = "refused in one line before anything is computed; the report stays as it is"


@fault(
    "explaining into a build's output",
    "reportgen explain with the --output of a build",
    OTHERS,
    1,
    r"output: holds the report of 'reportgen build', which 'reportgen explain' would replace; choose another --output",
)
def _(scene: Scene) -> None:
    scene.arguments = ["explain", str(scene.image()), "--config", "reportgen.toml", "--output", "output"]
    _output_stays(scene)


@fault(
    "explaining where a build has its output",
    "reportgen explain without --output, and output in the settings",
    "continues, into a folder of its own; the build's report stays as it is",
    0,
    r"report: file:\S+/explained/site/index\.html",
)
def _(scene: Scene) -> None:
    scene.arguments = ["explain", str(scene.image()), "--config", "reportgen.toml"]
    scene.changes.append("explained/")
    _output_stays(scene)


@fault(
    "comparing into a compared report",
    "reportgen diff with one of the two as --output",
    OTHERS,
    2,
    r"output: is read, and --output output would write over it; choose another --output",
)
def _(scene: Scene) -> None:
    shutil.copytree(scene.output, scene.root / "old")
    scene.arguments = ["diff", "old", "output", "--output", "output"]
    _output_stays(scene)


@fault(
    "comparing into a third build's output",
    "reportgen diff with the --output of a build",
    OTHERS,
    1,
    r"output: holds the report of 'reportgen build', which 'reportgen diff' would replace",
)
def _(scene: Scene) -> None:
    shutil.copytree(scene.output, scene.root / "old")
    scene.arguments = ["diff", "old", "old", "--output", "output"]
    _output_stays(scene)


@fault(
    "building into a comparison",
    "reportgen build with the --output of a diff",
    OTHERS,
    1,
    r"changes: holds the report of 'reportgen diff', which 'reportgen build' would replace",
)
def _(scene: Scene) -> None:
    arguments, scene.arguments = scene.arguments, ["diff", "output", "output", "--output", "changes"]
    assert scene.run().code == 0
    scene.arguments = [*arguments, "--output", "changes"]


@fault(
    "merging into a build's output",
    "reportgen merge with the --output of a build",
    OTHERS,
    1,
    r"output: holds the report of 'reportgen build', which 'reportgen merge' would replace",
)
def _(scene: Scene) -> None:
    for name in ("one", "two"):
        shutil.copytree(scene.output, scene.root / name)
    scene.arguments = ["merge", "one", "two", "--config", "reportgen.toml"]
    _output_stays(scene)


@fault("file as output", "--output names a file", KEPT, 1, r"out\.txt: ")
def _(scene: Scene) -> None:
    (scene.root / "out.txt").write_text("mine")
    scene.arguments += ["--output", "out.txt"]


@fault("output below a file", "--output names a path through a file", KEPT, 1, r"notes\.txt/out: ")
def _(scene: Scene) -> None:
    scene.arguments += ["--output", "notes.txt/out"]


@fault(
    "link as site", "output/site is a symbolic link to a folder elsewhere", KEPT, 1, r"site: is not a folder of ours"
)
def _(scene: Scene) -> None:
    change(scene)
    (scene.root / "web").mkdir()
    (scene.root / "web/index.html").write_text("mine")
    shutil.rmtree(scene.output / "site")
    (scene.output / "site").symlink_to(scene.root / "web")


@fault(
    "link as zip",
    "output/report.zip is a symbolic link to a file elsewhere",
    KEPT,
    1,
    r"report\.zip: not written by reportgen",
)
def _(scene: Scene) -> None:
    change(scene)
    (scene.output / "report.zip").rename(scene.root / "elsewhere.zip")
    (scene.output / "report.zip").symlink_to(scene.root / "elsewhere.zip")


@fault("read-only output", "mode 555; root's right to pass that over is put down", STOPPED, 1, r"Permission denied")
def _(scene: Scene) -> None:
    change(scene)
    folders = [scene.output, *(path for path in scene.output.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
        scene.stack.callback(folder.chmod, 0o755)
    scene.during.append(without_override)


@fault("read-only analysis", "mode 555 on output/analysis alone", STOPPED, 1, r"analysis/.*Permission denied")
def _(scene: Scene) -> None:
    change(scene)
    for folder in (scene.output / "analysis", *(scene.output / "analysis").rglob("*/")):
        folder.chmod(0o555)
        scene.stack.callback(folder.chmod, 0o755)
    scene.during.append(without_override)


def _full(scene: Scene, stage: str) -> None:
    """A small file system of its own, with room for the old report and for as much of the new one as `stage` says."""
    change(scene)
    kept = scene.root / "kept"
    shutil.copytree(scene.output, kept)
    shutil.rmtree(scene.output)
    scene.output.mkdir()
    sizes = {
        name: sum(-(-path.stat().st_size // 4096) * 4 + 1 for path in (kept / name).rglob("*"))
        for name in ("analysis", "site")
    }
    room = {
        "analysis": 4,
        "site": sizes["analysis"] + sizes["site"] // 2,
        "zip": sizes["analysis"] + sizes["site"] + 400,
    }
    archive = kept / "report.zip"
    old = sum(-(-path.stat().st_size // 4096) * 4 + 1 for path in kept.rglob("*"))
    assert archive.is_file()
    if not mount_tmpfs(scene.output, old + room[stage], scene.stack):
        pytest.skip("a small file system can only be mounted by root; tests/test_analysis.py fakes the full disk")
    shutil.copytree(kept, scene.output, dirs_exist_ok=True)
    shutil.rmtree(kept)
    free = os.statvfs(scene.output)
    spare = free.f_bavail * free.f_frsize // 1024 - room[stage]
    if spare > 0:
        (scene.output / "filler").write_bytes(bytes(spare * 1024))


@fault("full disk while explaining", "a file system with 4 kB left", STOPPED, 1, r"No space left on device")
def _(scene: Scene) -> None:
    _full(scene, "analysis")


@fault("full disk while drawing", "a file system with room for half a new site", STOPPED, 1, r"No space left on device")
def _(scene: Scene) -> None:
    _full(scene, "site")


@fault(
    "full disk while packing",
    "a file system with room for the new site, not for its zip",
    STOPPED,
    1,
    r"report\.zip: cannot be written \(No space left",
)
def _(scene: Scene) -> None:
    from reportgen.site import publish

    _full(scene, "zip")
    pack = publish.write_archive
    scene.changes.append("output/filler")

    def late(*arguments: object) -> None:
        free = os.statvfs(scene.output)
        (scene.output / "filler-2").write_bytes(bytes(free.f_bavail * free.f_frsize - 8192))
        pack(*arguments)  # type: ignore[arg-type]

    scene.monkeypatch.setattr(publish, "write_archive", late)


@fault("disk that fails", "fsync gives an input/output error", STOPPED, 1, r"Input/output error")
def _(scene: Scene) -> None:
    change(scene)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    scene.monkeypatch.setattr(os, "fsync", broken)


@fault(
    "clock of 1970",
    "time 0, all files of 1970, SOURCE_DATE_EPOCH=0",
    "continues; the same bytes as at any other time",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    good = tree(scene.output)
    scene.fresh_output()
    for path in scene.root.rglob("*"):
        os.utime(path, (0, 0))
    scene.monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    scene.monkeypatch.setattr(time, "time", lambda: 0.0)
    scene.monkeypatch.setattr(time, "time_ns", lambda: 0)
    scene.checks.append(lambda _: _same(tree(scene.output), good))


@fault(
    "clock of 2200",
    "all files of 2200, SOURCE_DATE_EPOCH of 2200",
    "continues; the zip's dates are the last it can hold",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    scene.fresh_output()
    for path in scene.root.rglob("*"):
        os.utime(path, (7258118400, 7258118400))
    scene.monkeypatch.setenv("SOURCE_DATE_EPOCH", "7258118400")

    def dated(_: object) -> None:
        with zipfile.ZipFile(scene.output / "report.zip") as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(2107, 12, 31, 23, 59, 58)}

    scene.checks.append(dated)


def _output_stays(scene: Scene) -> None:
    """Whatever happens, every file of the last good build is there as it was."""
    good = tree(scene.output)
    scene.checks.append(lambda _: _same(tree(scene.output), good))


def _same(found: dict[str, str], expected: dict[str, str]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


@contextlib.contextmanager
def _another_build(output: Path) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sys, pathlib\nfrom reportgen.lock import build_lock\n"
        "with build_lock(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@fault(
    "folder of another build",
    "another process holds the folder's lock",
    "one line with the other's process number; nothing is touched",
    1,
    r"output: another build \(process \d+\) is writing here; wait until it ends",
)
def _(scene: Scene) -> None:
    change(scene)
    other = scene.stack.enter_context(_another_build(scene.output))
    assert str(other.pid) in (scene.output / ".reportgen.lock").read_text()


proved_by(
    "test_processes::test_of_two_builds_at_once_one_builds",
    "two builds at once",
    "two processes, the second started while the first computes",
    "the first builds; the second ends with the one line",
    1,
)


@fault(
    "lock of a killed build",
    "SIGKILL while another process holds the lock",
    "continues; the lock is taken over and cleared away",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    change(scene)
    with _another_build(scene.output) as other:
        other.kill()
        other.wait()
    assert (scene.output / ".reportgen.lock").is_file()
    scene.checks.append(lambda _: _gone(scene.output / ".reportgen.lock"))


def _gone(path: Path) -> None:
    assert not path.exists()


@fault(
    "half a swap",
    "the old site stepped aside and no new one came",
    "continues from the old one; no leftover stays",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    good = tree(scene.output)
    (scene.output / "site").rename(scene.output / ".site-old")
    (scene.output / ".site-new").mkdir()
    (scene.output / ".site-new/index.html").write_text("half")
    (scene.output / ".site-new/manifest.json").write_text('{"made_by": "reportgen site", "files": {}}')
    scene.checks.append(lambda _: _same(tree(scene.output), good))


@fault(
    "page deleted from the site",
    "index.html removed by hand",
    "continues; the page is back, the same bytes as before",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    good = tree(scene.output)
    (scene.output / "site/index.html").unlink()
    scene.checks.append(lambda _: _same(tree(scene.output), good))


@fault(
    "damaged part of the analysis",
    "a Parquet file cut in half",
    "one line that names the file to delete; the last good site stays",
    1,
    r"part-00000-\w+\.parquet: cannot be read .*; delete the file and build again",
)
def _(scene: Scene) -> None:
    part = next((scene.output / "analysis/images").glob("part-00000-*"))
    part.write_bytes(part.read_bytes()[:200])


@fault(
    "missing part of the analysis",
    "a Parquet file removed",
    "continues; only that part is computed again, the same bytes",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    good = tree(scene.output)
    next((scene.output / "analysis/models/tiny").glob("part-00001-*")).unlink()
    scene.checks.append(lambda _: _same(tree(scene.output), good))


@fault(
    "damaged manifest of the analysis",
    "half of manifest.json",
    "continues; it is written again, the same bytes",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    good = tree(scene.output)
    path = scene.output / "analysis/manifest.json"
    path.write_bytes(path.read_bytes()[:100])
    scene.checks.append(lambda _: _same(tree(scene.output), good))


@fault(
    "hostile state file",
    ".reportgen.json of the right key and the wrong kinds",
    "continues; the report is made again",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    good = tree(scene.output)
    path = scene.output / ".reportgen.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "alarms": 3}))
    scene.checks.append(lambda _: _same(tree(scene.output), good))


@fault(
    "output on another drive",
    "output is a symbolic link to a folder elsewhere",
    "continues through the link; it stays a link",
    0,
    r"7 images",
)
def _(scene: Scene) -> None:
    change(scene)
    (scene.root / "scratch").mkdir()
    scene.output.rename(scene.root / "scratch/report")
    scene.output.symlink_to(scene.root / "scratch/report")
    scene.changes.append("scratch/report/")


@fault(
    "printing what the terminal cannot show",
    "an ASCII terminal and a file name in Greek",
    "continues; the letters are escaped on the terminal alone",
    0,
    r"images/\\u03c7\\u03b1\\u03c1\\u03ac\.png: listed before",
)
def _(scene: Scene) -> None:
    scene.image().rename(scene.root / "images/χαρά.png")
    scene.change_rows(path=["images/χαρά.png", *scene.rows()["path"][1:]])
    scene.add_row("images/χαρά.png")
    scene.arguments[0] = "check"
    scene.during.append(ascii_terminal)


proved_by(
    "test_kills::test_builds_killed_at_random_go_on",
    "SIGKILL at random moments",
    "by the clock and at random file operations, over a first build and over a change",
    "the same command continues; the same bytes as an undisturbed build",
    137,
)
proved_by(
    "test_kills::test_builds_interrupted_at_random_go_on",
    "SIGINT at random moments",
    "Ctrl-C, by the clock",
    "one line; the same command continues; the same bytes as an undisturbed build",
    130,
)
proved_by(
    "test_processes::test_an_interruption_while_a_library_loads_is_one_line",
    "SIGINT while a library loads",
    "Ctrl-C inside an import that turns it into an error of its own, as numpy's does",
    "one line",
    130,
)
proved_by(
    "test_processes::test_a_closed_pipe_ends_quietly",
    "closed pipe",
    "reportgen build | head -n 0",
    "the build ends without a traceback",
    0,
)
proved_by(
    "test_processes::test_a_build_needs_no_network_and_warns_of_nothing",
    "no network",
    "a network namespace without any; every attempt to connect is an error",
    "continues",
    0,
)
proved_by(
    "test_injection::test_hostile_text_stays_text_in_a_browser",
    "hostile text everywhere",
    "every name, label and column of the set, the models and classes",
    "the site stays inert in Chromium: nothing runs, nothing is fetched, nothing is added to a page",
    0,
)
