"""The log's entries: canonical JSON (RFC 8785) without personal data, and the claims that an entry commits to."""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated

import msgspec

from hallmarket.proof.errors import ProofError
from hallmarket.proof.strict import read_text

MEDIA = "media"
DATASET_VERSION = "dataset-version"
LICENCE = "licence"
VERSION = 1
SALT_BYTES = 32
MAX_ENTRY_BYTES = 65_535

Hex64 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Hex128 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{128}\Z")]
Uuid = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
SizeBytes = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claims about a media item; creator and organization are UUIDs as text."""

    # In the order of RFC 8785, so that the Struct's own encoding is canonical.
    createdOn: str  # noqa: N815 - the wire's name
    creator: str
    metadata: str
    name: str | None
    organization: str


class DatasetVersionClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claims about a dataset version; `organization` is None for a personal dataset."""

    createdOn: str  # noqa: N815 - the wire's name
    creator: str
    dataset: str
    name: str | None
    organization: str | None
    rows: int
    version: int


class LicencePrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price that was paid, in cents (usd) or satoshis (btc)."""

    amount: int
    currency: str


class LicenceClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claims about a licence: who bought what from whom, at which price, under which terms.

    `sha3_512` and `size`, in bytes, are those of a file, of a post's markdown, or of the manifest of the first dataset
    version that the licence covers. Ids are UUIDs as text.
    """

    asset: str
    assetName: str | None  # noqa: N815 - the wire's name
    assetType: str  # noqa: N815 - the wire's name
    buyer: str
    createdOn: str  # noqa: N815 - the wire's name
    license: str | None
    licenseText: str | None  # noqa: N815 - the wire's name
    organization: str | None
    price: LicencePrice
    seller: str
    sha3_512: str | None
    size: int | None
    version: int | None


AnyClaims = Claims | DatasetVersionClaims | LicenceClaims

_claims_json = msgspec.json.Encoder().encode


def canonical_claims(claims: AnyClaims) -> bytes:
    """Return the claims as canonical JSON (RFC 8785); raises ProofError for text that UTF-8 cannot carry."""
    try:
        # msgspec escapes the same characters as RFC 8785, in the same way; a test compares every code point.
        return _claims_json(claims)
    except UnicodeError:
        raise ProofError("The claims are not UTF-8.") from None


def commit(salt: bytes, claims: AnyClaims) -> str:
    """Return the commitment to the claims under a salt of 32 bytes: SHA-256(salt ‖ canonical JSON), 64 hex digits."""
    if len(salt) != SALT_BYTES:
        raise ProofError(f"The claims' salt must have {SALT_BYTES} bytes.")
    return sha256(salt + canonical_claims(claims)).hexdigest()


class MediaEntry(msgspec.Struct, frozen=True):
    """An anchored media item: commitment to its claims, id, fingerprint (128 hex digits) and size in bytes."""

    claims: Hex64
    id: Uuid
    sha3_512: Hex128
    size: SizeBytes

    def encode(self) -> bytes:
        """Return the entry's bytes; the size is written as an exact integer, even above 2^53."""
        return _encode(self, MEDIA)


class DatasetVersionEntry(msgspec.Struct, frozen=True):
    """A finished version of a dataset: commitment to its claims, id, and its manifest's fingerprint and size."""

    claims: Hex64
    id: Uuid
    sha3_512: Hex128
    size: SizeBytes

    def encode(self) -> bytes:
        """Return the entry's bytes."""
        return _encode(self, DATASET_VERSION)


class LicenceEntry(msgspec.Struct, frozen=True):
    """A purchase: commitment to its claims, and the licence's id; the log shows neither asset nor buyer."""

    claims: Hex64
    id: Uuid

    def encode(self) -> bytes:
        """Return the entry's bytes."""
        return f'{{"claims":"{self.claims}","id":"{self.id}","kind":"{LICENCE}","v":{VERSION}}}'.encode()


Entry = MediaEntry | DatasetVersionEntry | LicenceEntry


def _encode(entry: MediaEntry | DatasetVersionEntry, kind: str) -> bytes:
    # Every field is hexadecimal or a number, so nothing can need escaping.
    return (
        f'{{"claims":"{entry.claims}","id":"{entry.id}","kind":"{kind}",'
        f'"sha3_512":"{entry.sha3_512}","size":{entry.size},"v":{VERSION}}}'
    ).encode()


class UnknownEntry(msgspec.Struct, frozen=True):
    """An entry of a kind that this reader does not know and skips."""

    kind: str


class _Kind(msgspec.Struct):
    kind: str


_read_kind = msgspec.json.Decoder(_Kind).decode
_read_known: dict[str, Callable[[bytes], Entry]] = {
    MEDIA: msgspec.json.Decoder(MediaEntry).decode,
    DATASET_VERSION: msgspec.json.Decoder(DatasetVersionEntry).decode,
    LICENCE: msgspec.json.Decoder(LicenceEntry).decode,
}
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_entry(data: bytes) -> Entry | UnknownEntry:
    """Read an entry, which has exactly one encoding; raises ProofError."""
    if len(data) > MAX_ENTRY_BYTES:
        raise ProofError(f"The entry has more than {MAX_ENTRY_BYTES} bytes.")
    read_text(data, "The entry")
    try:
        kind = _read_kind(data).kind
        entry = _read_known[kind](data) if kind in _read_known else UnknownEntry(kind)
        canonical = _canonical_members(data) if isinstance(entry, UnknownEntry) else entry.encode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProofError(f"The entry is malformed: {error}.") from None
    if canonical != data:
        raise ProofError("The entry is not canonical JSON, or not of version 1.")
    return entry


def _canonical_members(data: bytes) -> bytes:
    # The values of an unknown kind are not checked, but its fields must be unique and in order: otherwise two readers
    # could see two different kinds in one entry.
    members = _read_members(data)
    ordered = sorted(members, key=lambda name: name.encode("utf-16-be"))
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + bytes(members[name]) for name in ordered) + b"}"
