"""Licences: who sees them, what they contain, that their proofs verify, and that the log discloses nothing."""

from hashlib import sha3_512
from uuid import uuid4

import msgspec
import pytest

from _support.datasets import make_dataset
from _support.organizations import Organization, User
from _support.purchases import FOR_SALE, buy, make_for_sale, wait_for_proof
from _support.servers import Server
from hallmarket.proof.bundle import Bundle, verify_bundle
from hallmarket.proof.checkpoint import open_checkpoint
from hallmarket.proof.entry import LICENCE, LicenceClaims, LicenceEntry, decode_entry
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.tile import BundlePath, decode_bundle

CONTENT = b"low,high\n1,2\n"


def key_of(server: Server) -> VerifierKey:
    """Return the log's verifier key."""
    with server.client("") as client:
        return VerifierKey.parse(client.get("/log/key").text.strip())


def test_the_licence_of_a_file_is_proved(server: Server, seller: User, buyer: User) -> None:
    """A licence records the bytes, the seller, the price and the terms of a purchase, and its proof verifies them."""
    asset = make_for_sale(seller, CONTENT, "tide.csv", license_id="CC-BY-4.0")
    licence = buyer.call("GET", f"/licences/{buy(server, buyer, asset)}")
    assert licence["asset"] == {"id": asset, "type": "file", "name": "tide.csv"}
    assert (licence["buyer"]["user_id"], licence["seller"]["user_id"]) == (buyer.id, seller.id)
    assert licence["price"] == {"amount": 1200, "currency": "usd", "text": "$12.00"}
    assert (licence["sha3_512"], licence["size"]) == (sha3_512(CONTENT).hexdigest(), len(CONTENT))
    assert (licence["version"], licence["refunded"], licence["ended_at"]) == (None, 0, None)
    bundle = Bundle.parse(wait_for_proof(buyer, licence["id"]))
    verified = verify_bundle(bundle, key_of(server), licence["sha3_512"], licence["size"], LICENCE)
    claims = verified.claims
    assert isinstance(claims, LicenceClaims)
    fields = (claims.asset, claims.assetName, claims.buyer, claims.seller, claims.license, claims.organization)
    assert fields == (asset, "tide.csv", buyer.id, seller.id, "CC-BY-4.0", None)
    assert msgspec.to_builtins(claims.price) == {"amount": 1200, "currency": "usd"}
    assert isinstance(verified.entry, LicenceEntry)
    assert verified.entry.id == licence["id"]
    anchored = buyer.call("GET", f"/licences/{licence['id']}")
    assert (anchored["status"], anchored["leaf_index"]) == (3, verified.index)
    assert anchored["anchored_at"] >= anchored["created_at"]


def test_the_licence_of_a_dataset_names_its_version(server: Server, seller: User, buyer: User) -> None:
    """A dataset's licence names the version that was bought, with its manifest's fingerprint, also after later ones."""
    dataset = make_dataset(seller, **FOR_SALE)["id"]
    licence = buy(server, buyer, dataset)
    seller.call("POST", f"/datasets/{dataset}/data", json={"rows": [{"id": 3}], "mode": "append"})
    (version,) = [each for each in seller.call("GET", f"/datasets/{dataset}/versions") if each["number"] == 1]
    fields = buyer.call("GET", f"/licences/{licence}")
    assert (fields["version"], fields["sha3_512"]) == (1, version["sha3_512"])
    manifest = buyer.client.get(f"/datasets/{dataset}/versions/1/manifest").content
    bundle = Bundle.parse(wait_for_proof(buyer, licence))
    fingerprint = sha3_512(manifest).hexdigest(), len(manifest)
    claims = verify_bundle(bundle, key_of(server), *fingerprint, LICENCE).claims
    assert isinstance(claims, LicenceClaims)
    assert (claims.asset, claims.assetType, claims.version) == (dataset, "dataset", 1)


def test_the_licence_of_a_post_is_proved(server: Server, seller: User, buyer: User) -> None:
    """A post's licence, here paid in satoshis, has its markdown's fingerprint, also after the post is changed."""
    text = "# Söderfors\n\nDeep.\n"
    post = {"name": "The harbour", "price_sats": 2000, **FOR_SALE}
    asset = seller.call("POST", "/posts/create", json={"post": post, "content": text})["id"]
    licence = buyer.call("GET", f"/licences/{buy(server, buyer, asset, 'btc')}")
    fingerprint = sha3_512(text.encode()).hexdigest(), len(text.encode())
    assert (licence["sha3_512"], licence["size"], licence["price"]["text"]) == (*fingerprint, "2,000 sats")
    seller.call("PUT", f"/posts/{asset}", json={"content": "Shallow."})
    verified = verify_bundle(Bundle.parse(wait_for_proof(buyer, licence["id"])), key_of(server), *fingerprint, LICENCE)
    assert isinstance(verified.claims, LicenceClaims)
    assert (verified.claims.assetName, verified.claims.price.currency) == ("The harbour", "btc")


