"""The demo's files: synthetic test images, exact region maps and two checkpoints that ship with the package.

How they were made, and what is true about them, is in the README beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reportgen.errors import DataError

__all__ = ["DemoFiles", "demo_files"]

_DATA = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class DemoFiles:
    """Where the parts of the demo are.

    Attributes
    ----------
    data
        `synthetic_faces.csv`; its image paths are relative to its folder.
    models
        Checkpoint by display name.
    regions
        Folder with one label PNG per image, same stem: 0 background, 1 forehead, 2 eyes+brows, 3 nose, 4 mouth,
        5 cheeks+jaw.
    classes
        In the order of both models' outputs.
    """

    data: Path
    models: dict[str, Path]
    regions: Path
    classes: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def demo_files() -> DemoFiles:
    """Locate the demo.

    Raises
    ------
    DataError
        A part is missing: the package was installed without its data.
    """
    found = DemoFiles(
        data=_DATA / "synthetic_faces.csv",
        models={
            "Custom CNN": _DATA / "custom_cnn_demo.safetensors",
            "ResNet18": _DATA / "resnet18_demo.safetensors",
        },
        regions=_DATA / "regions",
    )
    for path in (found.data, *found.models.values(), found.regions):
        if not path.exists():
            raise DataError(f"{path}: found nothing, expected a part of the demo; install reportgen again")
    return found
