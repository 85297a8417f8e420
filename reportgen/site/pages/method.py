"""How the report was made: the method in plain words, the guide to heatmaps, limits, settings, checksums."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.site.glossary import GLOSSARY
from reportgen.site.html.components import Legend, Page, Tile
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pages.groups import group_steps
from reportgen.site.provenance import checksums, citation
from reportgen.site.recipe import Recipe
from reportgen.site.report import DataNote, Report, base_name
from reportgen.site.sections.certificate import CertificateView, certificate_view
from reportgen.site.sections.errors.flip_sets import flip_method
from reportgen.site.sections.hidden_cues import component_steps
from reportgen.site.sections.marks import mark_steps
from reportgen.site.sections.patterns import GuideRow, guide
from reportgen.site.sections.performance.votes import vote_steps
from reportgen.site.sections.takeaways import Takeaway, takeaways
from reportgen.site.sections.transplants import TransplantMethod, transplant_method
from reportgen.site.tiles import Tiles
from reportgen.site.wording.errors.labels import label_lede, label_steps
from reportgen.site.wording.format import count, number, plain
from reportgen.site.wording.models import precision_changes
from reportgen.site.wording.performance.groups import assessed
from reportgen.site.wording.performance.robustness import robustness_steps, severity_table
from reportgen.site.wording.region_facts import Resolved, region_sources, resolved_regions
from reportgen.site.wording.scope import remarks

__all__ = ["ISSUES", "LIMITS", "MethodView", "gradient_steps", "method_view"]

ISSUES: tuple[tuple[str, str, str], ...] = (
    (
        "Heat outside the face",
        "The face is small in the crop, or something beside it goes with the label.",
        "Crop tighter, or balance backgrounds, lighting and colour over the emotions.",
    ),
    (
        "All emotions give the same map",
        "The layer shows where its features are strong, not what tells the classes apart.",
        "Compare with the difference of two classes' maps.",
    ),
    (
        "Correct prediction, implausible map",
        "The prediction may rest on a shortcut, or the layer may be too coarse.",
        "Test the dependence, not the look.",
    ),
    (
        "Wrong prediction, plausible map",
        "The evidence lies in the right place and was weighed wrongly, or the label is wrong.",
        "Check the label first, then similar faces.",
    ),
    (
        "Maps jump between similar images",
        "Few training examples, or a model that has overfitted.",
        "More data, augmentation, an earlier checkpoint.",
    ),
)

# Of a long list a page shows so many; the rest is in the downloads.
_LISTED = 50
# Files that most readers want, and model cards, stand in the open; the tables behind single findings are folded.
_FIRST_DOWNLOADS = {"answers", "predictions", "columns", "scores", "proofs", "verdicts", "statements"}

LIMITS: tuple[str, ...] = (
    "Heatmaps show coarse positive evidence for one class. They are not causes, and they are not human attention.",
    "One cell of a map covers many pixels, and in a network's layer it sees more than these.",
    "No warning does not mean no shortcut: shortcuts that no map shows exist (Adebayo et al. 2022).",
    "What people look at in a face was measured on posed faces; real ones differ.",
    "The model predicts labels of facial appearance, not felt emotion (Barrett et al. 2019).",
    "Where persons are known, intervals and tests count persons, not photos (Korn and Graubard 1998, Bell and "
    "McCaffrey 2002, Cameron, Gelbach and Miller 2008); with fewer than five persons no interval is given. Copies "
    "of a photo are one unit.",
    "A property counts as a shortcut only where removing or adding it changes predictions by more than it does for "
    "other emotions and, where equally large changes without it can be made, by more than those (Plumb et al. 2022).",
    "A shortcut's place is a region in which taking the property away loses at least half of the predictions that "
    "changing the whole photo loses, and significantly more than in other emotions' photos: where to look, not what is "
    "there.",
    "A bowed head, the shape of a photo, a low JPEG quality, a plain background, detail on the face, dark glasses and "
    "the kind of file name cannot be taken out of a photo, so reliance on them is not tested.",
    "In the EU, inferring emotions at work or in education is prohibited outside medical and safety use "
    "(AI Act, Art. 5(1)(f)). This is not legal advice.",
)


@dataclass(frozen=True)
class ListedNote:
    """A remark on the data with what it is about, as far as a page holds it; `summary` says how much that is, `text` is
    empty where the first page says it.
    """

    title: str
    text: str
    summary: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class MethodView:
    """`method.html`.

    Attributes
    ----------
    contents
        Anchor and name of each section that is there.
    ablated, followed
        Names of the models whose maps are made by ablation, and by LRP; `steps` are those of all others.
    downloads, more_downloads
        Path, name and description of the files that most readers want, and of all other tables.
    """

    page: Page
    contents: tuple[tuple[str, str], ...]
    method: str
    steps: tuple[tuple[str, str], ...]
    ablated: tuple[str, ...]
    ablation_steps: tuple[tuple[str, str], ...]
    followed: tuple[str, ...]
    followed_steps: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    guide: tuple[GuideRow, ...]
    takeaways: tuple[Takeaway, ...]
    transplants: TransplantMethod | None
    components: tuple[tuple[str, str], ...]
    votes: tuple[tuple[str, str], ...]
    marks: tuple[tuple[str, str], ...]
    flips: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, str], ...]
    severities: tuple[tuple[str, str, str], ...]
    robustness: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]
    resolved: Resolved | None
    labels_lede: str
    labels: tuple[tuple[str, str], ...]
    issues: tuple[tuple[str, str, str], ...]
    limits: tuple[str, ...]
    certificate: CertificateView | None
    glossary: tuple[tuple[str, str], ...]
    notes: tuple[ListedNote, ...]
    problems: tuple[tuple[str, str, str], ...]
    problems_more: str
    counts: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    precision_changes: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    checksums: tuple[tuple[str, str], ...]
    command: str
    settings_file: str
    citation: str
    downloads: tuple[tuple[str, str, str], ...]
    more_downloads: tuple[tuple[str, str, str], ...]
    legend: Legend


def _note(note: DataNote) -> ListedNote:
    found, items = number(len(note.items)), note.items[:_LISTED]
    summary = f"{found} listed" if len(items) == len(note.items) else f"the first {len(items)} of {found}"
    return ListedNote(note.title, "" if note.serious else note.text, summary if items else "", items)


def _stands_first(name: str) -> bool:
    return name.partition(".")[0] in _FIRST_DOWNLOADS or name.startswith("model-card-")


def method_view(
    report: Report,
    links: Links,
    tiles: Tiles,
    legends: Legends,
    recipe: Recipe,
    downloads: tuple[tuple[str, str, str], ...],
) -> MethodView:
    """The page; `downloads` are path, name and description."""
    manifest = report.analysis.manifest
    problems = report.analysis.problems
    first = problems.head(_LISTED).itertuples()
    listed = tuple((base_name(str(row.path)), str(row.kind), plain(str(row.message))) for row in first)
    unlabelled = len(report.everything.labels) - report.labelled
    counts = [(name, count(report.images_of(emotion), "image")) for emotion, name in enumerate(report.classes)]
    if unlabelled:
        counts.append(("no label", count(unlabelled, "image")))
    tested, transplants, certificate = takeaways(report), transplant_method(report), certificate_view(report)
    components, marks, flips = component_steps(report), mark_steps(report), flip_method(report)
    votes = vote_steps(report)
    labels = label_steps(report)
    sources, resolved = region_sources(report), resolved_regions(report)
    contents = (
        ("how", "How the maps are made", True),
        ("guide", "What a pattern may mean", True),
        ("transplants", "The transplant test", transplants is not None),
        ("trust-grade", "Trust grade", transplants is not None),
        ("marks", "What the photos of one emotion share", bool(marks)),
        ("components", "Cues nobody listed", bool(components)),
        ("flips", "What would flip a prediction", bool(flips)),
        ("votes", "What people voted", bool(votes)),
        ("groups", "Groups of photos", bool(group_steps(report))),
        ("robustness", "How photos were changed, and when a model breaks", report.robustness is not None),
        ("takeaways", "Claims of heatmap guides, tested here", bool(tested)),
        ("labels", "How labels are doubted and corrected", bool(labels)),
        ("issues", "Common problems", True),
        ("regions", "How the regions were found", bool(sources or resolved)),
        ("limits", "Limits", True),
        ("certificate", "How often these verdicts are correct", certificate is not None),
        ("data", "The data", True),
        ("downloads", "Downloads", True),
        ("reproduce", "Citation and reproduction", True),
        ("glossary", "Glossary", True),
    )
    ablated = tuple(model.name for k, model in enumerate(report.models) if report.ablated(k))
    followed = tuple(model.name for k, model in enumerate(report.models) if report.follows_patches(k))
    gradients = next((name for name in report.methods if name in _TRACED), "Grad-CAM")
    return MethodView(
        page=Page("Method", "How the heatmaps were made, how to read them, and what they cannot show", "Method"),
        contents=tuple((anchor, name) for anchor, name, there in contents if there),
        method=report.method,
        steps=gradient_steps(gradients) if len(ablated) + len(followed) < len(report.models) else (),
        ablated=ablated,
        ablation_steps=_ablation_steps() if ablated else (),
        followed=followed,
        followed_steps=_followed_steps() if followed else (),
        tiles=_tiles(report, tiles),
        guide=guide(report, links),
        takeaways=tested,
        transplants=transplants,
        components=components,
        votes=votes,
        marks=marks,
        flips=flips,
        groups=group_steps(report),
        severities=severity_table() if report.robustness is not None else (),
        robustness=robustness_steps(report.robustness) if report.robustness is not None else (),
        sources=sources,
        resolved=resolved,
        labels_lede=label_lede(report) if labels else "",
        labels=labels,
        issues=ISSUES,
        limits=(*LIMITS[:-1], assessed(report), LIMITS[-1]),
        certificate=certificate,
        glossary=tuple(sorted(_words(report), key=lambda item: item[0].lower())),
        notes=tuple(_note(note) for note in remarks(report) if note.items or not note.serious),
        problems=listed,
        problems_more=f"and {len(problems) - len(listed):,} more" if len(problems) > len(listed) else "",
        counts=tuple(counts),
        settings=recipe.stated,
        precision_changes=precision_changes(report.models),
        versions=tuple(sorted((str(k), str(v)) for k, v in manifest.get("versions", {}).items())),
        checksums=checksums(report),
        command=plain(report.command or ""),
        settings_file="" if report.privacy != "none" else recipe.file,
        citation=citation(report),
        downloads=tuple(one for one in downloads if _stands_first(one[1])),
        more_downloads=tuple(one for one in downloads if not _stands_first(one[1])),
        legend=legends.maps(grids=True),
    )


_TRACED = {
    "Grad-CAM": "the gradient, averaged over a feature map, gives how much that map would raise the class's score.",
    "Grad-CAM++": (
        "a feature map counts by its positive gradients, each divided by 2 + S × gradient, where S is the sum of the "
        "map (Chattopadhay et al. 2018, eq. 19, for the exponential of the score). That formula is made for maps "
        "without negative values. Where a sum is negative, 0 is taken for it: else the division comes near one by "
        "zero, and a single map has nearly all the weight."
    ),
    "HiResCAM": "each cell of a feature map counts by its own gradient (Draelos and Carin 2020), without averaging.",
    "LayerCAM": "each cell of a feature map counts by its own gradient where that is positive (Jiang et al. 2021).",
    "XGrad-CAM": (
        "a feature map counts by the mean of its gradients, in which cells with high values weigh more (Fu et al. "
        "2020, eq. 8). The mean is taken over the magnitudes of the values, so that values of both signs do not cancel."
    ),
}
_ADDED_UP = {
    "HiResCAM": "cell by cell, each times its gradient.",
    "LayerCAM": "cell by cell, each times its gradient.",
}


def gradient_steps(method: str) -> tuple[tuple[str, str], ...]:
    """How maps of a method of the CAM family are made, as title and sentence of each step."""
    added = _ADDED_UP.get(method, "each with its weight.")
    return (
        ("The image is resized", "to what the model was trained on, and its colours are put on the model's scale."),
        (
            "The model predicts",
            "and one of its last layers is kept: a stack of small feature maps, each with high values where its "
            "feature occurs.",
        ),
        (
            "The prediction is traced back",
            f"for one class: {_TRACED[method]}",
        ),
        (
            "The maps are added up,",
            f"{added} What is positive speaks for the class; the rest is dropped.",
        ),
        (
            "The sum is enlarged",
            "to the size of the picture and laid over the grey face, stronger where there is more evidence. Each cell "
            "is drawn at the middle of the place that it sees, measured when the model is loaded.",
        ),
    )


_VOTE_WORDS = ("majority", "human choice", "rater agreement", "entropy", "cross-entropy", "soft Brier score")


def _words(report: Report) -> list[tuple[str, str]]:
    """The glossary without the words of a kind of heatmap that no model has."""
    found = set(report.methods) or {"Grad-CAM"}
    cams = found - {"Ablation", "LRP"}
    used = {
        "Grad-CAM": bool(cams),
        "ablation": "Ablation" in found,
        "LRP": "LRP" in found,
        "sign-flip test": report.names_persons,
        **dict.fromkeys(_VOTE_WORDS, report.rater_votes is not None),
        **dict.fromkeys(("temperature scaling", "vector scaling"), any(report.recalibrations)),
    }
    unused = {word for word, there in used.items() if not there}
    return [(word, text) for word, text in GLOSSARY.items() if word not in unused]


def _followed_steps() -> tuple[tuple[str, str], ...]:
    return (
        (
            "The image is cut into patches,",
            "as the transformer does it, and the model predicts. In every block, attention mixes the patches: behind "
            "the first one, each already knows something of all others.",
        ),
        (
            "The prediction is followed back",
            "for one class, block by block to the patches as they came in. Attention weights and the scales of norms "
            "are held constant on the way, so that nothing of the score is lost in them.",
        ),
        (
            "Each patch holds its contribution:",
            "its features times the gradient that arrives there. What is positive speaks for the class; the rest is "
            "dropped.",
        ),
        (
            "The map is enlarged",
            "to the size of the picture and laid over the grey face, stronger where more of the score came from.",
        ),
    )


def _ablation_steps() -> tuple[tuple[str, str], ...]:
    return (
        ("The image is resized", "to what the model was trained on, and the model predicts."),
        (
            "The image is cut into cells,",
            "7 × 7 of them, and each in turn is hidden: it is filled smoothly from its four sides, so that no edge and "
            "no colour appears that the photo does not have.",
        ),
        (
            "The model predicts again,",
            "once per cell. By how much the log-odds of a class fall is the cell's value in the map of that class; "
            "where they rise, the cell speaks against the class and is dropped.",
        ),
        (
            "The map is enlarged",
            "to the size of the picture and laid over the grey face, stronger where hiding takes more.",
        ),
    )


def _tiles(report: Report, tiles: Tiles) -> tuple[Tile, ...]:
    """One image that all models get right, else any: the method in four pictures."""
    picks = report.mined.picks
    if not report.models or not tiles.drawn.pictures:
        return ()
    rows = [pick.image for pick in picks if pick.kind == "typical-correct"] or sorted(tiles.drawn.pictures)
    sure = max(rows, key=lambda row: (min(float(m.confidence[row]) for m in report.models), -row))
    return (*tiles.correct_tiles(sure, 0),)
