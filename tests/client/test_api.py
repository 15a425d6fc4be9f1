"""The client `Hallmarket` against a real server: one method per endpoint."""

import hashlib
import os
import uuid

import pytest

from _support.anchoring import random_hash
from _support.waiting import wait_until
from hallmarket.client import ANCHORED, AnchorRequest, Hallmarket, HallmarketError, ServerUnreachable
from hallmarket.proof.bundle import verify_bundle
from hallmarket.proof.checkpoint import open_checkpoint
from hallmarket.proof.key import VerifierKey


@pytest.fixture
def ours(server, member):
    """A client with the key of a new organization."""
    with Hallmarket(server.url, member.key, retry_s=5) as ours:
        yield ours


@pytest.fixture
def anyone(server):
    """A client without a key."""
    with Hallmarket(server.url, retry_s=5) as anyone:
        yield anyone


def in_log(ours, media_id):
    """Return the item once it is in the log."""
    return wait_until(lambda: (item := ours.media_item(media_id)).status == ANCHORED and item)


def test_anchor_look_up_and_prove(ours, anyone):
    """What one organization anchors, anyone can look up by its hash and prove with the log's public key."""
    data = os.urandom(100)
    sha3_512 = hashlib.sha3_512(data).hexdigest()
    assert anyone.find_lookup(sha3_512) is None
    assert anyone.find_proof(sha3_512) is None
    anchored = ours.anchor(AnchorRequest(sha3_512, len(data), "scan_1944.tif", '{"box": 12}'))
    assert not anchored.known
    item = in_log(ours, anchored.id)
    public = anyone.lookup(sha3_512)
    assert (public.name, public.metadata, public.size) == ("scan_1944.tif", '{"box": 12}', 100)
    assert public.transaction == item.transaction
    key = VerifierKey.parse(anyone.log_key())
    verified = verify_bundle(anyone.proof(sha3_512), key, sha3_512, 100)
    assert verified.entry.id == anchored.id
    checkpoint = open_checkpoint(anyone.checkpoint(), key)
    assert checkpoint.size >= verified.checkpoint.size
    assert len(anyone.tile("tile/0/000" if checkpoint.size >= 256 else f"tile/0/000.p/{checkpoint.size}")) % 32 == 0


def test_the_unknown_raises_not_found(ours, anyone):
    """`lookup`, `proof` and `media_item` raise NOT_FOUND with the request's id."""
    for call in (anyone.lookup, anyone.proof):
        with pytest.raises(HallmarketError) as error:
            call(random_hash())
        assert (error.value.code, error.value.status) == ("NOT_FOUND", 404)
        assert error.value.request_id
    with pytest.raises(HallmarketError, match="NOT_FOUND"):
        ours.media_item(str(uuid.uuid4()))


def test_anchoring_again_is_known(ours):
    """Anchoring a hash again returns `known` and the same id, so a request can be repeated."""
    request = AnchorRequest(random_hash(), 5)
    first = ours.anchor(request)
    assert ours.anchor(request) == type(first)(first.id, known=True)


def test_a_given_id_belongs_to_one_hash(ours):
    """An item keeps the id that was given, and another hash with this id is refused."""
    request = AnchorRequest(random_hash(), 5, id=str(uuid.uuid4()))
    assert ours.anchor(request).id == request.id
    assert ours.anchor(request).known
    with pytest.raises(HallmarketError, match="DUPLICATE"):
        ours.anchor(AnchorRequest(random_hash(), 5, id=request.id))


def test_a_hash_of_another_organization_is_a_duplicate(ours, server):
    """A hash that another organization registered raises DUPLICATE without details."""
    request = AnchorRequest(random_hash(), 5)
    with Hallmarket(server.url, server.api_key) as others:
        others.anchor(request)
    with pytest.raises(HallmarketError) as error:
        ours.anchor(request)
    assert (error.value.code, error.value.details) == ("DUPLICATE", None)


def test_an_idempotency_key_gives_the_first_result_again(ours):
    """The same key and body give the same id; the same key with another body is refused."""
    request = AnchorRequest(random_hash(), 5)
    key = str(uuid.uuid4())
    assert ours.anchor(request, key) == ours.anchor(request, key)
    with pytest.raises(HallmarketError, match="IDEMPOTENCY_MISMATCH"):
        ours.anchor(AnchorRequest(random_hash(), 5), key)


def test_an_error_has_the_servers_fields(ours):
    """An error has the code, message and details that the server sent."""
    with pytest.raises(HallmarketError) as error:
        ours.anchor(AnchorRequest("ABC", 5))
    assert (error.value.code, error.value.status) == ("INVALID_HASH", 400)
    assert "128" in error.value.message


def test_pages_and_cursors(ours):
    """`media` pages and filters; `iterate_media` yields every item once, newest first."""
    ids = [ours.anchor(AnchorRequest(random_hash(), 5, f"Photo {number}.jpg")).id for number in range(7)]
    page = ours.media(page=2, limit=3)
    assert (page.total, page.page, page.limit, len(page.items)) == (7, 2, 3, 3)
    assert [item.id for item in ours.iterate_media(limit=3)] == ids[::-1]
    assert [item.name for item in ours.iterate_media(name="photo 3")] == ["Photo 3.jpg"]
    assert ours.media(status=4).items == []
    moment = ours.media_item(ids[3]).created_on
    earlier = {item.id for item in ours.iterate_media(created_to=moment)}
    later = {item.id for item in ours.iterate_media(created_from=moment)}
    assert (earlier & later, earlier | later) == (set(), set(ids))


def test_users(ours, member):
    """`users` lists the organization's members."""
    page = ours.users(limit=5)
    assert [user.id for user in page.items] == [member.person]
    assert page.items[0].organization.id == member.organization


def test_a_batch_answers_every_line_in_order(ours, server):
    """A batch of several requests gives each line its result: new, known, another organization's, malformed."""
    taken = AnchorRequest(random_hash(), 5)
    with Hallmarket(server.url, server.api_key) as others:
        others.anchor(taken)
    requests = [AnchorRequest(random_hash(), number, f"é {number}") for number in range(4500)]
    requests[7:7] = [requests[3], taken, AnchorRequest("nonsense", 5)]
    results = list(ours.anchor_batch(iter(requests)))
    assert [result.index for result in results] == list(range(4503))
    assert [result.status for result in results[5:11]] == [201, 201, 409, 409, 400, 201]
    assert results[7].own_id == results[3].id
    assert results[8].own_id is None
    assert results[9].code == "INVALID_HASH"
    assert sum(result.status == 201 for result in results) == 4500
    again = list(ours.anchor_batch(requests))
    assert [result.own_id for result in again] == [result.own_id for result in results]
    assert list(ours.anchor_batch([])) == []


def test_a_rejected_key(server):
    """An unknown key raises UNAUTHENTICATED, in a batch as in a single request."""
    with Hallmarket(server.url, "hm_wrong") as client:
        for call in (client.users, lambda: list(client.anchor_batch([AnchorRequest(random_hash(), 5)]))):
            with pytest.raises(HallmarketError, match="UNAUTHENTICATED"):
                call()


def test_readiness(anyone):
    """`ready` returns version, log and last checkpoint."""
    readiness = anyone.ready()
    assert (readiness.status, readiness.database) == ("ready", "ok")
    assert readiness.log.checkpoint.size == readiness.log.size


def test_no_server():
    """An address without a server raises one error that names it."""
    with (
        Hallmarket("http://127.0.0.1:9", retry_s=0) as client,
        pytest.raises(ServerUnreachable, match=r"http://127\.0\.0\.1:9: connection refused"),
    ):
        client.ready()
