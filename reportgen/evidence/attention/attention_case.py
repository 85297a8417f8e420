"""From the records on disk to the question that attention is judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from reportgen.analysis import Analysis, ModelRecords
from reportgen.errors import BuildError
from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.judge import AttentionFindings, judge
from reportgen.evidence.attention.nulls import NullShares
from reportgen.faces.landmarks import ACTIONS

__all__ = ["judge_attention"]

_OUTER_EYE_CORNERS = (33, 263)
# What the two known architectures are; of any other nothing is assumed.
_TRANSFER = {"TransferLearningModel": True, "CustomCNN": False}


def judge_attention(analysis: Analysis, seed: int) -> AttentionFindings | None:
    """Measure and judge where every model's heatmaps lie; None without regions or without a label."""
    faces, labels = analysis.faces, analysis.labels
    if faces is None or not (labels >= 0).any():
        return None
    left, right = (faces.points[:, corner].astype(np.float64) for corner in _OUTER_EYE_CORNERS)
    persons = analysis.images["person"].to_numpy(dtype=object)
    cases = Cases(
        classes=analysis.classes,
        labels=labels,
        image_ids=tuple(analysis.images["image_id"]),
        persons=persons if pd.notna(persons).any() else None,
        sources=faces.regions_from,
        unit=np.linalg.norm(left - right, axis=1),
    )
    models = [_model(model) for model in analysis.models]
    # One thread for a product of matrices: a sum that several threads share out is rounded by their number.
    with threadpool_limits(1, user_api="blas"):
        return judge(models, cases, faces.actions, ACTIONS, seed)


def _model(model: ModelRecords) -> ModelMaps:
    known = model.peak_changed is not None and bool(np.isfinite(model.peak_changed).all())
    null = None
    if model.null_mass is not None and model.null_share is not None:
        null = NullShares(model.null_mass, model.null_share)
    if model.masks is None:
        raise BuildError(f"{model.name}: no region masks beside the landmarks; delete analysis/ and build again")
    return ModelMaps(
        name=model.name,
        slug=model.slug,
        maps=model.maps,
        masks=model.masks,
        probabilities=model.probabilities,
        null=null,
        peak_changed=model.peak_changed if known else None,
        control_changed=model.control_changed if known else None,
        transfer=_TRANSFER.get(model.info["architecture"]),
        pretraining=model.info.get("pretraining"),
    )