def test_the_log_contains_no_personal_data(server: Server, seller: User, buyer: User) -> None:
    """The log's entry of a purchase is an id and a commitment. It contains no buyer, seller, asset or price."""
    asset = make_for_sale(seller, CONTENT, f"{uuid4()}.csv")
    bundle = Bundle.parse(wait_for_proof(buyer, buy(server, buyer, asset)))
    key = key_of(server)
    index = verify_bundle(bundle, key, kind=LICENCE).index
    with server.client("") as client:
        size = open_checkpoint(client.get("/log/checkpoint").content, key).size
        path = BundlePath(index // 256, min(256, size - index // 256 * 256))
        public = client.get(f"/log/{path.path}").content
    entry = decode_bundle(public)[index % 256]
    assert msgspec.json.decode(entry).keys() == {"claims", "id", "kind", "v"}
    assert isinstance(decode_entry(entry), LicenceEntry)
    for hidden in (buyer.id, buyer.member.username, seller.id, seller.member.username, asset, ".csv", "usd"):
        assert hidden.encode() not in entry
        assert len(hidden) < 8 or hidden.encode() not in public


def test_only_buyer_and_seller_see_a_licence(server: Server, org: Organization, seller: User) -> None:
    """Buyer and seller see a licence with any of their keys, only the seller sees the fee; for others it is 404."""
    buyer = org.new_outsider()
    licence = buy(server, buyer, make_for_sale(seller))
    wait_for_proof(buyer, licence)
    for person, fee in ((buyer, None), (org.with_unbound_key(buyer), None), (seller, 0), (org.admin, 0)):
        assert person.call("GET", f"/licences/{licence}")["fee"] == fee
        assert licence in [each["id"] for each in person.call("GET", "/licences")]
        response = person.client.get(f"/licences/{licence}/proof")
        assert response.headers["content-disposition"] == 'attachment; filename="licence.json"'
    for person in (org.new_user(), org.new_outsider()):
        for path in (f"/licences/{licence}", f"/licences/{licence}/proof"):
            assert person.client.get(path).status_code == 404
        assert person.call("GET", "/licences") == []


def test_lists_are_filtered_and_paged(server: Server, org: Organization) -> None:
    """A list is newest first, can be filtered by role, asset and active licences, and its pages have no gap."""
    trader, other = org.with_unbound_key(org.new_outsider()), org.with_unbound_key(org.new_outsider())
    theirs, ours = [make_for_sale(other) for _ in range(3)], make_for_sale(trader)
    bought = [buy(server, trader, asset) for asset in theirs]
    sold = buy(server, other, ours)
    other.call("POST", f"/licences/{bought[0]}/refund", json={})

    def ids(query: str) -> list[str]:
        return [licence["id"] for licence in trader.call("GET", f"/licences?{query}")]

    assert ids("") == [sold, *bought[::-1]]
    assert ids("role=buyer") == bought[::-1]
    assert ids("role=seller") == [sold]
    assert ids(f"asset_id={theirs[1]}") == [bought[1]]
    assert ids("active=true") == [sold, bought[2], bought[1]]
    assert ids("active=false&role=buyer") == [bought[0]]
    assert ids("active=false&role=seller") == []
    assert [ids(f"limit=1&offset={at}") for at in range(5)] == [[sold], *([each] for each in bought[::-1]), []]
    assert trader.client.get("/licences?limit=3").json()["pagination"]["hasMore"] is True
    ended = trader.call("GET", f"/licences/{bought[0]}")
    assert ended["refunded"] == ended["price"]["amount"]
    assert ended["ended_at"] is not None


@pytest.mark.parametrize("query", ["role=owner", "active=yes", "asset_id=x", "limit=0", "offset=-1"])
def test_an_invalid_filter_is_400(buyer: User, query: str) -> None:
    """A filter with an invalid value is 400."""
    assert buyer.client.get(f"/licences?{query}").status_code == 400


def test_an_unknown_licence_is_404(buyer: User) -> None:
    """An invalid id is 400, an unknown id is 404."""
    for path in ("/licences/x", "/licences/x/proof"):
        assert buyer.client.get(path).status_code == 400
    for path in (f"/licences/{uuid4()}", f"/licences/{uuid4()}/proof"):
        assert buyer.client.get(path).status_code == 404
