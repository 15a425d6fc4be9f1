"""Create datasets through the HTTP API."""

from typing import Any

from _support.organizations import User

ROWS = [{"id": 1, "day": "2026-01-01", "mm": 3.5}, {"id": 2, "day": "2026-01-02", "mm": None}]


def make_dataset(owner: User, rows: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """Create a dataset and return it; it has two rows unless rows are given."""
    dataset = {"name": "Rain", "visibility": "private", "rows": ROWS if rows is None else rows} | fields
    made: dict[str, Any] = owner.call("POST", "/datasets/create/from-schema", json={"dataset": dataset})
    return made
