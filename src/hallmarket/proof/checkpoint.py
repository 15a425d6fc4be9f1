"""Checkpoints (c2sp.org/tlog-checkpoint): a log's origin, size and root as three lines of a signed note."""

import re
from typing import Self

import msgspec

from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import SigningKey, VerifierKey
from hallmarket.proof.note import open_note
from hallmarket.proof.strict import HASH_BYTES, MAX_SIZE, read_decimal, read_hash, read_text, write_base64

_CONTROL = re.compile(r"[\x00-\x1f]")


class Checkpoint(msgspec.Struct, frozen=True):
    """A log's origin, its number of entries and its root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Raise ProofError for values that the format cannot represent."""
        if not self.origin or _CONTROL.search(read_text(self.origin, "The checkpoint's origin")):
            raise ProofError("The checkpoint's origin must be one line of text.")
        if not 0 <= self.size <= MAX_SIZE:
            raise ProofError("The checkpoint's size must be from 0 to 2^63-1.")
        if len(self.root) != HASH_BYTES:
            raise ProofError(f"The checkpoint's root must have {HASH_BYTES} bytes.")

    def body(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{write_base64(self.root)}\n"

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read exactly three lines; raises ProofError, also for extension lines, which this log never writes."""
        lines = body.split("\n")
        if len(lines) != 4 or lines[3]:
            raise ProofError("A checkpoint has exactly three lines: origin, size and root.")
        size = read_decimal(lines[1], "The checkpoint's size")
        return cls(lines[0], size, read_hash(lines[2], "The checkpoint's root"))


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Return the checkpoint as a note signed by the log's key, whose name must be the origin."""
    _check_origin(checkpoint, key.verifier_key)
    body = checkpoint.body()
    return f"{body}\n{key.sign(body)}"


def open_checkpoint(text: str | bytes, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint if the log's key signed it and has the origin as its name; raises ProofError."""
    note, _ = open_note(text, [key])
    checkpoint = Checkpoint.parse(note.body)
    _check_origin(checkpoint, key)
    return checkpoint


def _check_origin(checkpoint: Checkpoint, key: VerifierKey) -> None:
    if checkpoint.origin != key.name:
        raise ProofError(f"This is a checkpoint of {checkpoint.origin}, but the key is named {key.name}.")
