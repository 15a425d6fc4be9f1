"""Keys as text, against `vectors/keys.json`."""

from base64 import b64decode

import pytest

from hallmarket.proof.errors import ProofError
from hallmarket.proof.note import COSIGNATURE_ED25519, ED25519, SigningKey, VerifierKey


@pytest.mark.vectors("keys", "verifier_keys")
def test_verifier_keys(case):
    """A verifier key parses into its fields and prints as it was."""
    key = VerifierKey.parse(case["text"])
    assert (key.name, key.key_id.hex(), key.kind) == (case["name"], case["key_id_hex"], case["kind"])
    assert key.public == b64decode(case["public_base64"])
    assert str(key) == case["text"]


@pytest.mark.vectors("keys", "refused_verifier_keys")
def test_refused_verifier_keys(case):
    """A malformed verifier key is refused, and so is one whose id is not its own."""
    with pytest.raises(ProofError):
        VerifierKey.parse(case["text"])


@pytest.mark.vectors("keys", "signing_keys")
def test_signing_keys(case):
    """A signing key parses, prints as it was and knows its verifier key."""
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
    """A generated key is new each time, and the same after printing and parsing."""
    key = SigningKey.generate("log.example.org", kind)
    assert SigningKey.parse(key.text()).verifier_key == key.verifier_key
    assert key.verifier_key.kind == kind
    assert SigningKey.generate("log.example.org", kind).text() != key.text()


def test_the_secret_stays_out_of_sight():
    """Neither repr nor str of a signing key shows the secret, so no log or trace can."""
    key = SigningKey.generate("log.example.org")
    secret = key.text().split("+", 4)[4]  # which may have a "+" of its own
    assert len(secret) == 44
    assert secret not in repr(key) + str(key)
    assert str(key.verifier_key) in repr(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b", "a\ud800b"])
def test_bad_names(name):
    """No key is made with a name that a note could not carry."""
    with pytest.raises(ProofError):
        SigningKey.generate(name)


def test_only_plain_keys_sign_plainly():
    """A witness's key makes no plain signature, and a body without LF gets none."""
    with pytest.raises(ProofError, match="makes cosignatures"):
        SigningKey.generate("w1.example.net", COSIGNATURE_ED25519).sign("body\n")
    with pytest.raises(ProofError, match="end in a line feed"):
        SigningKey.generate("log.example.org").sign("body")
