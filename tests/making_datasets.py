"""Datasets for tests, made as callers make them."""

from typing import Any

from circle import Someone

ROWS = [{"id": 1, "day": "2026-01-01", "mm": 3.5}, {"id": 2, "day": "2026-01-02", "mm": None}]


def make_dataset(owner: Someone, rows: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """A new dataset with rows, two of them unless told."""
    wanted = {"name": "Rain", "visibility": "private", "rows": ROWS if rows is None else rows} | fields
    made: dict[str, Any] = owner.ask("POST", "/datasets/create/from-schema", json={"dataset": wanted})
    return made
