"""The memory behind public look-ups: what it answers, what it forgets, and that it is filled at a start."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from _support.anchoring import anchor_and_wait, random_hash
from _support.outages import database_down
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from hallmarket.server.identity.types import iso_time
from hallmarket.server.media.lookup_cache import LookupCache
from hallmarket.server.media.types import WirePublicItem, wire_transaction

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
NOW = datetime.now(UTC)
CDN = "https://cdn.example.org"


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
        "preview_id": None,
        "preview_state": None,
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
    preview_id=st.uuids(),
    preview_state=st.sampled_from([None, "none", "made"]),
)
def test_answers_are_the_references_to_the_byte(**values: Any) -> None:
    """Whatever an item is called, its answer is what the model of the public item encodes to."""
    item: Any = row(**values)
    cache = LookupCache(1_000_000, CDN)
    made = item["preview_state"] == "made"
    expected = msgspec.json.encode(
        WirePublicItem(
            hash=item["hash"].hex(),
            name=item["name"],
            size=item["size"],
            thumbnail=f"{CDN}/v1/public/thumbnails/{item['preview_id']}" if made else None,
            created_on=iso_time(item["created_on"]),
            metadata=item["metadata"],
            transaction=wire_transaction(item),
        )
    )
    assert cache.add(item).body == expected
    found = cache.find(item["hash"].hex())
    assert found is not None
    assert found.body == expected


def test_what_waits_for_its_thumbnail_is_not_remembered() -> None:
    """An answer that may still change is kept neither here nor, for long, elsewhere."""
    cache, item = LookupCache(1_000_000, CDN), row(preview_id=uuid4(), preview_state="waiting")
    answer = cache.add(item)  # type: ignore[arg-type]
    assert b'"thumbnail":null' in answer.body
    assert (b"cache-control", b"public, max-age=5") in answer.headers
    assert (len(cache), cache.find(item["hash"].hex())) == (0, None)


def test_only_the_very_hash_is_found() -> None:
    """Upper case, a part, more than the hash, or another hash find nothing."""
    cache = LookupCache(1_000_000, CDN)
    item: Any = row()
    cache.add(item)
    digest = item["hash"].hex()
    assert cache.find(digest) is not None
    for other in (digest.upper(), digest[:-1], digest + "0", f" {digest}", digest[:-1] + "é", "", random_hash()):
        assert cache.find(other) is None


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    """However many items come, the memory keeps to its bound, and the newest are in it."""
    cache = LookupCache(1_000_000, CDN)
    digests = [cache_row["hash"].hex() for cache_row in (row() for _ in range(10_000)) if cache.add(cache_row)]  # type: ignore[arg-type]
    assert 1_000 < len(cache) < 4_000
    assert cache.find(digests[0]) is None
    assert all(cache.find(digest) for digest in digests[-1000:])


def test_filling_up_ends_when_it_is_full() -> None:
    """Whoever adds the newest first, and stops when the memory is full, has lost none of them."""
    cache = LookupCache(1_000_000, CDN)
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
    cache = LookupCache(1_000_000, CDN)
    item: Any = row()
    for _ in range(10_000):
        cache.add(item)
    assert len(cache) == 1
    assert not cache.is_full


def test_entity_tag_tells_answers_apart() -> None:
    """Another checkpoint, name, size or thumbnail is another tag; the same item has the same one."""
    cache, item = LookupCache(0, CDN), row()
    thumbnail = {"preview_id": uuid4(), "preview_state": "made"}
    changes: list[Any] = [{}, {}, {"number": 8}, {"name": "b"}, {"size": 2}, thumbnail]
    answers = [cache.add({**item, **change}) for change in changes]  # type: ignore[arg-type]
    assert len({answer.headers[0] for answer in answers}) == 5
    assert answers[0].headers == answers[1].headers
    assert len(cache) == 0


def test_server_remembers_from_its_start() -> None:
    """A server started anew has what was anchored before in memory: it answers although the database is away."""
    with new_embedded_server() as server, server.client() as owner:
        item = anchor_and_wait(owner, name="before.tif")
        server.stop()
        server.start()
        wait_until(lambda: server.log.read_text().count("look-up cache preloaded") == 2)
        with database_down(server), server.client("") as anybody:
            answer = anybody.get(f"/v1/public/media/{item['hash']}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["name"] == "before.tif"
