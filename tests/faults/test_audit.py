"""The audit itself fails when it should."""

import copy
from uuid import uuid4

import pytest

from _support.anchoring import random_hash
from _support.servers import Server
from faults.audit import audit
from faults.load import Witness, under_load
from hallmarket.proof.checkpoint import Checkpoint, sign_checkpoint
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import SigningKey


@pytest.fixture(scope="module", autouse=True)
def _some_load(server: Server, witness: Witness) -> None:
    """A log with entries, so that one can be missing."""
    with under_load(witness, server):
        witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(server, witness)


def test_a_lost_item_is_found(server: Server, witness: Witness) -> None:
    """An acknowledged item that the log does not contain, or contains under another id, fails the audit."""
    for hash_text in (random_hash(), next(iter(witness.acknowledged))):
        altered = copy.deepcopy(witness)
        altered.acknowledged[hash_text] = str(uuid4())
        with pytest.raises(AssertionError):
            audit(server, altered)


def test_an_item_nobody_sent_is_found(server: Server, witness: Witness) -> None:
    """An entry that no client sent fails the audit."""
    altered = copy.deepcopy(witness)
    altered.sent.discard(next(iter(witness.acknowledged)))
    with pytest.raises(AssertionError):
        audit(server, altered)


def test_a_forked_log_is_found(server: Server, witness: Witness) -> None:
    """A correctly signed checkpoint that the log does not continue fails the audit."""
    key = SigningKey.parse((server.data / "log.key").read_text().strip())
    for size in (3, 10**6):
        altered = copy.deepcopy(witness)
        altered.checkpoints.add(sign_checkpoint(Checkpoint(key.verifier_key.name, size, bytes(32)), key))
        with pytest.raises(ProofError):
            audit(server, altered)
