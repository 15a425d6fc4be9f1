"""Cosignatures, against `vectors/cosignatures.json`."""

import pytest

from hallmarket.proof.cosignature import cosign, verify_cosignature
from hallmarket.proof.errors import ProofError
from hallmarket.proof.note import COSIGNATURE_ED25519, Signature, SigningKey, VerifierKey


def signature_of(case):
    """Return a case's parsed signature line."""
    return Signature.parse(case["line"].removesuffix("\n"))


@pytest.mark.vectors("cosignatures", "valid")
def test_valid_cosignatures(case):
    """A cosignature by another implementation verifies and has its time."""
    assert verify_cosignature(signature_of(case), VerifierKey.parse(case["key"]), case["body"]) == int(case["time"])


@pytest.mark.vectors("cosignatures", "made")
def test_made_cosignatures(case):
    """Cosigning gives the same bytes everywhere, and they verify."""
    key = SigningKey.parse(case["signing_key"])
    assert cosign(key, case["body"], int(case["time"])) == case["line"]
    assert verify_cosignature(signature_of(case), key.verifier_key, case["body"]) == int(case["time"])


@pytest.mark.vectors("cosignatures", "refused")
def test_refused_cosignatures(case):
    """A cosignature of another body, time or key is refused."""
    with pytest.raises(ProofError):
        verify_cosignature(signature_of(case), VerifierKey.parse(case["key"]), case["body"])


def test_only_witnesses_cosign():
    """A log's plain key cannot cosign."""
    with pytest.raises(ProofError, match="type 0x04"):
        cosign(SigningKey.generate("log.example.org"), "a\n1\nb\n", 1)


@pytest.mark.parametrize("timestamp", [-1, 2**63])
def test_impossible_times(timestamp):
    """A time that the format cannot represent is refused."""
    with pytest.raises(ProofError, match="unix second"):
        cosign(SigningKey.generate("w1.example.net", COSIGNATURE_ED25519), "a\n1\nb\n", timestamp)
