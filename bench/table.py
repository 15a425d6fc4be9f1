"""Rows of results, and how they are printed."""

import os
import platform
from collections.abc import Iterable
from typing import TypedDict


class Row(TypedDict):
    """One result: what was measured, our value and the baseline's, the figure made from them, and its target."""

    what: str
    hallmarket: str
    baseline: str
    figure: float
    target: float
    met: bool


def ratio_row(what: str, ours: float, theirs: float, unit: str, baseline: str, target: float) -> Row:
    """Return a row whose figure is our value divided by the baseline's; `baseline` describes the latter."""
    ratio = ours / theirs
    return Row(
        what=what,
        hallmarket=f"{ours:,.0f} {unit}",
        baseline=f"{theirs:,.0f} {unit}, {baseline}",
        figure=round(ratio, 3),
        target=target,
        met=ratio >= target,
    )


def print_rows(rows: Iterable[Row]) -> bool:
    """Print the rows and return whether every target was met."""
    rows = list(rows)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    for row in rows:
        mark = "met" if row["met"] else "MISSED"
        print(f"- {row['what']}\n    {row['hallmarket']}   baseline {row['baseline']}")
        print(f"    figure {row['figure']:g}, target {row['target']:g}: {mark}")
    return all(row["met"] for row in rows)
