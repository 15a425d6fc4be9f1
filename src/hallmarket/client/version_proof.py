"""What proves a version of a dataset without a server: its manifest and the manifest's proof bundle, in one file."""

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
ENDING = ".proof"

# Verifies a bundle for what has this SHA3-512 and size, against whatever log is believed.
VerifyBundle = Callable[[Bundle, str, int], Verified]
# Reads the SHA3-512 and size of a local file.
ReadFile = Callable[[Path], tuple[str, int]]


class VersionProof(msgspec.Struct, frozen=True):
    """A manifest, to the byte, and the bundle that proves it."""

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
            raise ProofError(f"The version's proof is of version {wire.v}; this reader knows {VERSION}.")
        return cls(wire.manifest.encode(), Bundle.parse(bytes(wire.bundle)))

    def encode(self) -> bytes:
        """Return the proof as JSON: the manifest as a text, the bundle as it is."""
        return msgspec.json.encode(_Wire(VERSION, self.manifest.decode(), msgspec.Raw(self.bundle.encode())))


class _Wire(msgspec.Struct):
    v: int
    manifest: str
    bundle: msgspec.Raw


class VerifiedVersion(NamedTuple):
    """What is proved of a version: `files` are those of the manifest that were found, in its order."""

    manifest: Manifest
    files: tuple[ManifestFile, ...]
    verified: Verified

    @property
    def is_whole(self) -> bool:
        """Whether every row of the version is in the files that were found."""
        return self.files == self.manifest.files


def is_version_proof(data: bytes) -> bool:
    """Tell a version's proof from other proofs, whether it is a good one or not."""
    try:
        return msgspec.json.decode(data, type=dict[str, msgspec.Raw]).keys() >= {"manifest", "bundle"}
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def verify_version(
    proof: VersionProof, verify_bundle: VerifyBundle, path: Path | None, read_file: ReadFile
) -> VerifiedVersion:
    """Verify a manifest, and that a local file or folder of files is what it names, to the byte.

    Raises ProofError saying what does not hold, and what `verify_bundle` and `read_file` raise.
    """
    verified = verify_bundle(proof.bundle, sha3_512(proof.manifest).hexdigest(), len(proof.manifest))
    manifest = Manifest.parse(proof.manifest)
    _verify_claims(verified, manifest)
    if path is None:
        return VerifiedVersion(manifest, (), verified)
    found = _find_folder(manifest, path, read_file) if path.is_dir() else (_find_file(manifest, path, read_file),)
    return VerifiedVersion(manifest, found, verified)


def _verify_claims(verified: Verified, manifest: Manifest) -> None:
    claims = verified.claims
    if claims is None:
        return
    assert isinstance(claims, DatasetVersionClaims)
    said = (claims.dataset, claims.version, claims.rows)
    if said != (manifest.dataset, manifest.version, manifest.rows):
        raise ProofError("The claims are of another version than the manifest.")


def _find_file(manifest: Manifest, path: Path, read_file: ReadFile) -> ManifestFile:
    digest, size_bytes = read_file(path)
    found = next((file for file in manifest.files if (file.sha3_512, file.size) == (digest, size_bytes)), None)
    if found is None:
        raise ProofError("It is none of the version's files, to the byte.")
    return found


def _find_folder(manifest: Manifest, folder: Path, read_file: ReadFile) -> tuple[ManifestFile, ...]:
    """Every file of the manifest, by its name; another table among them would be rows that are not the version's."""
    names = {path.name for path in folder.iterdir()} - {file.name for file in manifest.files}
    # Readers of tables pass over other names that begin so.
    strangers = {name for name in names if name.endswith(".parquet") or not name.startswith((".", "_"))}
    if strangers:
        raise ProofError(f"The folder holds {min(strangers)}, which is no file of the version.")
    for file in manifest.files:
        if not (folder / file.name).is_file():
            raise ProofError(f"The version's file {file.name} is missing from the folder.")
        if read_file(folder / file.name) != (file.sha3_512, file.size):
            raise ProofError(f"{file.name} is not the version's file of that name, to the byte.")
    return manifest.files
