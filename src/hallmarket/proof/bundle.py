"""Proof files (c2sp.org/tlog-proof) and proof bundles, which hold everything needed to prove an item offline."""

from typing import Any, Self

import msgspec

from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint
from hallmarket.proof.entry import (
    DATASET_VERSION,
    LICENCE,
    MEDIA,
    AnyClaims,
    Claims,
    DatasetVersionClaims,
    DatasetVersionEntry,
    Entry,
    LicenceClaims,
    LicenceEntry,
    MediaEntry,
    UnknownEntry,
    commit,
    decode_entry,
)
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.merkle import leaf_hash, verify_inclusion
from hallmarket.proof.note import Note
from hallmarket.proof.strict import read_base64, read_decimal, read_hash, read_text, write_base64

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES = 63
BUNDLE_VERSION = 1


class ProofFile(msgspec.Struct, frozen=True):
    """A `.tlog-proof`: an entry's index, inclusion proof and signed checkpoint; `extra` is not authenticated."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a proof file; raises ProofError."""
        head, _, note = read_text(text, "The proof").partition("\n\n")
        header, *lines = head.split("\n")
        if header != PROOF_HEADER:
            raise ProofError(f"A proof must begin with the line {PROOF_HEADER}.")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = read_base64(lines.pop(0).removeprefix("extra "), "The proof's extra data")
        if not lines or not lines[0].startswith("index "):
            raise ProofError("The proof does not name the entry's index.")
        index = read_decimal(lines.pop(0).removeprefix("index "), "The proof's index")
        if len(lines) > MAX_PROOF_HASHES:
            raise ProofError(f"The proof has more than {MAX_PROOF_HASHES} hashes.")
        hashes = tuple(read_hash(line, "A hash of the proof") for line in lines)
        Note.parse(note)  # The note is stored unchanged, but a malformed one is refused now.
        return cls(index, hashes, note, extra)

    def text(self) -> str:
        """Return the proof file."""
        extra = [] if self.extra is None else [f"extra {write_base64(self.extra)}"]
        hashes = [write_base64(one) for one in self.hashes]
        return "\n".join([PROOF_HEADER, *extra, f"index {self.index}", *hashes, "", self.note])


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its proof file, its outside timestamps and, unless they were erased, its claims with their salt."""

    v: int = BUNDLE_VERSION
    entry: bytes
    claims: AnyClaims | None
    salt: bytes | None
    proof: str
    timestamps: list[Any]

    @classmethod
    def parse(cls, data: str | bytes) -> Self:
        """Read a bundle from its JSON, ignoring fields it does not know; raises ProofError."""
        text = read_text(data, "The proof bundle")
        try:
            wire = _read_wire(text)
            claims = _read_claims(wire.claims)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ProofError(f"The proof bundle is malformed: {error}.") from None
        if wire.v != BUNDLE_VERSION:
            raise ProofError(f"The proof bundle is of version {wire.v}; this reader knows {BUNDLE_VERSION}.")
        salt = None if wire.salt is None else read_base64(wire.salt, "The proof bundle's salt")
        entry = read_base64(wire.entry, "The proof bundle's entry")
        return cls(entry=entry, claims=claims, salt=salt, proof=wire.proof, timestamps=wire.timestamps)

    def encode(self) -> bytes:
        """Return the bundle as JSON, its bytes as standard padded base64."""
        return msgspec.json.encode(self)


class _Wire(msgspec.Struct):
    # Bytes stay text here, because msgspec's base64 accepts several encodings of the same bytes.
    v: int
    entry: str
    claims: msgspec.Raw
    salt: str | None
    proof: str
    timestamps: list[Any]


_read_wire = msgspec.json.Decoder(_Wire).decode


def _read_claims(raw: msgspec.Raw) -> AnyClaims | None:
    """Decode claims as the kind that has their fields; `verify_bundle` checks that they belong to the entry."""
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw] | None)
    if members is None:
        return None
    if "dataset" in members:
        return msgspec.json.decode(raw, type=DatasetVersionClaims)
    if "asset" in members:
        return msgspec.json.decode(raw, type=LicenceClaims)
    return msgspec.json.decode(raw, type=Claims)


class Verified(msgspec.Struct, frozen=True):
    """What a bundle proves: this entry, with these claims, is at this index of the log with this signed checkpoint."""

    entry: Entry
    claims: AnyClaims | None
    index: int
    checkpoint: Checkpoint
    note: str


def verify_bundle(
    bundle: Bundle, key: VerifierKey, sha3_512: str | None = None, size: int | None = None, kind: str = MEDIA
) -> Verified:
    """Verify entry, claims, inclusion, signature and, if given, a file's fingerprint and size in bytes.

    `kind` is the expected kind of entry. The file is the media item itself, a dataset version's manifest, or the file
    that a licence's claims name. Raises ProofError.
    """
    entry = decode_entry(bundle.entry)
    if isinstance(entry, UnknownEntry) or not isinstance(entry, _ENTRIES[kind]):
        raise ProofError(f"The entry is of kind {_kind_of(entry)}, not {_NOUNS[kind]}.")
    _verify_claims(entry, bundle)
    if sha3_512 is not None or size is not None:
        _verify_file(_find_file(entry, bundle.claims), sha3_512, size)
    proof = ProofFile.parse(bundle.proof)
    checkpoint = open_checkpoint(proof.note, key)
    verify_inclusion(leaf_hash(bundle.entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return Verified(entry, bundle.claims, proof.index, checkpoint, proof.note)


def _verify_file(file: tuple[str, int | None], sha3_512: str | None, size: int | None) -> None:
    known_sha3_512, known_size = file
    if sha3_512 not in (None, known_sha3_512):
        raise ProofError("The proof is for another file: the fingerprints differ.")
    if size not in (None, known_size):
        raise ProofError(f"The proof is for a file of {known_size} bytes, this one has {size}.")


def _find_file(entry: Entry, claims: AnyClaims | None) -> tuple[str, int | None]:
    """Return the fingerprint and the size in bytes of the file that the entry, or its claims, names."""
    if not isinstance(entry, LicenceEntry):
        return entry.sha3_512, entry.size
    if not isinstance(claims, LicenceClaims):
        raise ProofError("What was bought is not disclosed: the proof has no claims.")
    if claims.sha3_512 is None:
        raise ProofError("The licence is not for a file.")
    return claims.sha3_512, claims.size


_ENTRIES: dict[str, type] = {MEDIA: MediaEntry, DATASET_VERSION: DatasetVersionEntry, LICENCE: LicenceEntry}
_CLAIMS: dict[type, type] = {
    MediaEntry: Claims,
    DatasetVersionEntry: DatasetVersionClaims,
    LicenceEntry: LicenceClaims,
}
_NOUNS = {MEDIA: "a media item", DATASET_VERSION: "a version of a dataset", LICENCE: "a licence"}


def _kind_of(entry: Entry | UnknownEntry) -> str:
    if isinstance(entry, UnknownEntry):
        return entry.kind
    return next(kind for kind, known in _ENTRIES.items() if isinstance(entry, known))


def _verify_claims(entry: Entry, bundle: Bundle) -> None:
    if bundle.claims is None and bundle.salt is None:
        return
    if bundle.claims is None or bundle.salt is None:
        raise ProofError("The proof bundle has claims without salt, or salt without claims.")
    if not isinstance(bundle.claims, _CLAIMS[type(entry)]):
        raise ProofError("The claims belong to another kind of entry.")
    if commit(bundle.salt, bundle.claims) != entry.claims:
        raise ProofError("The claims are not those that the entry commits to.")
