"""Manifests of dataset versions: columns and files as canonical JSON (RFC 8785), whose SHA3-512 is in the log."""

from typing import Annotated

import msgspec

from hallmarket.proof.entry import Hex128, SizeBytes, Uuid
from hallmarket.proof.errors import ProofError
from hallmarket.proof.strict import read_text

MANIFEST_VERSION = 1
FileName = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-z.-]{1,100}\Z")]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class ManifestColumn(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A column: its name, its PostgreSQL type, and the constraints on its values."""

    name: str
    type: str
    nullable: bool = True
    label: str | None = None
    enum_values: tuple[str, ...] | None = None
    ref_kind: str | None = None
    asset_type: str | None = None


class ManifestFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Parquet file: its name in the table, its number of rows, its fingerprint and its size in bytes."""

    name: FileName
    rows: SizeBytes
    sha3_512: Hex128
    size: SizeBytes


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version: its columns, and its files in the order of their rows."""

    columns: tuple[ManifestColumn, ...]
    dataset: Uuid
    files: tuple[ManifestFile, ...]
    rows: SizeBytes
    version: Number
    v: int = MANIFEST_VERSION

    def encode(self) -> bytes:
        """Return the manifest's bytes."""
        # All field names are ASCII, so msgspec's order is that of RFC 8785.
        return _encode(self)

    @classmethod
    def parse(cls, data: bytes) -> "Manifest":
        """Read a manifest, which has exactly one encoding; raises ProofError."""
        read_text(data, "The manifest")
        try:
            manifest = _decode(data)
            canonical = manifest.encode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ProofError(f"The manifest is malformed: {error}.") from None
        if canonical != data or manifest.v != MANIFEST_VERSION:
            raise ProofError(f"The manifest is not canonical JSON, or not of version {MANIFEST_VERSION}.")
        if manifest.rows != sum(file.rows for file in manifest.files):
            raise ProofError("The manifest's number of rows is not the sum of its files' rows.")
        return manifest


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Manifest).decode
