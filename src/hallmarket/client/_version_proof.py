"""The proof file of a dataset version: its manifest and the manifest's proof bundle."""

from collections.abc import Callable
from hashlib import sha3_512
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from hallmarket.proof.bundle import Bundle, Verified
from hallmarket.proof.entry import DatasetVersionClaims
from hallmarket.proof.errors import ProofError
from hallmarket.proof.manifest import Manifest, ManifestFile
from hallmarket.proof.strict import read_text

VERSION = 1

# Verifies a bundle for a file with this SHA3-512 and size in bytes.
VerifyBundle = Callable[[Bundle, str, int], Verified]
# Returns the SHA3-512 and the size in bytes of a local file.
ReadFile = Callable[[Path], tuple[str, int]]


class VersionProof(msgspec.Struct, frozen=True):
    """A manifest's exact bytes, and the bundle that proves them."""

    manifest: bytes
    bundle: Bundle

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `encode` wrote; raises ProofError."""
        text = read_text(data, "The version's proof")
        try:
            wire = msgspec.json.decode(text, type=_Wire)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ProofError(f"The version's proof is malformed: {error}.") from None
        if wire.v != VERSION:
            raise ProofError(f"The version's proof has format {wire.v}; this reader knows format {VERSION}.")
        return cls(wire.manifest.encode(), Bundle.parse(bytes(wire.bundle)))

    def encode(self) -> bytes:
        """Return the proof as JSON: the manifest as a string, the bundle as an object."""
        return msgspec.json.encode(_Wire(VERSION, self.manifest.decode(), msgspec.Raw(self.bundle.encode())))


class _Wire(msgspec.Struct):
    v: int
    manifest: str
    bundle: msgspec.Raw


class VerifiedVersion(NamedTuple):
    """A verified manifest, and those of its files that were found, in the manifest's order."""

    manifest: Manifest
    files: tuple[ManifestFile, ...]
    verified: Verified

    @property
    def is_complete(self) -> bool:
        """Return whether every file of the version was found."""
        return self.files == self.manifest.files


def is_version_proof(data: bytes) -> bool:
    """Return whether the bytes are the proof of a dataset version, valid or not, rather than another proof."""
    try:
        return msgspec.json.decode(data, type=dict[str, msgspec.Raw]).keys() >= {"manifest", "bundle"}
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def verify_version(
    proof: VersionProof, verify_bundle: VerifyBundle, path: Path | None, read_file: ReadFile
) -> VerifiedVersion:
    """Verify a manifest, and that a local file, or every file of a local folder, is one that it names.

    Raises ProofError, and the errors of `verify_bundle` and `read_file`.
    """
    verified = verify_bundle(proof.bundle, sha3_512(proof.manifest).hexdigest(), len(proof.manifest))
    manifest = Manifest.parse(proof.manifest)
    _verify_claims(verified, manifest)
    if path is None:
        return VerifiedVersion(manifest, (), verified)
    found = _verify_folder(manifest, path, read_file) if path.is_dir() else (_verify_file(manifest, path, read_file),)
    return VerifiedVersion(manifest, found, verified)


def _verify_claims(verified: Verified, manifest: Manifest) -> None:
    claims = verified.claims
    if claims is None:
        return
    assert isinstance(claims, DatasetVersionClaims)
    if (claims.dataset, claims.version, claims.rows) != (manifest.dataset, manifest.version, manifest.rows):
        raise ProofError("The claims are about another version than the manifest.")


def _verify_file(manifest: Manifest, path: Path, read_file: ReadFile) -> ManifestFile:
    digest, size_bytes = read_file(path)
    found = next((file for file in manifest.files if (file.sha3_512, file.size) == (digest, size_bytes)), None)
    if found is None:
        raise ProofError("The file is not one of the version's files.")
    return found


def _verify_folder(manifest: Manifest, folder: Path, read_file: ReadFile) -> tuple[ManifestFile, ...]:
    """Verify every file of the manifest by its name; another table in the folder would add rows to the version."""
    names = {path.name for path in folder.iterdir()} - {file.name for file in manifest.files}
    # Readers of tables ignore other names that begin with a dot or an underscore.
    unexpected = {name for name in names if name.endswith(".parquet") or not name.startswith((".", "_"))}
    if unexpected:
        raise ProofError(f"The folder holds {min(unexpected)}, which is not a file of the version.")
    for file in manifest.files:
        if not (folder / file.name).is_file():
            raise ProofError(f"The version's file {file.name} is missing from the folder.")
        if read_file(folder / file.name) != (file.sha3_512, file.size):
            raise ProofError(f"{file.name} differs from the version's file of that name.")
    return manifest.files
