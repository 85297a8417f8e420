from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.column_descriptions import ATTENTION_COLUMNS
from reportgen.evidence.attention.findings import AttentionFindings, judge_maps
from reportgen.evidence.attention.nulls import NullShares
from reportgen.faces.regions import REGIONS


@pytest.fixture(scope="module")
def findings(
    face_masks: Callable[..., np.ndarray], make_cases: Callable[..., Cases]
) -> tuple[AttentionFindings, Cases]:
    rng = np.random.default_rng(0)
    labels = np.r_[np.repeat(np.arange(7), 13), [-1, -1]]
    n = len(labels)
    models = []
    for name, grid in (("Small", 14), ("Deep", 7)):
        maps = rng.gamma(0.5, 1.0, (n, 7, grid, grid)) - 0.1
        maps[0, labels[0]] = -1.0
        probabilities = rng.dirichlet(np.ones(7), n) * 0.4
        probabilities[np.arange(n), np.where(rng.random(n) < 0.8, labels, 0)] += 0.6
        null = NullShares(np.full((n, 50), 1e-6), rng.dirichlet(np.ones(len(REGIONS)), (n, 50)))
        models.append(ModelMaps(name, name.lower(), maps, face_masks(n, 0, grid), probabilities, null))
    sources = tuple("template" if i % 10 == 3 else "detector" for i in range(n))
    cases = replace(make_cases(labels, [f"p{i // 2}" for i in range(n)]), sources=sources)
    actions = rng.random((n, 4))
    return judge_maps(models, cases, actions, ("a", "b", "c", "d"), draws=500), cases


def test_every_column_of_every_table_is_explained(findings: tuple[AttentionFindings, Cases]) -> None:
    tables = findings[0].tables
    assert set(tables) == set(ATTENTION_COLUMNS)
    for name, table in tables.items():
        assert list(table.columns) == list(ATTENTION_COLUMNS[name]), name
        assert len(table), name


def test_ten_lines_of_pandas_recompute_enrichment(findings: tuple[AttentionFindings, Cases]) -> None:
    """The snippet that the documentation shows."""
    statistics, emotion_regions = (findings[0].tables[name] for name in ("statistics", "emotion_regions"))
    used = statistics[statistics["used"] & (statistics["kind"] == "label")]
    sums = used.groupby(["model", "emotion", "region"])[["share", "area"]].sum()
    again = (sums["share"] / sums["area"]).rename("again").reset_index()
    printed = emotion_regions[emotion_regions["kind"] == "label"]
    both = printed.merge(again, on=["model", "emotion", "region"])
    assert len(both) == 2 * 7 * len(REGIONS)
    assert both["enrichment"].to_numpy() == pytest.approx(both["again"].to_numpy())
    counts = used.groupby(["model", "emotion", "region"]).size().rename("count").reset_index()
    both = printed.merge(counts, on=["model", "emotion", "region"])
    assert (both["n"] == both["count"]).all()


def test_class_swap_and_patterns_can_be_recomputed(findings: tuple[AttentionFindings, Cases]) -> None:
    tables = findings[0].tables
    used = tables["statistics"].query("used and kind == 'label'")
    swap = (used["share"] - used["share_others"]).groupby([used["model"], used["emotion"], used["region"]]).mean()
    printed = tables["emotion_regions"].query("kind == 'label'").set_index(["model", "emotion", "region"])
    assert printed["share_above_others"].to_numpy() == pytest.approx(swap.reindex(printed.index).to_numpy())
    maps = tables["maps"].query("kind == 'predicted' and not blank")
    for row in tables["patterns"].itertuples():
        shown = maps[(maps["model"] == row.model)]
        if row.kind in ("on mouth", "background"):
            part = row.kind.removeprefix("on ")
            assert shown.loc[shown["peak_region"] == part, "image_id"].tolist() == row.image_ids
            assert row.count == len(row.image_ids)


def test_null_maps_and_template_rows_are_marked(findings: tuple[AttentionFindings, Cases]) -> None:
    found, _ = findings
    statistics = found.tables["statistics"].query("kind == 'label' and model == 'Deep'")
    first = statistics[statistics["image_id"] == "image0"]
    assert first["share"].isna().all() and not first["used"].any()
    template = statistics[statistics["image_id"] == "image3"].set_index("region")["used"]
    assert not template["eyes+brows"] and template["mouth"]
    maps = found.tables["maps"].query("image_id == 'image0' and model == 'Deep'").set_index("kind")
    assert maps.loc["label", "blank"] and maps.loc["label", "peak_row"] == -1


def test_unlabelled_images_have_only_a_map_of_the_predicted_class(findings: tuple[AttentionFindings, Cases]) -> None:
    tables = findings[0].tables
    for name in ("statistics", "maps"):
        rows = tables[name][tables[name]["image_id"] == "image91"]
        assert set(rows["kind"]) == {"predicted"} and rows["emotion"].isna().all() and rows["class"].notna().all()


def test_bands_are_there_only_where_the_random_head_ran(findings: tuple[AttentionFindings, Cases]) -> None:
    found, _ = findings
    assert all(b is not None and (b[0] <= b[1]).all() for b in found.bands)
    rows = found.tables["emotion_regions"].query("kind == 'label'")
    assert rows["random_head_low"].notna().all()


def test_tables_survive_parquet(findings: tuple[AttentionFindings, Cases], tmp_path: object) -> None:
    import io

    for name, table in findings[0].tables.items():
        buffer = io.BytesIO()
        table.to_parquet(buffer)
        again = pd.read_parquet(io.BytesIO(buffer.getvalue()))
        assert list(again.columns) == list(table.columns), name
        assert len(again) == len(table)
