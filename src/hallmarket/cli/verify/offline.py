"""Verifying what a saved proof proves, without any network: of a file, a version of a dataset, or a purchase."""

from typing import TYPE_CHECKING

from hallmarket.cli._shared.dataset_proof import find_beside, verify_pulled
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.files import read_fingerprint, read_proof
from hallmarket.cli.verify.verdict import Signed, Verdict, no
from hallmarket.client.errors import LogRefused
from hallmarket.client.offline import verify_offline
from hallmarket.client.trust import KnownLogs
from hallmarket.client.version_proof import is_version_proof
from hallmarket.proof.bundle import Bundle
from hallmarket.proof.entry import (
    DATASET_VERSION,
    LICENCE,
    MEDIA,
    DatasetVersionEntry,
    LicenceClaims,
    LicenceEntry,
    decode_entry,
)
from hallmarket.proof.errors import ProofError

if TYPE_CHECKING:
    from hallmarket.client.version_proof import VerifiedVersion
    from hallmarket.proof.bundle import Verified


def verify_saved(proof: str, path: str | None, log_key: str | None) -> Verdict:
    """Say what a saved proof proves, of a local file or folder if one is named."""
    data = read_proof(proof)
    try:
        if is_version_proof(data):
            return _verify_version(data, path, log_key)
        bundle = Bundle.parse(data)
        verify = _verify_licence if isinstance(decode_entry(bundle.entry), LicenceEntry) else _verify_media
        return verify(bundle, path, log_key)
    except (CommandError, LogRefused, ProofError) as error:
        return no(path, error)


class _Logs:
    """Verifies bundles against a key that was given, or the logs seen before; remembers who signed the last."""

    def __init__(self, log_key: str | None) -> None:
        self._log_key = log_key
        self.signed: Signed | None = None

    def verify(self, bundle: Bundle, kind: str, sha3_512: str | None, size_bytes: int | None) -> "Verified":
        verified, key, trust, known = verify_offline(bundle, KnownLogs(), self._log_key, sha3_512, size_bytes, kind)
        self.signed = Signed(key, trust, known, None, None)
        return verified

    def verify_version(self, bundle: Bundle, sha3_512: str, size_bytes: int) -> "Verified":
        return self.verify(bundle, DATASET_VERSION, sha3_512, size_bytes)


def _verify_media(bundle: Bundle, path: str | None, log_key: str | None) -> Verdict:
    logs = _Logs(log_key)
    verified = logs.verify(bundle, MEDIA, *_fingerprint(path))
    return Verdict(path, verified=verified, signed=logs.signed)


def _verify_version(data: bytes, path: str | None, log_key: str | None) -> Verdict:
    logs = _Logs(log_key)
    checked = verify_pulled(data, path, logs.verify_version)
    return Verdict(path, verified=checked.verified, signed=logs.signed, version=checked)


def _verify_licence(bundle: Bundle, path: str | None, log_key: str | None) -> Verdict:
    logs, claims = _Logs(log_key), bundle.claims
    is_table = isinstance(claims, LicenceClaims) and claims.version is not None
    beside = find_beside(path) if path and is_table else None
    if beside is None:
        verified = logs.verify(bundle, LICENCE, *_fingerprint(path))
        return Verdict(path, verified=verified, signed=logs.signed)
    checked = verify_pulled(beside, path, logs.verify_version)
    verified = logs.verify(bundle, LICENCE, None, None)
    _check_bought(verified, checked)
    return Verdict(path, verified=verified, signed=logs.signed, version=checked)


def _check_bought(licence: "Verified", pulled: "VerifiedVersion") -> None:
    """Whether a pulled version is the one that was bought, or a later one of the same dataset."""
    claims, manifest, entry = licence.claims, pulled.manifest, pulled.verified.entry
    assert isinstance(claims, LicenceClaims)
    assert isinstance(entry, DatasetVersionEntry)
    assert claims.version is not None
    if manifest.dataset != claims.asset:
        raise ProofError(f"It is of the dataset {manifest.dataset}; another was bought.")
    if manifest.version < claims.version:
        raise ProofError(f"It is version {manifest.version:,}; bought was version {claims.version:,} and what follows.")
    if manifest.version == claims.version and (entry.sha3_512, entry.size) != (claims.sha3_512, claims.size):
        raise ProofError(f"It is another version {manifest.version:,} than the one that was bought.")


def _fingerprint(path: str | None) -> tuple[str | None, int | None]:
    if path is None:
        return None, None
    read = read_fingerprint(path)
    return read.digest.hex(), read.size_bytes
