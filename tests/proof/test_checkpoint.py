"""Checkpoints, against `vectors/checkpoints.json`."""

from base64 import b64decode

import pytest

from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from hallmarket.proof.errors import ProofError
from hallmarket.proof.note import COSIGNATURE_ED25519, SigningKey, VerifierKey


def checkpoint_of(case):
    """Return a case's checkpoint."""
    return Checkpoint(case["origin"], int(case["size"]), b64decode(case["root_base64"]))


@pytest.mark.vectors("checkpoints", "valid")
def test_valid_checkpoints(case):
    """A checkpoint opens with its log's key, and its body is written unchanged."""
    checkpoint = open_checkpoint(case["note"], VerifierKey.parse(case["key"]))
    assert checkpoint == checkpoint_of(case)
    assert case["note"].startswith(checkpoint.body() + "\n")
    assert Checkpoint.parse(checkpoint.body()) == checkpoint


@pytest.mark.vectors("checkpoints", "signed")
def test_signed_checkpoints(case):
    """Signing a checkpoint gives the same bytes everywhere."""
    assert sign_checkpoint(checkpoint_of(case), SigningKey.parse(case["signing_key"])) == case["note"]


@pytest.mark.vectors("checkpoints", "refused_bodies")
def test_refused_bodies(case):
    """Everything except origin, size and root in three lines is refused."""
    with pytest.raises(ProofError):
        Checkpoint.parse(case["body"])


@pytest.mark.vectors("checkpoints", "refused_notes")
def test_refused_notes(case):
    """A checkpoint opens only with the key of the log that it names."""
    with pytest.raises(ProofError):
        open_checkpoint(case["note"], VerifierKey.parse(case["key"]))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        pytest.param("", 1, bytes(32), id="no origin"),
        pytest.param("a\nb", 1, bytes(32), id="origin of two lines"),
        pytest.param("a\ud800", 1, bytes(32), id="origin with a lone surrogate"),
        pytest.param("a", -1, bytes(32), id="negative size"),
        pytest.param("a", 2**63, bytes(32), id="size past 2^63-1"),
        pytest.param("a", 1, bytes(31), id="short root"),
    ],
)
def test_impossible_checkpoints(origin, size, root):
    """A checkpoint that could not be parsed is never created."""
    with pytest.raises(ProofError):
        Checkpoint(origin, size, root)


def test_only_the_log_itself_signs():
    """A key with another name, or a witness's key, cannot sign a checkpoint."""
    checkpoint = Checkpoint("log.example.org", 1, bytes(32))
    with pytest.raises(ProofError, match="the key is named other"):
        sign_checkpoint(checkpoint, SigningKey.generate("other.example.org"))
    with pytest.raises(ProofError, match="makes cosignatures"):
        sign_checkpoint(checkpoint, SigningKey.generate("log.example.org", COSIGNATURE_ED25519))
