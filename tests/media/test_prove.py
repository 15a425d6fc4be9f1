"""`GET /v1/public/media/{mediaHash}/proof`: proofs with which anchored files are verified offline."""

import base64
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from _support.anchoring import (
    FAILED,
    anchor_and_wait,
    post_batch,
    random_hash,
    read_batch_results,
    set_status,
    to_ndjson,
)
from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.proof.bundle import Bundle, ProofFile, verify_bundle
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey

PUBLIC = "/v1/public/media/"


@pytest.fixture(scope="module")
def log_key(server: Server) -> VerifierKey:
    """The log's verifier key, from its public URL."""
    with server.client("") as client:
        return VerifierKey.parse(client.get("/log/key").text.strip())


def get_proof(api: httpx.Client, digest: str, **headers: str) -> httpx.Response:
    """Request a proof."""
    return api.get(f"{PUBLIC}{digest}/proof", headers=headers)


def test_a_bundle_verifies(server: Server, member: Member, api: httpx.Client, log_key: VerifierKey) -> None:
    """A bundle proves hash, size, claims and position in the log, with the log's verifier key alone."""
    item = anchor_and_wait(api, name="Größe.tif", metadata='{"a": "ü"}', size=2**63 - 1)
    with server.client("") as client:
        response = get_proof(client, item["hash"])
    assert response.headers["content-type"] == "application/json"
    verified = verify_bundle(Bundle.parse(response.content), log_key, item["hash"], 2**63 - 1)
    assert verified.entry.id == item["id"]
    assert verified.claims is not None
    claims = verified.claims
    assert (claims.name, claims.metadata, claims.createdOn) == ("Größe.tif", '{"a": "ü"}', item["createdOn"])
    assert (claims.creator, claims.organization) == (member.person, member.organization)
    assert "0x" + verified.checkpoint.root.hex() == item["transaction"]["blockId"]


def test_a_bundle_has_the_documented_fields(api: httpx.Client) -> None:
    """A bundle is version 1: entry and salt in base64, claims, the proof file as text, and no timestamps yet."""
    bundle = get_proof(api, anchor_and_wait(api)["hash"]).json()
    assert list(bundle) == ["v", "entry", "claims", "salt", "proof", "timestamps"]
    assert (bundle["v"], bundle["timestamps"]) == (1, [])
    assert len(base64.b64decode(bundle["salt"], validate=True)) == 32
    assert base64.b64decode(bundle["entry"], validate=True).startswith(b'{"claims":"')
    assert bundle["proof"].startswith("c2sp.org/tlog-proof@v1\nindex ")


def test_a_bundle_proves_only_its_own_file(api: httpx.Client, log_key: VerifierKey) -> None:
    """A bundle does not verify with another hash or size."""
    item = anchor_and_wait(api)
    bundle = Bundle.parse(get_proof(api, item["hash"]).content)
    for digest, size in ((random_hash(), 12), (item["hash"], 13)):
        with pytest.raises(ProofError):
            verify_bundle(bundle, log_key, digest, size)


def test_plain_text_is_the_proof_file(api: httpx.Client) -> None:
    """`Accept: text/plain` returns the .tlog-proof file, which is the one in the bundle."""
    digest = anchor_and_wait(api)["hash"]
    response = get_proof(api, digest, accept="text/plain")
    assert response.headers["content-type"].split(";")[0] == "text/plain"
    assert ProofFile.parse(response.content).text() == response.text
    assert response.text == get_proof(api, digest).json()["proof"]
    for accept in ("*/*", "application/json", "application/json, text/plain", "text/html, */*;q=0.1"):
        assert get_proof(api, digest, accept=accept).headers["content-type"] == "application/json"


def test_a_proof_can_be_cached(api: httpx.Client) -> None:
    """A proof never changes, so caches can store bundle and text separately, for pages of any origin."""
    response = get_proof(api, anchor_and_wait(api)["hash"])
    assert "public" in response.headers["cache-control"]
    assert response.headers["vary"] == "accept"
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_file_outside_the_log_has_no_proof(server: Server, api: httpx.Client) -> None:
    """The proof of an unknown hash and of a failed item is 404."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    for digest in (random_hash(), item["hash"]):
        assert_media_error(get_proof(api, digest), 404, "NOT_FOUND")


def test_every_item_of_a_large_batch_has_a_proof(api: httpx.Client, log_key: VerifierKey) -> None:
    """Each item of a batch that fills several tiles has a valid proof, including the first and last of each tile."""
    items = [{"hash": random_hash(), "size": number} for number in range(700)]
    read_batch_results(post_batch(api, to_ndjson(*items)))
    last = str(items[-1]["hash"])
    wait_until(lambda: api.get(PUBLIC + last).status_code == 200)
    with ThreadPoolExecutor(4) as pool:
        bundles = list(pool.map(lambda item: get_proof(api, str(item["hash"])).content, items))
    indexes = []
    for item, bundle in zip(items, bundles, strict=True):
        verified = verify_bundle(Bundle.parse(bundle), log_key, str(item["hash"]), int(str(item["size"])))
        indexes.append(verified.index)
    assert indexes == list(range(indexes[0], indexes[0] + 700))
