"""Signed notes (c2sp.org/signed-note): a text, an empty line, and signature lines."""

import re
from collections.abc import Iterable
from typing import Self

import msgspec

from hallmarket.proof.cosignature import verify_cosignature
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import COSIGNATURE_ED25519, ED25519, Signature, SigningKey, VerifierKey
from hallmarket.proof.strict import read_text

__all__ = ["COSIGNATURE_ED25519", "ED25519", "Note", "Signature", "SigningKey", "VerifierKey", "open_note"]

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 100

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Note(msgspec.Struct, frozen=True):
    """A parsed note, its signatures unverified; the body ends in LF."""

    body: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a note of at most 64 KiB and 100 signatures; raises ProofError."""
        note = read_text(text, "The note")
        if len(note.encode()) > MAX_NOTE_BYTES:
            raise ProofError("The note is larger than 64 KiB.")
        if _CONTROL.search(note):
            raise ProofError("The note contains a control character.")
        # The body may contain empty lines, so the last one separates it from the signatures.
        body, divider, lines = note.rpartition("\n\n")
        if not divider or not lines.endswith("\n"):
            raise ProofError("The note has no signatures, or its last line has no line feed.")
        signatures = lines[:-1].split("\n")
        if len(signatures) > MAX_SIGNATURES:
            raise ProofError(f"The note has more than {MAX_SIGNATURES} signatures.")
        return cls(body + "\n", tuple(Signature.parse(line) for line in signatures))

    def text(self) -> str:
        """Return the note as it is published."""
        return self.body + "\n" + "".join(signature.line() for signature in self.signatures)


def open_note(text: str | bytes, keys: Iterable[VerifierKey]) -> tuple[Note, list[VerifierKey]]:
    """Return the note and the keys that signed it, each once, in the order of their signatures.

    Signatures by other keys are ignored. Raises ProofError if a signature by one of these keys is wrong, or if none of
    them signed.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise ProofError(f"Two different keys have the name {key.name} and the same id.")
    note = Note.parse(text)
    verified: dict[VerifierKey, None] = {}
    for signature in note.signatures:
        if signer := known.get((signature.name, signature.key_id)):
            _verify(signature, signer, note.body)
            verified[signer] = None
    if not verified:
        raise ProofError("The note is signed by no known key.")
    return note, list(verified)


def _verify(signature: Signature, key: VerifierKey, body: str) -> None:
    if key.kind == COSIGNATURE_ED25519:
        verify_cosignature(signature, key, body)
    else:
        key.verify_bytes(body.encode(), signature.blob)
