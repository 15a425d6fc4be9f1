"""A row of results, and how rows are shown."""

import os
import platform
from collections.abc import Iterable
from typing import TypedDict


class Row(TypedDict):
    """One figure: what was measured, our value and the denominator's, their ratio or value, and its target."""

    what: str
    hallmarket: str
    beside_it: str
    figure: float
    target: float
    holds: bool


def ratio_row(what: str, ours: float, theirs: float, unit: str, beside: str, target: float) -> Row:
    """A row whose figure is our value over the denominator's."""
    ratio = ours / theirs
    return Row(
        what=what,
        hallmarket=f"{ours:,.0f} {unit}",
        beside_it=f"{theirs:,.0f} {unit}, {beside}",
        figure=round(ratio, 3),
        target=target,
        holds=ratio >= target,
    )


def show(rows: Iterable[Row]) -> bool:
    """Print the rows; returns whether every target holds."""
    rows = list(rows)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    for row in rows:
        mark = "holds" if row["holds"] else "MISSED"
        print(f"- {row['what']}\n    {row['hallmarket']}   beside {row['beside_it']}")
        print(f"    figure {row['figure']:g}, target {row['target']:g}: {mark}")
    return all(row["holds"] for row in rows)
