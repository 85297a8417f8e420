"""Labels flipped on purpose: how many of them the label-suspect rule finds, and what else it then suspects.

    python tests/benchmarks/bench_label_noise.py OUTPUT/analysis [--share 0.05] [--rounds 40]

Takes the predictions of a finished analysis, so no model runs. Each round draws a share of the images that the models
get right, gives each another class at random, and asks the rule again. Recall is the share of the flipped labels that
are suspected; precision is flipped / newly suspected, where newly means: not suspected with the labels as they came.
Labels that are suspected beforehand are not counted either way, since nobody knows which of them are wrong; how many
they are is printed. "Right" is what all models get right, and in a second table what any of them gets right (then a
flipped label may be one that the models disagree about, which the rule cannot find).

Beside the rule as it is built stand the rule without its check of the agreement (`TRUSTED`), and other thresholds.

A second table asks what the second opinions add: landmarks and most similar faces (`label_votes`). Of the labels newly
suspected by the rule as built it prints how many are flipped where an opinion contradicts the label and where it does
not, and among the half with the most evidence, by the models alone and by all three together.

A third table is of the labels listed for a person to judge: with all models and with each alone, of labels flipped at
random and to the second most likely emotion, of all persons and of the half of them on whom `ENOUGH` was not chosen.
Beside the precision among the newly listed stands that among all that are listed, which takes every label that was
listed before for right: the least that it can be.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from reportgen.analysis import Analysis, read_analysis
from reportgen.evidence.errors.label_suspects import TRUSTED, find_label_suspects
from reportgen.evidence.errors.label_votes import LabelVote, label_votes
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.types import BoolArray, FloatArray, IntArray

Rule = Callable[[Sequence[FloatArray], IntArray], BoolArray]


def built(probabilities: Sequence[FloatArray], labels: IntArray) -> BoolArray:
    return find_label_suspects(probabilities, labels).suspect


def with_threshold(threshold: Callable[[FloatArray, IntArray, int], float], trusted: float) -> Rule:
    """The rule with another threshold per class, and another bar for the agreement (0: no check)."""

    def rule(probabilities: Sequence[FloatArray], labels: IntArray) -> BoolArray:
        rows, classes = np.arange(len(labels)), probabilities[0].shape[1]
        answers = [p.argmax(axis=1) for p in probabilities]
        sure = (np.stack(answers) == answers[0]).all(axis=0) & (labels >= 0)
        for p in probabilities:
            limits = np.array([threshold(p, labels, k) for k in range(classes)])
            sure &= p[rows, answers[0]] >= limits[answers[0]]
        support = np.array([np.mean(labels[sure & (answers[0] == k)] == k) if (sure & (answers[0] == k)).any() else 0.0
                            for k in range(classes)])  # fmt: skip
        return np.asarray(sure & (answers[0] != labels) & (support[answers[0]] >= trusted))

    return rule


def mean_of_labelled(p: FloatArray, labels: IntArray, k: int) -> float:
    of = labels == k
    return float(p[of, k].mean()) if of.any() else np.inf


def median_of_labelled(p: FloatArray, labels: IntArray, k: int) -> float:
    of = labels == k
    return float(np.median(p[of, k])) if of.any() else np.inf


def mean_of_correct(p: FloatArray, labels: IntArray, k: int) -> float:
    of = (labels == k) & (p.argmax(axis=1) == k)
    return float(p[of, k].mean()) if of.any() else np.inf


RULES: dict[str, Rule] = {
    "as built": built,
    "no check of the agreement": with_threshold(mean_of_labelled, 0.0),
    "agreement right in 80 %": with_threshold(mean_of_labelled, 0.8),
    "median threshold, no check": with_threshold(median_of_labelled, 0.0),
    "mean of correct ones, no check": with_threshold(mean_of_correct, 0.0),
    "mean of correct ones, checked": with_threshold(mean_of_correct, TRUSTED),
}


def flip(labels: IntArray, right: BoolArray, share: float, classes: int, seed: int) -> tuple[IntArray, BoolArray]:
    """Labels with a share of the `right` ones changed to another class at random, and which those are."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(right)
    chosen = rng.choice(rows, round(share * len(rows)), replace=False)
    changed = labels.copy()
    changed[chosen] = (labels[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return changed, np.isin(np.arange(len(labels)), chosen)


def measure(
    rule: Rule, probabilities: Sequence[FloatArray], labels: IntArray, right: BoolArray, share: float, rounds: int
) -> str:
    before = rule(probabilities, labels)
    recalls, precisions, counts = [], [], []
    for seed in range(rounds):
        changed, flipped = flip(labels, right, share, probabilities[0].shape[1], seed)
        after = rule(probabilities, changed)
        new = after & ~before
        recalls.append((after & flipped).sum() / flipped.sum())
        precisions.append((new & flipped).sum() / max(1, new.sum()))
        counts.append(new.sum())
    low, high = np.quantile(precisions, (0.025, 0.975))
    return (
        f"recall {np.mean(recalls):.2f}  precision {np.mean(precisions):.2f} [{low:.2f}, {high:.2f}]  "
        f"newly suspected {np.mean(counts):.0f}  suspected as they came {before.sum()}"
    )


def opinions(analysis: Analysis, labels: IntArray, right: BoolArray, share: float, rounds: int) -> list[str]:
    """Precision and recall of the rule as built, split by what the second opinions say."""
    probabilities = [model.probabilities for model in analysis.models]
    group = clusters(units_of(analysis.images), len(labels))
    before = find_label_suspects(probabilities, labels).suspect
    splits: dict[str, Callable[[LabelVote], bool]] = {
        "all": lambda _: True,
        "landmarks contradict": lambda vote: vote.landmarks > 0,
        "landmarks agree": lambda vote: vote.landmarks < 0,
        "twins contradict": lambda vote: vote.twins_predicted > vote.twins_label,
        "twins agree": lambda vote: vote.twins_predicted < vote.twins_label,
        "both contradict": lambda vote: vote.against == 2,
        "one contradicts": lambda vote: vote.against == 1,
        "none contradicts": lambda vote: not vote.against,
        "stay suspect": lambda vote: vote.stands,
    }
    found: dict[str, list[tuple[int, int, int]]] = {}
    for seed in range(rounds):
        changed, flipped = flip(labels, right, share, len(analysis.classes), seed)
        suspects = find_label_suspects(probabilities, changed)
        votes = [v for v in label_votes(suspects, probabilities, changed, analysis.faces, group) if not before[v.row]]
        chosen = {name: [vote for vote in votes if rule(vote)] for name, rule in splits.items()}
        chosen["half, by the models"] = sorted(votes, key=lambda vote: -vote.models)[: len(votes) // 2]
        chosen["half, by all evidence"] = votes[: len(votes) // 2]
        chosen["last tenth, by the models"] = sorted(votes, key=lambda vote: vote.models)[: max(1, len(votes) // 10)]
        chosen["last tenth, by all evidence"] = votes[-max(1, len(votes) // 10) :]
        for name, part in chosen.items():
            hit = sum(bool(flipped[vote.row]) for vote in part)
            found.setdefault(name, []).append((hit, len(part), int(flipped.sum())))
    lines = []
    for name, counts in found.items():
        hit, size, flips = np.array(counts).sum(axis=0).tolist()
        precision = hit / size if size else float("nan")
        lines.append(f"  {name:32} recall {hit / flips:.2f}  precision {precision:.2f}  labels {size / rounds:.1f}")
    return lines


def listed(analysis: Analysis, models: Sequence[int], labels: IntArray) -> BoolArray:
    """(n,) labels that are listed for a person to judge."""
    probabilities = [analysis.models[k].probabilities for k in models]
    group = clusters(units_of(analysis.images), len(labels))
    suspects = find_label_suspects(probabilities, labels)
    votes = label_votes(suspects, probabilities, labels, analysis.faces, group)
    rows = [vote.row for vote in votes if vote.compelling or (suspects.suspect[vote.row] and vote.stands)]
    return np.isin(np.arange(len(labels)), rows)


def review(analysis: Analysis, right: BoolArray, share: float, rounds: int) -> list[str]:
    """Recall and precision of the list, by models, kind of flip and persons."""
    labels, classes = analysis.labels, len(analysis.classes)
    second = np.mean([model.probabilities for model in analysis.models], axis=0).argsort(axis=1)[:, -2]
    held_out = clusters(units_of(analysis.images), len(labels)).code % 2 == 1
    everyone = tuple(range(len(analysis.models)))
    lines = []
    for models in (everyone, *((k,) for k in everyone)):
        before = listed(analysis, models, labels)
        for kind in ("at random", "to the second likeliest"):
            counts = np.zeros((2, 4))
            for seed in range(rounds):
                changed, flipped = flip(labels, right, share, classes, 1000 + seed)
                changed = np.where(flipped, second, labels) if kind != "at random" else changed
                after = listed(analysis, models, changed)
                for row, of in enumerate((np.ones(len(labels), dtype=bool), held_out)):
                    hit = after & flipped & of
                    counts[row] += hit.sum(), (flipped & of).sum(), (after & ~before & of).sum(), (after & of).sum()
            for who, (hit, flips, new, every) in zip(("all persons", "held-out half"), counts, strict=True):
                names = " + ".join(analysis.models[k].name for k in models)
                lines.append(
                    f"  {names:28} {kind:24} {who:14} recall {hit / flips:.2f}  precision {hit / max(1, new):.2f}  "
                    f"of all listed {hit / max(1, every):.2f}  listed as they came {before.sum()}"
                )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("analysis", type=Path)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    analysis = read_analysis(arguments.analysis)
    labels, probabilities = analysis.labels, [model.probabilities for model in analysis.models]
    right = np.stack([model.predicted == labels for model in analysis.models])
    for name, rows in (("all models are right", right.all(axis=0)), ("any model is right", right.any(axis=0))):
        flips = round(arguments.share * int(rows.sum()))
        print(f"{flips} of {int(rows.sum()):,} labels flipped where {name}, mean of {arguments.rounds} rounds")
        for rule_name, rule in RULES.items():
            print(f"  {rule_name:32}", measure(rule, probabilities, labels, rows, arguments.share, arguments.rounds))
        print(" of those newly suspected by the rule as built")
        print(*opinions(analysis, labels, rows, arguments.share, arguments.rounds), sep="\n")
    print("labels listed for a person to judge, flipped where all models are right")
    print(*review(analysis, right.all(axis=0), arguments.share, arguments.rounds), sep="\n")


if __name__ == "__main__":
    main()
