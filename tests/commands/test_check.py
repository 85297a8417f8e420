"""`check` refuses what `build` would refuse."""

import io

import pytest
from rich.console import Console

from reportgen.commands.check import check_inputs
from reportgen.config import Config
from reportgen.errors import DataError


def test_images_of_which_none_can_be_read_are_refused(notebook_copy):
    for number, image in enumerate(sorted(notebook_copy.rglob("*.png")) + sorted(notebook_copy.rglob("*.jpg"))):
        image.write_bytes(b"no image %d" % number)
    shown = io.StringIO()
    with pytest.raises(DataError, match="no image could be read; the first: image: not an image of an accepted format"):
        check_inputs(Config(data=notebook_copy / "processed_data.pkl"), Console(file=shown, width=200))
    assert "left out: 28" in shown.getvalue()
