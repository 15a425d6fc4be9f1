"""Proof files and proof bundles, against `vectors/proof_files.json` and `vectors/bundles.json`."""

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest

from hallmarket.proof.bundle import Bundle, ProofFile, verify_bundle
from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint
from hallmarket.proof.entry import Claims, decode_entry
from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import leaf_hash, verify_inclusion
from hallmarket.proof.note import VerifierKey

BUNDLES = json.loads((Path(__file__).parents[2] / "vectors" / "bundles.json").read_text(encoding="utf-8"))["valid"]


@pytest.mark.vectors("proof_files", "valid")
def test_proof_files(case):
    """A proof file is parsed into its fields, is written unchanged, and proves its entry."""
    proof = ProofFile.parse(case["proof"])
    assert (proof.index, proof.note) == (case["index"], case["note"])
    assert list(proof.hashes) == [b64decode(one) for one in case["hashes_base64"]]
    assert proof.extra == (None if case["extra_base64"] is None else b64decode(case["extra_base64"]))
    assert proof.text() == case["proof"]
    checkpoint = open_checkpoint(proof.note, VerifierKey.parse(case["key"]))
    leaf = leaf_hash(case["entry"].encode())
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)


@pytest.mark.vectors("proof_files", "refused")
def test_refused_proof_files(case):
    """A malformed proof file is refused."""
    with pytest.raises(ProofError):
        ProofFile.parse(case["proof"])


def test_longest_proof():
    """A proof of 63 hashes, the maximum for any log, is parsed and written unchanged."""
    longest = ProofFile(2**63 - 1, (bytes(32),) * 63, ProofFile.parse(Bundle.parse(BUNDLES[0]["bundle"]).proof).note)
    assert ProofFile.parse(longest.text()) == longest


@pytest.mark.vectors("bundles", "valid")
def test_bundles(case):
    """A bundle proves its entry under its log's key, for the file it is about."""
    bundle = Bundle.parse(case["bundle"])
    proved = verify_bundle(bundle, VerifierKey.parse(case["key"]), case["sha3_512"], case["size_bytes"])
    assert proved.entry == decode_entry(case["entry"].encode())
    assert proved.claims == msgspec.convert(case["claims"], Claims | None)
    assert proved.checkpoint == Checkpoint(case["origin"], int(case["size"]), b64decode(case["root_base64"]))
    assert (proved.index, proved.note) == (case["index"], ProofFile.parse(bundle.proof).note)
    assert Bundle.parse(bundle.encode()) == bundle
    assert (bundle.encode().decode() == case["bundle"]) is case["canonical"]


@pytest.mark.vectors("bundles", "refused")
def test_refused_bundles(case):
    """A bundle that is malformed, modified, or about another file is refused with a sentence."""
    key = VerifierKey.parse(case["key"])
    with pytest.raises(ProofError) as refusal:
        verify_bundle(Bundle.parse(case["bundle"]), key, case.get("sha3_512"), case.get("size_bytes"))
    assert str(refusal.value).endswith(".")


# The other two carry a stranger's cosignature and unknown fields, which the proof does not cover.
@pytest.mark.parametrize("case", BUNDLES[:2], ids=[case["case"] for case in BUNDLES[:2]])
def test_every_flipped_bit_of_a_bundle(case):
    """With any one bit flipped, a bundle is refused, or has the same content as before."""
    key, good = VerifierKey.parse(case["key"]), Bundle.parse(case["bundle"])
    data = bytearray(case["bundle"].encode())
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        try:
            flipped = Bundle.parse(bytes(data))
            verify_bundle(flipped, key)
        except ProofError:
            pass
        else:
            assert flipped == good, f"bit {bit} flipped unnoticed"
        data[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("text", ["[" * 10_000, '{"a":' * 10_000, '{"v":1,"x":' + "[" * 10_000])
def test_nested_brackets(text):
    """Thousands of nested brackets are refused, even in an ignored field."""
    with pytest.raises(ProofError):
        Bundle.parse(text)


def test_invalid_utf8():
    """A bundle that is not UTF-8 is refused."""
    with pytest.raises(ProofError, match="not UTF-8"):
        Bundle.parse(b'{"v":1,"x":"\xff"}')
