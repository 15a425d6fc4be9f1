"""Dataset versions: manifests, entries and bundles, against `vectors/dataset_versions.json`."""

from base64 import b64decode
from hashlib import sha3_512

import msgspec
import pytest

from hallmarket.proof.bundle import Bundle, verify_bundle
from hallmarket.proof.checkpoint import Checkpoint
from hallmarket.proof.entry import (
    DATASET_VERSION,
    DatasetVersionClaims,
    DatasetVersionEntry,
    canonical_claims,
    commit,
    decode_entry,
)
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.manifest import Manifest
from hallmarket.proof.merkle import leaf_hash


@pytest.mark.vectors("dataset_versions", "manifests")
def test_manifests(case):
    """A manifest is encoded to these bytes, with this fingerprint and size, and parsed back."""
    manifest, data = msgspec.convert(case["fields"], Manifest), case["manifest"].encode()
    assert manifest.encode() == data
    assert Manifest.parse(data) == manifest
    assert (sha3_512(data).hexdigest(), len(data)) == (case["sha3_512"], case["size"])


@pytest.mark.vectors("dataset_versions", "refused_manifests")
def test_refused_manifests(case):
    """A manifest that is not canonical, or whose numbers of rows contradict each other, is refused."""
    data = bytes.fromhex(case["manifest_hex"]) if "manifest_hex" in case else case["manifest"].encode()
    with pytest.raises(ProofError):
        Manifest.parse(data)


@pytest.mark.vectors("dataset_versions", "entries")
def test_entries(case):
    """A version's claims have one canonical form and one commitment; its entry has these bytes and this leaf."""
    claims = msgspec.convert(case["claims"], DatasetVersionClaims)
    assert canonical_claims(claims).decode() == case["canonical"]
    assert commit(bytes.fromhex(case["salt_hex"]), claims) == case["commitment"]
    entry = DatasetVersionEntry(case["commitment"], case["id"], case["sha3_512"], int(case["size"]))
    assert entry.encode().decode() == case["entry"]
    assert decode_entry(case["entry"].encode()) == entry
    assert leaf_hash(entry.encode()).hex() == case["leaf_hex"]


def verify(case):
    """Return what a case's bundle proves about its manifest."""
    data, key = case["manifest"].encode(), VerifierKey.parse(case["key"])
    bundle = Bundle.parse(case["bundle"])
    return verify_bundle(bundle, key, sha3_512(data).hexdigest(), len(data), DATASET_VERSION)


@pytest.mark.vectors("dataset_versions", "bundles")
def test_bundles(case):
    """A version's bundle proves its entry for its manifest, and is written unchanged."""
    proved = verify(case)
    assert proved.entry == decode_entry(case["entry"].encode())
    assert proved.claims == msgspec.convert(case["claims"], DatasetVersionClaims | None)
    assert proved.checkpoint == Checkpoint(case["origin"], int(case["size"]), b64decode(case["root_base64"]))
    assert proved.index == case["index"]
    assert Bundle.parse(case["bundle"]).encode().decode() == case["bundle"]


@pytest.mark.vectors("dataset_versions", "refused_bundles")
def test_refused_bundles(case):
    """A bundle that contradicts its entry, or is of another kind, is refused with a sentence."""
    with pytest.raises(ProofError) as refusal:
        verify(case)
    assert str(refusal.value).endswith(".")


@pytest.mark.vectors("dataset_versions", "bundles")
def test_a_version_is_not_a_media_item(case):
    """The proof of a version is refused as the proof of a media item."""
    with pytest.raises(ProofError, match="not a media item"):
        verify_bundle(Bundle.parse(case["bundle"]), VerifierKey.parse(case["key"]))
