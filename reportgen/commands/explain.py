"""`reportgen explain`: the same pictures and pages for images without labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportgen.commands.build import run
from reportgen.commands.settle import Settled
from reportgen.config import Config
from reportgen.errors import ConfigError
from reportgen.inputs.class_order import report_classes
from reportgen.inputs.discover import discover_models
from reportgen.inputs.testset import images_without_labels
from reportgen.progress import Progress, SilentProgress
from reportgen.result import BuildResult

__all__ = ["explain"]


def explain(config: Config, images: Sequence[Path], progress: Progress | None = None) -> BuildResult:
    """Build a report on images that nobody has labelled.

    Parameters
    ----------
    images
        Files, or folders of them.
    progress
        Shows the stages; silent if None.

    Raises
    ------
    ReportError
        There is no image, the models cannot be used, or the output cannot be written.
    """
    found = discover_models(config)
    if found.config.classes == "auto":
        raise ConfigError(
            "classes = 'auto' needs labels to score class orders with; name the order with 'classes = [...]'"
        )
    models = {name: model.classes for name, model in found.config.models.items()}
    classes, assumed = report_classes(found.config.classes, models)
    test_set = images_without_labels(images, classes, [*found.notes, *assumed])
    return run(found, "explain", Settled(found.config, test_set), progress or SilentProgress())
