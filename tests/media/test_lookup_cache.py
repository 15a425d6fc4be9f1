"""The look-up cache: what it returns, what it evicts, and that a start preloads it."""

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
    """Return a row of `find_anchored`, as the database would."""
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
def test_a_response_is_the_encoded_public_item(**values: Any) -> None:
    """For any item, the rendered response equals the JSON encoding of WirePublicItem, byte for byte."""
    item: Any = row(**values)
    cache = LookupCache(1_000_000, CDN)
    has_thumbnail = item["preview_state"] == "made"
    expected = msgspec.json.encode(
        WirePublicItem(
            hash=item["hash"].hex(),
            name=item["name"],
            size=item["size"],
            thumbnail=f"{CDN}/v1/public/thumbnails/{item['preview_id']}" if has_thumbnail else None,
            created_on=iso_time(item["created_on"]),
            metadata=item["metadata"],
            transaction=wire_transaction(item),
        )
    )
    assert cache.add(item).body == expected
    cached = cache.find(item["hash"].hex())
    assert cached is not None
    assert cached.body == expected


def test_an_item_that_waits_for_its_thumbnail_is_not_cached() -> None:
    """A response that may still change is not cached here, and elsewhere for 5 seconds at most."""
    cache, item = LookupCache(1_000_000, CDN), row(preview_id=uuid4(), preview_state="waiting")
    response = cache.add(item)  # type: ignore[arg-type]
    assert b'"thumbnail":null' in response.body
    assert (b"cache-control", b"public, max-age=5") in response.headers
    assert (len(cache), cache.find(item["hash"].hex())) == (0, None)


def test_only_the_exact_hash_is_found() -> None:
    """The hash in upper case, a part of it, a longer text, and another hash find nothing."""
    cache = LookupCache(1_000_000, CDN)
    item: Any = row()
    cache.add(item)
    digest = item["hash"].hex()
    assert cache.find(digest) is not None
    for other in (digest.upper(), digest[:-1], digest + "0", f" {digest}", digest[:-1] + "é", "", random_hash()):
        assert cache.find(other) is None


def test_a_full_cache_evicts_the_oldest_items() -> None:
    """The cache stays within its size limit and contains the newest items."""
    cache = LookupCache(1_000_000, CDN)
    digests = [cache_row["hash"].hex() for cache_row in (row() for _ in range(10_000)) if cache.add(cache_row)]  # type: ignore[arg-type]
    assert 1_000 < len(cache) < 4_000
    assert cache.find(digests[0]) is None
    assert all(cache.find(digest) for digest in digests[-1000:])


def test_preloading_until_full_evicts_nothing() -> None:
    """Items that are added until the cache is full are all still cached."""
    cache = LookupCache(1_000_000, CDN)
    added: list[str] = []
    while not cache.is_full:
        item: Any = row()
        cache.add(item)
        added.append(item["hash"].hex())
        assert len(added) < 10_000
    assert len(cache) == len(added)
    assert all(cache.find(digest) for digest in added)


def test_an_item_is_cached_once() -> None:
    """Adding a cached item again replaces it and needs no more memory."""
    cache = LookupCache(1_000_000, CDN)
    item: Any = row()
    for _ in range(10_000):
        cache.add(item)
    assert len(cache) == 1
    assert not cache.is_full


def test_different_responses_have_different_entity_tags() -> None:
    """Another checkpoint, name, size or thumbnail changes the tag. The same item has the same tag."""
    cache, item = LookupCache(0, CDN), row()
    thumbnail = {"preview_id": uuid4(), "preview_state": "made"}
    changes: list[Any] = [{}, {}, {"number": 8}, {"name": "b"}, {"size": 2}, thumbnail]
    responses = [cache.add({**item, **change}) for change in changes]  # type: ignore[arg-type]
    assert len({response.headers[0] for response in responses}) == 5
    assert responses[0].headers == responses[1].headers
    assert len(cache) == 0


def test_a_start_preloads_the_cache() -> None:
    """A restarted server finds earlier items in memory: it responses although the database is down."""
    with new_embedded_server() as server, server.client() as owner:
        item = anchor_and_wait(owner, name="before.tif")
        server.stop()
        server.start()
        wait_until(lambda: server.log.read_text().count("look-up cache preloaded") == 2)
        with database_down(server), server.client("") as client:
            response = client.get(f"/v1/public/media/{item['hash']}")
            assert response.status_code == 200, response.text
            assert response.json()["name"] == "before.tif"
