"""`reportgen check`: what a build would use, and whether it can be used; nothing is written."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from reportgen.commands.settle import read_inputs, settle
from reportgen.config import Config
from reportgen.errors import CheckpointError, DataError, UnknownArchitectureError
from reportgen.evidence.performance.input_choice import InputChoice
from reportgen.inputs.discover import discover
from reportgen.inputs.survey import Survey, survey, uneven_shapes
from reportgen.progress import SilentProgress
from reportgen.site.wording.input_choice import choice_texts, default_text, tried_lines

__all__ = ["check_inputs"]

_SHOWN = 10


def check_inputs(config: Config, console: Console) -> None:
    """Print the test set, the checkpoints and the settings of a build.

    Raises
    ------
    ReportError
        The test set cannot be read at all, none of its images can, or no model is left. What is wrong with single
        images or with one checkpoint is printed instead.
    """
    found = discover(config)
    read = read_inputs(found, SilentProgress())
    test_set = read.test_set
    seen = survey(test_set, full=True)
    _print_survey(seen, console)
    if not seen.images:
        first = seen.problems[seen.problems["kind"] == "undecodable"]["message"].iloc[0]
        raise DataError(f"{seen.source}: no image could be read; the first: {first}")
    for sentence in found.missing:
        console.print(f"warning: {sentence}", markup=False)
    refused = []
    try:
        settled = settle(found, read, None, SilentProgress())
    except CheckpointError as error:
        refused.append(str(error))
        settled = read
    for name, choices in settled.choices.items():
        for choice in choices:
            _print_choice(name, choice, console)
    for name in found.config.models:
        try:
            console.print(f"model {name}: {_describe(name, settled.config, settled.test_set.classes)}", markup=False)
        except CheckpointError as error:
            refused.append(str(error))
            if isinstance(error, UnknownArchitectureError) and error.draft:
                _print_draft(name, error.draft, console)
    for line in _shape_lines(seen, settled.config):
        console.print(line, markup=False)
    console.print(f"class order of the outputs: {', '.join(settled.test_set.classes)}", markup=False)
    settings = found.config.model_dump(mode="json", exclude={"models", "data"}, exclude_defaults=True)
    console.print(f"settings that differ from the defaults: {settings or 'none'}", markup=False)
    if refused:
        raise CheckpointError(" | ".join(dict.fromkeys(refused)))


def _print_choice(name: str, choice: InputChoice, console: Console) -> None:
    """What a sample says of a model, with all that was tried."""
    for said in choice_texts(name, choice):
        console.print(f"{said.title}: {said.text} {said.advice}".strip(), markup=False)
    if choice.outcome == "default":
        console.print(f"preprocessing of {name}: {default_text(choice)}", markup=False)
    for line in tried_lines(choice):
        console.print(f"  {line}", markup=False)


def _shape_lines(seen: Survey, config: Config) -> list[str]:
    """What the models' resizing does to faces where the images have several shapes; empty where they have one."""
    lines = []
    for name, entry in config.models.items():
        refused = sum(count for size, count in seen.sizes if entry.preprocessing.cuts_unevenly(*size))
        if refused:
            lines.append(
                f"shapes: {name} sees only the square in the middle of an image, and {refused:,} of {seen.images:,} "
                "images are not square: a build refuses them; cut the faces out as squares"
            )
    uneven = uneven_shapes(seen.sizes)
    names = [name for name, entry in config.models.items() if entry.preprocessing.resize == "stretch"]
    if uneven is not None and names:
        lines.append(
            f"shapes: images are {uneven.narrowest:.2f} to {uneven.widest:.2f} times as wide as high, and "
            f"{uneven.differing:,} of {seen.images:,} differ from the usual {uneven.usual:.2f} by more than a tenth; "
            f"all are stretched to one shape for {', '.join(names)}, which squashes faces differently: cut them to one "
            "shape, as for training"
        )
    return lines


def _print_draft(name: str, text: str, console: Console) -> None:
    """A factory to complete, and where it goes."""
    console.print(
        f"model {name}: a factory to complete. Save it as network.py beside reportgen.toml, and set there, under the "
        'model\'s [models.NAME]: factory = "network:make"',
        markup=False,
    )
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _describe(name: str, config: Config, classes: tuple[str, ...]) -> str:
    from reportgen.explain.loading import explained_place, load_model  # torch takes seconds to load

    entry = config.models[name]
    ready = load_model(name, entry, classes, unsafe=config.unsafe_load)
    facts = [
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in ready.checkpoint.facts.items()
    ]
    details = "; ".join([", ".join(facts), *ready.notes]).strip("; ")
    model = ready.model
    summary = f"{entry.checkpoint.name} is {model.architecture}, {model.num_classes} outputs"
    explained = (
        "heatmaps by hiding places" if model.forward_only else f"explains {explained_place(ready, config.method)}"
    )
    summary += f", {explained}"
    return f"{summary} ({details})" if details else summary


def _print_survey(seen: Survey, console: Console) -> None:
    console.print(f"test set: {seen.source}, {seen.images:,} readable images", markup=False)
    table = Table("emotion", "images", "persons", title="Images per emotion", title_justify="left", show_edge=False)
    for count in seen.emotions:
        table.add_row(count.emotion, f"{count.images:,}", "" if count.persons is None else f"{count.persons:,}")
    console.print(table)
    console.print(f"formats: {_counts(seen.formats)}; modes: {_counts(seen.modes)}", markup=False)
    sizes = ", ".join(f"{width}x{height}: {n:,}" for (width, height), n in seen.sizes[:5])
    more = f" and {len(seen.sizes) - 5} more" if len(seen.sizes) > 5 else ""
    console.print(f"sizes: {sizes}{more}", markup=False)
    _print_persons(seen, console)
    conflicting = sum(duplicate.conflicting for duplicate in seen.duplicates)
    console.print(
        f"duplicates by content: {len(seen.duplicates):,} groups, {conflicting:,} of them with different labels",
        markup=False,
    )
    for duplicate in seen.duplicates[:_SHOWN]:
        pairs = zip(duplicate.paths, duplicate.emotions, strict=True)
        console.print("  " + " = ".join(f"{path} ({emotion})" for path, emotion in pairs), markup=False)
    for note in seen.notes:
        console.print(f"note: {note}", markup=False)
    console.print(f"left out: {len(seen.problems):,}", markup=False)
    for kind, rows in seen.problems.groupby("kind", sort=True):
        console.print(f"  {kind}: {len(rows):,}", markup=False)
        for row in rows.head(_SHOWN).itertuples():
            console.print(f"    {row.path}: {row.message}", markup=False)


def _print_persons(seen: Survey, console: Console) -> None:
    if seen.persons is not None:
        console.print(f"persons: {seen.persons:,}", markup=False)
    elif seen.proposal is not None:
        proposal = seen.proposal
        console.print(
            f"persons: not given; the file names seem to name {proposal.persons:,} (as in {proposal.example[0]}: "
            f"{proposal.example[1]}). To use them: person_pattern = '{proposal.pattern}' in reportgen.toml",
            markup=False,
        )
    else:
        console.print("persons: not given, and the file names do not name them", markup=False)
    overlap = seen.overlap
    if overlap is not None and overlap.known:
        persons = f"{overlap.shared:,} of {overlap.known:,} test images ({overlap.share:.0%})"
        console.print(f"persons seen in training: {persons}", markup=False)
    if overlap is not None:
        console.print(f"test images that are training images, too: {overlap.same_path:,}", markup=False)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())
