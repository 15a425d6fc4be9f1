"""Licences: claims, entries and bundles, against `vectors/licences.json`, and for any claims."""

import json
from base64 import b64decode

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from _support.small_log import SmallLog
from hallmarket.proof.bundle import Bundle, verify_bundle
from hallmarket.proof.checkpoint import Checkpoint
from hallmarket.proof.entry import (
    LICENCE,
    LicenceClaims,
    LicenceEntry,
    LicencePrice,
    canonical_claims,
    commit,
    decode_entry,
)
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.merkle import leaf_hash

texts, maybe_texts = st.text(), st.none() | st.text()
prices = st.builds(LicencePrice, st.integers(1, 10**15), st.sampled_from(["usd", "btc"]))
sizes = st.none() | st.integers(0, 2**53 - 1)  # past that RFC 8785 alone would round
claims_of = st.builds(
    LicenceClaims,
    *(texts, maybe_texts, texts, texts, texts, maybe_texts, maybe_texts, maybe_texts, prices, texts, maybe_texts),
    *(sizes, sizes),
)


@pytest.mark.vectors("licences", "entries")
def test_entries(case):
    """A licence's claims have one canonical form and one commitment; its entry has these bytes and this leaf."""
    claims = msgspec.convert(case["claims"], LicenceClaims)
    assert canonical_claims(claims).decode() == case["canonical"]
    assert commit(bytes.fromhex(case["salt_hex"]), claims) == case["commitment"]
    entry = LicenceEntry(case["commitment"], case["id"])
    assert entry.encode().decode() == case["entry"]
    assert decode_entry(case["entry"].encode()) == entry
    assert leaf_hash(entry.encode()).hex() == case["leaf_hex"]


@pytest.mark.vectors("licences", "refused_entries")
def test_refused_entries(case):
    """A licence's entry that is not canonical is refused."""
    with pytest.raises(ProofError):
        decode_entry(case["entry"].encode())


def verify(case):
    """Return what a case's bundle proves, about its file if there is one."""
    file = case["file"] or {"sha3_512": None, "size": None}
    bundle, key = Bundle.parse(case["bundle"]), VerifierKey.parse(case["key"])
    return verify_bundle(bundle, key, file["sha3_512"], file["size"], LICENCE)


@pytest.mark.vectors("licences", "bundles")
def test_bundles(case):
    """A licence's bundle proves its entry and the purchase, and is written unchanged."""
    proved = verify(case)
    assert proved.entry == decode_entry(case["entry"].encode())
    assert proved.claims == msgspec.convert(case["claims"], LicenceClaims | None)
    assert proved.checkpoint == Checkpoint(case["origin"], int(case["log_size"]), b64decode(case["root_base64"]))
    assert proved.index == case["index"]
    assert Bundle.parse(case["bundle"]).encode().decode() == case["bundle"]


@pytest.mark.vectors("licences", "refused_bundles")
def test_refused_bundles(case):
    """A bundle that contradicts its entry, or is about another file, is refused with a sentence."""
    with pytest.raises(ProofError) as refusal:
        verify(case)
    assert str(refusal.value).endswith(".")


@pytest.mark.vectors("licences", "bundles")
def test_a_licence_is_not_a_media_item(case):
    """The proof of a licence is refused as the proof of a media item."""
    with pytest.raises(ProofError, match="not a media item"):
        verify_bundle(Bundle.parse(case["bundle"]), VerifierKey.parse(case["key"]))


@given(claims_of, st.binary(min_size=32, max_size=32))
def test_any_purchase_is_proved(claims, salt):
    """Claims with any texts are canonical JSON by RFC 8785, and are parsed back with their bundle."""
    data = canonical_claims(claims)
    assert data == rfc8785.dumps(json.loads(data))
    log = SmallLog()
    log.enter(LicenceEntry(commit(salt, claims), "ffffffff-ffff-4fff-bfff-ffffffffffff"), claims, salt)
    bundle = Bundle.parse(log.bundle(0).encode())
    proved = verify_bundle(bundle, VerifierKey.parse(log.vkey), claims.sha3_512, kind=LICENCE)
    assert (proved.claims, bundle.salt) == (claims, salt)
    # Nothing of what was bought is in what the log shows to everybody.
    assert msgspec.json.decode(log.entries[0]).keys() == {"claims", "id", "kind", "v"}


@given(claims_of, claims_of)
def test_a_commitment_is_to_one_purchase(one, other):
    """Two purchases that differ in any claim have different commitments with the same salt."""
    assert (commit(bytes(32), one) == commit(bytes(32), other)) == (one == other)
