"""Indexes of datasets: how they sort rows, and the versions they make."""

from collections.abc import Iterator
from typing import Any

import pytest

from _support.datasets import make_dataset
from _support.organizations import User, new_organization
from _support.servers import Server

ROWS: list[dict[str, Any]] = [{"id": key, "place": None if key % 5 == 0 else key * 7 % 4} for key in range(12)]
MORE = [{"id": 12, "place": 0}]


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[User]:
    """A person with datasets."""
    with new_organization(server) as made:
        yield made.new_user()


def by_place(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows as an index on `place` does."""
    return sorted(rows, key=lambda row: (row["place"] is None, row["place"] or 0))


def read(owner: User, dataset: str, version: int) -> list[dict[str, Any]]:
    """Return all rows of a version."""
    found: list[dict[str, Any]] = owner.call("GET", f"/datasets/{dataset}/data", params={"version": version})
    return found


def newest(owner: User, dataset: str) -> int:
    """Return the number of the newest version."""
    number: int = owner.call("GET", f"/datasets/{dataset}/stats")["version"]
    return number


def test_a_new_index_makes_a_sorted_version(owner: User) -> None:
    """A new index makes one sorted version. Older versions, later rows and dropping the index keep their order."""
    dataset = make_dataset(owner, ROWS)["id"]
    name = owner.call("POST", f"/datasets/{dataset}/indexes", json={"columns": ["place"]})["name"]
    assert read(owner, dataset, 2) == by_place(ROWS)
    owner.call("POST", f"/datasets/{dataset}/indexes", json={"columns": ["place"]})
    owner.call("POST", f"/datasets/{dataset}/indexes", json={"columns": ["place", "id"], "unique": True})
    assert newest(owner, dataset) == 2
    owner.call("POST", f"/datasets/{dataset}/data", json={"rows": MORE})
    owner.call("DELETE", f"/datasets/{dataset}/indexes/{name}")
    assert newest(owner, dataset) == 3
    assert [read(owner, dataset, number) for number in (1, 2, 3)] == [ROWS, by_place(ROWS), by_place(ROWS) + MORE]


def test_an_index_keeps_pending_rows_pending(owner: User) -> None:
    """A new index sorts pending rows with the others, and makes no version of them."""
    dataset = make_dataset(owner, ROWS)["id"]
    owner.call("POST", f"/datasets/{dataset}/data", json={"rows": MORE, "finalize": False})
    owner.call("POST", f"/datasets/{dataset}/indexes", json={"columns": ["place"]})
    assert newest(owner, dataset) == 1
    owner.call("POST", f"/datasets/{dataset}/data", json={"rows": [], "finalize": True})
    assert read(owner, dataset, 2) == by_place(ROWS + MORE)


def test_a_new_dataset_is_sorted_by_its_last_index(owner: User) -> None:
    """The first version of a dataset with several indexes is sorted by the last of them."""
    dataset = make_dataset(owner, ROWS, indexes=[{"columns": ["id"]}, {"columns": ["place"]}])["id"]
    assert read(owner, dataset, 1) == by_place(ROWS)
