"""Offline verification of a saved proof: of a file, a dataset version or a purchase."""

from typing import TYPE_CHECKING

from hallmarket.cli._shared.dataset_proof import find_version_proof, verify_pulled
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.files import read_fingerprint, read_proof
from hallmarket.cli.verify.verdict import LogSignature, Verdict, not_proved
from hallmarket.client import Bundle, KnownLogs, LogRefused, ProofError, is_version_proof, verify_offline
from hallmarket.proof.entry import (
    DATASET_VERSION,
    LICENCE,
    MEDIA,
    DatasetVersionEntry,
    LicenceClaims,
    LicenceEntry,
    decode_entry,
)

if TYPE_CHECKING:
    from hallmarket.client import Verified, VerifiedVersion


def verify_saved(proof: str, path: str | None, log_key: str | None) -> Verdict:
    """Return the verdict on a saved proof, and on a local file or folder if `path` names one."""
    data = read_proof(proof)
    try:
        if is_version_proof(data):
            return _verify_version(data, path, log_key)
        bundle = Bundle.parse(data)
        verify = _verify_licence if isinstance(decode_entry(bundle.entry), LicenceEntry) else _verify_media
        return verify(bundle, path, log_key)
    except (CommandError, LogRefused, ProofError) as error:
        return not_proved(path, error)


class _OfflineVerifier:
    """Verifies bundles against a given key or the known logs, and keeps the signature of the last one."""

    def __init__(self, log_key: str | None) -> None:
        self._log_key = log_key
        self.signature: LogSignature | None = None

    def verify(self, bundle: Bundle, kind: str, sha3_512: str | None, size_bytes: int | None) -> "Verified":
        result = verify_offline(bundle, KnownLogs(), self._log_key, sha3_512, size_bytes, kind)
        self.signature = LogSignature(result.key, result.trust, result.known, None, None)
        return result.verified

    def verify_version(self, bundle: Bundle, sha3_512: str, size_bytes: int) -> "Verified":
        return self.verify(bundle, DATASET_VERSION, sha3_512, size_bytes)


def _verify_media(bundle: Bundle, path: str | None, log_key: str | None) -> Verdict:
    verifier = _OfflineVerifier(log_key)
    verified = verifier.verify(bundle, MEDIA, *_fingerprint(path))
    return Verdict(path, verified=verified, signature=verifier.signature)


def _verify_version(data: bytes, path: str | None, log_key: str | None) -> Verdict:
    verifier = _OfflineVerifier(log_key)
    version = verify_pulled(data, path, verifier.verify_version)
    return Verdict(path, verified=version.verified, signature=verifier.signature, version=version)


def _verify_licence(bundle: Bundle, path: str | None, log_key: str | None) -> Verdict:
    verifier, claims = _OfflineVerifier(log_key), bundle.claims
    is_dataset = isinstance(claims, LicenceClaims) and claims.version is not None
    version_proof = find_version_proof(path) if path and is_dataset else None
    if version_proof is None:
        verified = verifier.verify(bundle, LICENCE, *_fingerprint(path))
        return Verdict(path, verified=verified, signature=verifier.signature)
    version = verify_pulled(version_proof, path, verifier.verify_version)
    verified = verifier.verify(bundle, LICENCE, None, None)
    _verify_covered(verified, version)
    return Verdict(path, verified=verified, signature=verifier.signature, version=version)


def _verify_covered(licence: "Verified", pulled: "VerifiedVersion") -> None:
    """Raise ProofError unless the licence covers the pulled version: the one that was bought, or a later one."""
    claims, manifest, entry = licence.claims, pulled.manifest, pulled.verified.entry
    assert isinstance(claims, LicenceClaims)
    assert isinstance(entry, DatasetVersionEntry)
    assert claims.version is not None
    if manifest.dataset != claims.asset:
        raise ProofError(f"The files are of the dataset {manifest.dataset}; the licence is for another dataset.")
    if manifest.version < claims.version:
        raise ProofError(
            f"The files are version {manifest.version:,}; the licence covers version {claims.version:,} and later."
        )
    if manifest.version == claims.version and (entry.sha3_512, entry.size) != (claims.sha3_512, claims.size):
        raise ProofError(f"The files are another version {manifest.version:,} than the one that was bought.")


def _fingerprint(path: str | None) -> tuple[str | None, int | None]:
    if path is None:
        return None, None
    read = read_fingerprint(path)
    return read.digest.hex(), read.size_bytes
