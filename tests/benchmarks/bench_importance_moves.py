"""How many swaps it takes to tell whether region importance moves with a change: power by the number of faces.

    python tests/benchmarks/bench_importance_moves.py output/site/downloads/robustness_importance.csv

Reads what a build with `--experiments full` measured, takes each region's standard error from its interval, and scales
it to other numbers of faces. The pictures that a third of the pass pays for beside robustness itself are few.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import nct, t

from reportgen.evidence.robustness.importance import MIN_MOVE
from reportgen.evidence.stats.multiple_testing import ALPHA

FACES = (4, 8, 12, 24, 36, 60, 100, 200)


def freedom(faces: float, emotions: int) -> float:
    """Degrees of freedom of a trimmed mean over the other emotions, as in `DropTest`."""
    others = emotions - 1
    return faces * (others - 2) / others - 1


def power(error: float, faces: int, tests: int, move: float, emotions: int) -> float:
    """Chance of the right answer to a true move: "stays" below the limit, "moves" above; in Holm's first step."""
    degrees = freedom(faces, emotions)
    if degrees < 1:
        return 0.0
    away = float(t.isf(ALPHA / tests / 2, degrees))
    # Both ends for "stays": the estimate must lie within the limit by so many errors.
    if abs(move) > MIN_MOVE:
        return float(nct.sf(away, degrees, (abs(move) - MIN_MOVE) / error))
    inside = MIN_MOVE / error - away
    return max(0.0, float(t.cdf(inside - move / error, degrees) - t.cdf(-inside - move / error, degrees)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("table", type=Path, help="robustness_importance.csv of a build with --experiments full")
    parser.add_argument("--emotions", type=int, default=7)
    options = parser.parse_args()
    table = pd.read_csv(options.table)
    table = table[table["important"]]
    wide = (table["change_of_drop_high"] - table["change_of_drop_low"]) / 2
    degrees = freedom(table["persons"].to_numpy(dtype=float), options.emotions)
    error = (wide / t.ppf(0.975, degrees)).to_numpy()
    faces = table["receivers"].to_numpy(dtype=float)
    tests = 9
    print(f"{len(table)} differences of important regions; standard error at {faces.mean():.0f} faces: "
          f"{np.median(error):.2f} ({error.min():.2f} to {error.max():.2f}); answers there: "
          f"{table['answer'].value_counts().to_dict()}")  # fmt: skip
    print("faces  pictures a model  error  'stays' if it does not move  'moves' if by 1.0")
    for n in FACES:
        own = error * np.sqrt(faces / n)
        still, moved = (np.mean([power(e, n, tests, m, options.emotions) for e in own]) for m in (0.0, 1.0))
        print(f"{n:5d}  {2 * n * tests:16d}  {np.median(own):5.2f}  {still:26.0%}  {moved:17.0%}")


if __name__ == "__main__":
    main()
