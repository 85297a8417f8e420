"""What only a process of its own shows: a closed pipe, no network, warnings as errors."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reportgen.errors import INTERRUPTED

TESTS = Path(__file__).resolve().parents[1]
# Every attempt to reach anybody ends the build, also where the machine has a network.
GUARD = """
import sys
import time

def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"):
        raise RuntimeError(f"the build reached for the network: {event} {arguments}")

sys.addaudithook(hook)
from reportgen.cli import main
main()
"""


def environment() -> dict[str, str]:
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.fixture
def scene_folder(good_scene: Path, tmp_path: Path) -> Path:
    root = Path(shutil.copytree(good_scene, tmp_path / "scene"))
    shutil.rmtree(root / "output")
    return root


def test_an_interruption_while_a_library_loads_is_one_line(scene_folder: Path) -> None:
    (scene_folder / "loads.py").write_text(
        "import os, signal, time\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(5)\n"
        "except BaseException:\n    raise ImportError('could not be loaded') from None\n"
    )
    settings = scene_folder / "reportgen.toml"
    settings.write_text(settings.read_text().replace("faults.tiny:make", "loads:make"))
    command = [sys.executable, "-m", "reportgen", "build", "--config", "reportgen.toml"]
    ended = subprocess.run(command, cwd=scene_folder, env=environment(), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, f"{INTERRUPTED}\n")


def test_of_two_builds_at_once_one_builds(scene_folder: Path) -> None:
    (scene_folder / "waits.py").write_text(
        "import pathlib, time\nfrom faults.tiny import make\npathlib.Path('waiting').touch()\n"
        "while not pathlib.Path('go').exists():\n    time.sleep(.05)\n"
    )
    settings = scene_folder / "reportgen.toml"
    settings.write_text(settings.read_text().replace("faults.tiny:make", "waits:make"))
    command = [sys.executable, "-m", "reportgen", "build", "--config", "reportgen.toml"]
    shared: dict[str, Any] = {"cwd": scene_folder, "env": environment(), "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **shared) as first:
        try:
            while not (scene_folder / "waiting").exists():
                assert first.poll() is None
                time.sleep(0.05)
            second = subprocess.run(command, stdout=subprocess.PIPE, check=False, **shared)
        finally:
            (scene_folder / "go").touch()
        said = first.communicate()[1]
    assert (first.returncode, said) == (0, "")
    line = rf"error: output: another build \(process {first.pid}\) is writing here; wait until it ends or .*\n"
    assert second.returncode == 1
    assert re.fullmatch(line, second.stderr)
    site = scene_folder / "output/site"
    assert all((site / name).is_file() for name in json.loads((site / "manifest.json").read_text())["files"])


def test_a_closed_pipe_ends_quietly(scene_folder: Path) -> None:
    command = [sys.executable, "-m", "reportgen", "build", "--config", "reportgen.toml"]
    with subprocess.Popen(
        command, cwd=scene_folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert (process.returncode, said) == (0, "")
    assert (scene_folder / "output/report.zip").is_file()


def _unshared() -> list[str]:
    """The prefix that runs a command in a network namespace without any network; empty where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    for prefix in ([unshare, "--net"], [unshare, "--net", "--map-root-user"]):
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return []


def test_a_build_needs_no_network_and_warns_of_nothing(scene_folder: Path) -> None:
    """Regions from detected faces too: the face models ship with the package. With `-W error`, because neither this
    package nor what it calls, as it calls it, is deprecated.
    """
    settings = scene_folder / "reportgen.toml"
    settings.write_text(settings.read_text().replace('regions = "none"', 'regions = "auto"'))
    prefix = _unshared()
    print("in a namespace without network" if prefix else "no namespaces here: connections are errors instead")
    command = [*prefix, sys.executable, "-W", "error", "-c", GUARD, "build", "--config", "reportgen.toml"]
    done = subprocess.run(command, cwd=scene_folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (scene_folder / "output/site/index.html").is_file()


def test_the_network_guard_works(tmp_path: Path) -> None:
    code = GUARD.replace(
        "from reportgen.cli import main\nmain()", "import socket\nsocket.create_connection(('::1', 9))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "reached for the network" in done.stderr
