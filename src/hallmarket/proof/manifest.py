"""Manifests: what a version of a dataset consists of, in canonical JSON (RFC 8785), whose SHA3-512 the log holds."""

from typing import Annotated

import msgspec

from hallmarket.proof.entry import Hex128, SizeBytes, Uuid
from hallmarket.proof.errors import ProofError
from hallmarket.proof.strict import read_text

MANIFEST_VERSION = 1
FileName = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-z.-]{1,100}\Z")]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class ManifestColumn(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A column: its name, its type in PostgreSQL's words, and what else its values are bound to."""

    name: str
    type: str
    nullable: bool = True
    label: str | None = None
    enum_values: tuple[str, ...] | None = None
    ref_kind: str | None = None
    asset_type: str | None = None


class ManifestFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Parquet file: its name in the table, how many rows it has, its fingerprint and its size in bytes."""

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
        # All names of fields are plain, so msgspec's order of them is RFC 8785's.
        return _encode(self)

    @classmethod
    def parse(cls, data: bytes) -> "Manifest":
        """Read a manifest, which has exactly one spelling; raises ProofError."""
        read_text(data, "The manifest")
        try:
            manifest = _decode(data)
            canonical = manifest.encode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ProofError(f"The manifest is malformed: {error}.") from None
        if canonical != data or manifest.v != MANIFEST_VERSION:
            raise ProofError(f"The manifest is not canonical JSON, or not of version {MANIFEST_VERSION}.")
        if manifest.rows != sum(file.rows for file in manifest.files):
            raise ProofError("The manifest's files have another number of rows than it says.")
        return manifest


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Manifest).decode
