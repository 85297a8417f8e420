"""How people voted for a photo parts no groups."""

from __future__ import annotations

import pandas as pd

from reportgen.evidence.groups.groupings import given_columns


def test_votes_are_no_groups() -> None:
    columns = ["path", "label", "sex", "anger", "votes anger", "votes unknown", "votes"]
    assert given_columns(pd.DataFrame(columns=columns), ("anger", "fear")) == ("sex", "votes")
