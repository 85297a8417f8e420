"""All layouts that are read, and which of them a source has."""

from __future__ import annotations

from pathlib import Path, PurePath

from reportgen.errors import DataError
from reportgen.inputs.layouts.affectnet import AFFECTNET
from reportgen.inputs.layouts.ckplus import CKPLUS
from reportgen.inputs.layouts.coded_names import JAFFE, KDEF
from reportgen.inputs.layouts.expw import EXPW
from reportgen.inputs.layouts.fer2013 import FER2013
from reportgen.inputs.layouts.ferplus import FERPLUS
from reportgen.inputs.layouts.folders import FOLDERS, class_folders
from reportgen.inputs.layouts.huggingface import HUGGINGFACE
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.layouts.muxspace import MUXSPACE
from reportgen.inputs.layouts.notebook import NOTEBOOK
from reportgen.inputs.layouts.rafdb import RAFDB
from reportgen.inputs.layouts.splits import split_of
from reportgen.inputs.layouts.tables import TABLES
from reportgen.inputs.listing import Listing

__all__ = ["LAYOUTS", "layout_table", "read_source", "recognise"]

LAYOUTS: tuple[Layout, ...] = (
    NOTEBOOK, FER2013, FERPLUS, RAFDB, AFFECTNET, CKPLUS, JAFFE, KDEF, EXPW, MUXSPACE, HUGGINGFACE, FOLDERS, TABLES,
)  # fmt: skip
"""In the order of the README's table. The first two that see the same pickle or table are the more particular."""


def recognise(source: Source) -> list[tuple[Layout, Sighting]]:
    """Layouts that a source may have, the surest first."""
    seen = [(layout, sighting) for layout in LAYOUTS if (sighting := layout.recognise(source)) is not None]
    return sorted(seen, key=lambda pair: -pair[1].sure)


def read_source(source: Source, dataset: str | None = None) -> Listing:
    """The test set in a file or folder.

    Parameters
    ----------
    dataset
        The layout's name, where the user says it; else it is recognised.

    Raises
    ------
    DataError
        There is no such layout, nothing or too much is recognised, or it cannot be read.
    """
    if dataset is not None:
        named = next((layout for layout in LAYOUTS if layout.name == dataset.casefold()), None)
        if named is None:
            names = ", ".join(layout.name for layout in LAYOUTS)
            raise DataError(f"--dataset {dataset}: no such data set; expected one of {names}")
        source.named = True
        return named.read(source)
    sighted = recognise(source)
    seen = [(layout, sighting) for layout, sighting in sighted if not sighting.contradicts]
    if not seen and not source.is_folder:
        return TABLES.read(source)  # which says what is wrong with the file
    if not seen:
        raise DataError(
            f"{source.path}: found no images in folders named after emotions, no table and no data set that is known; "
            "give the folder above the emotions' folders, or the table itself, to --data; the README lists what is read"
        )
    surest = seen[0][1].sure
    best = [(layout, sighting) for layout, sighting in seen if sighting.sure == surest]
    if len(best) > 1 and surest == Sure.CERTAIN:
        found = "; ".join(f"{layout.name} ({sighting.seen})" for layout, sighting in best)
        raise DataError(
            f"{source.path}: may be {found}; choose with --dataset, or give the table or folder that is meant to --data"
        )
    listing = best[0][0].read(source)
    listing.notes += [
        f"not read as {layout.title} ({sighting.seen}), since {sighting.contradicts}: "
        f"--dataset {layout.name} reads it so"
        for layout, sighting in sighted
        if sighting.contradicts
    ]
    if any(layout is FOLDERS and sighting.sure == Sure.LIKELY for layout, sighting in seen[1:]):
        listing.notes += _beside_folders(source, listing, f"{best[0][0].title} ({best[0][1].seen})")
    return listing


def _beside_folders(source: Source, listing: Listing, read_as: str) -> list[str]:
    """What to say of folders named after emotions that lie beside the table that was read."""
    known = class_folders(source)
    if not any(part in known for path in listing.rows["path"][:1] for part in Path(path).parts):
        return [f"read as {read_as}; the folders named after emotions beside it were not: --dataset folders reads them"]
    sorted_in = [path for path in source.images if known.keys() & set(path.parts[:-1])]
    if listing.training or any(split_of(*path.parts[:-1]) for path in sorted_in):
        return []
    listed = {PurePath(path.replace("\\", "/")).parts[-2:] for path in listing.rows["path"]}
    left = sum(path.parts[-2:] not in listed for path in sorted_in)
    if not left:
        return []
    return [
        f"read as {read_as}; {left:,} of {len(sorted_in):,} images in folders named after emotions are not listed "
        "there and are left out: --dataset folders reads them all"
    ]


def layout_table() -> str:
    """The README's table of what is read."""
    lines = ["| `--dataset` | Data set | What is read |", "|---|---|---|"]
    lines += [f"| `{layout.name}` | {layout.title} | {'; '.join(layout.forms)} |" for layout in LAYOUTS]
    return "\n".join(lines) + "\n"
