"""Keys as text, against `vectors/keys.json`."""

from base64 import b64decode

import pytest

from hallmarket.proof.errors import ProofError
from hallmarket.proof.note import COSIGNATURE_ED25519, ED25519, SigningKey, VerifierKey


@pytest.mark.vectors("keys", "verifier_keys")
def test_verifier_keys(case):
    """A verifier key is parsed into its fields and written unchanged."""
    key = VerifierKey.parse(case["text"])
    assert (key.name, key.key_id.hex(), key.kind) == (case["name"], case["key_id_hex"], case["kind"])
    assert key.public == b64decode(case["public_base64"])
    assert str(key) == case["text"]


@pytest.mark.vectors("keys", "refused_verifier_keys")
def test_refused_verifier_keys(case):
    """A verifier key that is malformed, or has another key's id, is refused."""
    with pytest.raises(ProofError):
        VerifierKey.parse(case["text"])


@pytest.mark.vectors("keys", "signing_keys")
def test_signing_keys(case):
    """A signing key is parsed, written unchanged, and has the right verifier key."""
    key = SigningKey.parse(case["text"])
    assert key.text() == case["text"]
    assert str(key.verifier_key) == case["verifier_key"]
    made = SigningKey(key.verifier_key.name, bytes.fromhex(case["secret_hex"]), key.verifier_key.kind)
    assert made.text() == case["text"]


@pytest.mark.vectors("keys", "refused_signing_keys")
def test_refused_signing_keys(case):
    """A malformed signing key is refused."""
    with pytest.raises(ProofError):
        SigningKey.parse(case["text"])


@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE_ED25519])
def test_generated_keys(kind):
    """A generated key is new each time, and is the same after writing and parsing."""
    key = SigningKey.generate("log.example.org", kind)
    assert SigningKey.parse(key.text()).verifier_key == key.verifier_key
    assert key.verifier_key.kind == kind
    assert SigningKey.generate("log.example.org", kind).text() != key.text()


def test_the_secret_is_not_shown():
    """Neither repr nor str of a signing key contains the secret, so it cannot get into a log."""
    key = SigningKey.generate("log.example.org")
    secret = key.text().split("+", 4)[4]  # which may have a "+" of its own
    assert len(secret) == 44
    assert secret not in repr(key) + str(key)
    assert str(key.verifier_key) in repr(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b", "a\ud800b"])
def test_invalid_names(name):
    """No key is created with a name that a note cannot contain."""
    with pytest.raises(ProofError):
        SigningKey.generate(name)


def test_only_plain_keys_sign():
    """A witness's key cannot sign plainly, and a body without LF cannot be signed."""
    with pytest.raises(ProofError, match="makes cosignatures"):
        SigningKey.generate("w1.example.net", COSIGNATURE_ED25519).sign("body\n")
    with pytest.raises(ProofError, match="end in a line feed"):
        SigningKey.generate("log.example.org").sign("body")
