"""The proof file next to a pulled dataset version, and verification of what was pulled."""

from pathlib import Path
from typing import TYPE_CHECKING

from hallmarket.cli._shared.files import read_digest, read_proof

if TYPE_CHECKING:
    from hallmarket.client import VerifiedVersion, VerifyBundle

SUFFIX = ".proof"


def proof_path(path: str) -> Path:
    """Return the path of the proof of a pulled file or folder: in the same folder, with .proof appended."""
    pulled = Path(path)
    return pulled.with_name(pulled.name + SUFFIX)


def find_version_proof(path: str) -> bytes | None:
    """Return the version proof next to a pulled file or folder, or None; a proof of another kind is ignored."""
    if not Path(path).name or not (proof := proof_path(path)).is_file():
        return None
    from hallmarket.client import is_version_proof

    data = read_proof(str(proof))
    return data if is_version_proof(data) else None


def verify_pulled(data: bytes, path: str | None, verify_bundle: "VerifyBundle") -> "VerifiedVersion":
    """Verify a pulled file or folder by its version proof; raises what `verify_version` raises."""
    from hallmarket.client import ProofError, VersionProof, verify_version

    try:
        return verify_version(VersionProof.parse(data), verify_bundle, Path(path) if path else None, read_digest)
    except ProofError as error:
        if path and not Path(path).is_dir() and Path(path).suffix.lower() != ".parquet":
            raise ProofError(f"{error} Only Parquet files have a proof: pull with --format parquet.") from None
        raise
