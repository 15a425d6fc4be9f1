"""Timestamped Ed25519 cosignatures of checkpoints (c2sp.org/tlog-cosignature, type 0x04)."""

from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import COSIGNATURE_ED25519, SIGNATURE_BYTES, Signature, SigningKey, VerifierKey
from hallmarket.proof.strict import MAX_SIZE, read_text

TIMESTAMP_BYTES = 8


def cosign(key: SigningKey, body: str, timestamp: int) -> str:
    """Cosign a checkpoint's body at a unix second with a key of type 0x04; returns the line with its LF."""
    if key.verifier_key.kind != COSIGNATURE_ED25519:
        raise ProofError("Only a key of type 0x04 can cosign.")
    if not 0 <= timestamp <= MAX_SIZE:
        raise ProofError("A cosignature's time must be a unix second from 0 to 2^63-1.")
    return key.signature_line(_message(body, timestamp), before=timestamp.to_bytes(TIMESTAMP_BYTES, "big"))


def verify_cosignature(signature: Signature, key: VerifierKey, body: str) -> int:
    """Return the unix second at which the key cosigned this checkpoint body; raises ProofError if it did not."""
    if key.kind != COSIGNATURE_ED25519 or (signature.name, signature.key_id) != (key.name, key.key_id):
        raise ProofError(f"This is not a cosignature by {key.name}.")
    if len(signature.blob) != TIMESTAMP_BYTES + SIGNATURE_BYTES:
        raise ProofError(f"The cosignature by {key.name} has the wrong length.")
    timestamp = int.from_bytes(signature.blob[:TIMESTAMP_BYTES], "big")
    if timestamp > MAX_SIZE:
        raise ProofError(f"The cosignature by {key.name} has an impossible time.")
    key.verify_bytes(_message(body, timestamp), signature.blob[TIMESTAMP_BYTES:])
    return timestamp


def _message(body: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{read_text(body, 'The checkpoint')}".encode()
