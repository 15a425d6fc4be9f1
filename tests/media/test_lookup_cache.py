"""The memory behind public look-ups: what it answers, what it forgets, and that it is filled at a start."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from anchors import anchored
from faults.embedded import new_embedded_server
from hallmarket.server.identity.types import iso_time
from hallmarket.server.media.lookup_cache import LookupCache
from hallmarket.server.media.types import WirePublicItem, wire_transaction
from outages import database_away
from support import random_hash, wait_until

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
NOW = datetime.now(UTC)


def row(**values: Any) -> dict[str, Any]:
    """A row of `find_anchored`, as good as the database's own."""
    return {
        "hash": os.urandom(64),
        "name": "a.tif",
        "size": 1,
        "created_on": NOW,
        "metadata": "",
        "leaf_hash": os.urandom(32),
        "root_hash": os.urandom(32),
        "number": 7,
        "signature_count": 1,
        "anchored_on": NOW + timedelta(milliseconds=300),
        **values,
    }


@given(
    name=st.none() | TEXT,
    metadata=TEXT,
    size=st.integers(0, 2**63 - 1),
    number=st.integers(0, 2**62),
    signature_count=st.integers(1, 100),
    created_on=TIMES,
    anchored_on=TIMES,
)
def test_answers_are_the_references_to_the_byte(**values: Any) -> None:
    """Whatever an item is called, its answer is what the model of the public item encodes to."""
    item: Any = row(**values)
    cache = LookupCache(1_000_000)
    expected = msgspec.json.encode(
        WirePublicItem(
            hash=item["hash"].hex(),
            name=item["name"],
            size=item["size"],
            thumbnail=None,
            created_on=iso_time(item["created_on"]),
            metadata=item["metadata"],
            transaction=wire_transaction(item),
        )
    )
    assert cache.add(item).body == expected
    found = cache.find(item["hash"].hex())
    assert found is not None
    assert found.body == expected


def test_only_the_very_hash_is_found() -> None:
    """Upper case, a part, more than the hash, or another hash find nothing."""
    cache = LookupCache(1_000_000)
    item: Any = row()
    cache.add(item)
    digest = item["hash"].hex()
    assert cache.find(digest) is not None
    for other in (digest.upper(), digest[:-1], digest + "0", f" {digest}", digest[:-1] + "é", "", random_hash()):
        assert cache.find(other) is None


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    """However many items come, the memory keeps to its bound, and the newest are in it."""
    cache = LookupCache(1_000_000)
    digests = [cache_row["hash"].hex() for cache_row in (row() for _ in range(10_000)) if cache.add(cache_row)]  # type: ignore[arg-type]
    assert 1_000 < len(cache) < 4_000
    assert cache.find(digests[0]) is None
    assert all(cache.find(digest) for digest in digests[-1000:])


def test_filling_up_ends_when_it_is_full() -> None:
    """Whoever adds the newest first, and stops when the memory is full, has lost none of them."""
    cache = LookupCache(1_000_000)
    added: list[str] = []
    while not cache.is_full:
        item: Any = row()
        cache.add(item)
        added.append(item["hash"].hex())
        assert len(added) < 10_000
    assert len(cache) == len(added)
    assert all(cache.find(digest) for digest in added)


def test_same_item_twice_takes_its_room_once() -> None:
    """An item that is found again in the database replaces itself."""
    cache = LookupCache(1_000_000)
    item: Any = row()
    for _ in range(10_000):
        cache.add(item)
    assert len(cache) == 1
    assert not cache.is_full


def test_entity_tag_tells_answers_apart() -> None:
    """Another checkpoint, name or size is another tag; the same item has the same one."""
    cache, item = LookupCache(0), row()
    answers = [cache.add({**item, **change}) for change in ({}, {}, {"number": 8}, {"name": "b"}, {"size": 2})]  # type: ignore[arg-type]
    assert len({answer.headers[0] for answer in answers}) == 4
    assert answers[0].headers == answers[1].headers
    assert len(cache) == 0


def test_server_remembers_from_its_start() -> None:
    """A server started anew has what was anchored before in memory: it answers although the database is away."""
    with new_embedded_server() as server, server.client() as owner:
        item = anchored(owner, name="before.tif")
        server.stop()
        server.start()
        wait_until(lambda: server.log.read_text().count("look-ups remembered") == 2)
        with database_away(server), server.client("") as anybody:
            answer = anybody.get(f"/v1/public/media/{item['hash']}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["name"] == "before.tif"
