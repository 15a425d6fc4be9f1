"""What `hallmarket datasets pull` left on disk, checked: files, manifest, and the manifest's place in the log."""

from pathlib import Path
from typing import TYPE_CHECKING

from hallmarket.cli._shared.files import read_fingerprint, read_proof
from hallmarket.proof.errors import ProofError

if TYPE_CHECKING:
    from hallmarket.client.version_proof import VerifiedVersion, VerifyBundle

ENDING = ".proof"


def proof_beside(path: str) -> Path:
    """Where the proof of a pulled file or folder stands."""
    place = Path(path)
    return place.with_name(place.name + ENDING)


def find_beside(path: str) -> bytes | None:
    """Return the version's proof that stands beside a file or folder, or None; another proof there is no matter."""
    if not Path(path).name or not (place := proof_beside(path)).is_file():
        return None
    from hallmarket.client.version_proof import is_version_proof

    data = read_proof(str(place))
    return data if is_version_proof(data) else None


def verify_pulled(data: bytes, path: str | None, verify_bundle: "VerifyBundle") -> "VerifiedVersion":
    """Verify a pulled file or folder by its version's proof; raises as `verify_version` does."""
    from hallmarket.client.version_proof import VersionProof, verify_version

    try:
        return verify_version(VersionProof.parse(data), verify_bundle, Path(path) if path else None, read_digest)
    except ProofError as error:
        if path and not Path(path).is_dir() and Path(path).suffix.lower() != ".parquet":
            raise ProofError(f"{error} Only Parquet files are proved: pull it with --format parquet.") from None
        raise


def read_digest(path: Path) -> tuple[str, int]:
    """Return a file's SHA3-512 and its size; raises CommandError where it cannot be read."""
    read = read_fingerprint(str(path))
    return read.digest.hex(), read.size_bytes
