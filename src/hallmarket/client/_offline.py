"""Offline verification of a proof bundle, against a given key or the known logs."""

from typing import NamedTuple

from hallmarket.client._errors import LogRefused
from hallmarket.client._known_logs import KnownLog, KnownLogs, Trust
from hallmarket.proof.bundle import Bundle, ProofFile, Verified, verify_bundle
from hallmarket.proof.entry import MEDIA
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.note import Note


class UnknownLog(ProofError):
    """The bundle's log is neither known nor was its key given, so its signature proves nothing."""


class OfflineResult(NamedTuple):
    """What a bundle proves, the key that signed it, why that key is trusted, and the known log if there is one."""

    verified: Verified
    key: VerifierKey
    trust: Trust
    known: KnownLog | None


def verify_offline(
    bundle: Bundle,
    known_logs: KnownLogs,
    pinned: str | None = None,
    sha3_512: str | None = None,
    size_bytes: int | None = None,
    kind: str = MEDIA,
) -> OfflineResult:
    """Verify a bundle, and a file's fingerprint and size if given, without a network.

    `pinned` is a verifier key's text; without it the bundle must be signed by a known log. Raises ProofError if
    anything is wrong, UnknownLog if no key is known, LogRefused if the bundle contradicts the remembered checkpoint.
    """
    note = Note.parse(ProofFile.parse(bundle.proof).note)
    origin = note.body.split("\n", 1)[0]
    known = known_logs.find_by_origin(origin)
    if pinned is not None:
        key, trust = VerifierKey.parse(pinned), Trust.PINNED
    else:
        signers = {(signature.name, signature.key_id) for signature in note.signatures}
        keys = [key for key in (log.verifier_key() for log in known) if (key.name, key.key_id) in signers]
        if not keys:
            raise UnknownLog(
                f"the log {origin} is not known here, so its signature proves nothing yet: give its verifier key "
                "by --log-key, or verify once against its server"
            )
        key, trust = keys[0], Trust.REMEMBERED
    verified = verify_bundle(bundle, key, sha3_512, size_bytes, kind)
    seen = [log for log in known if log.key == str(key)]
    for log in seen:
        _verify_same_root(log, verified)
    return OfflineResult(verified, key, trust, seen[0] if seen else None)


def _verify_same_root(log: KnownLog, verified: Verified) -> None:
    """Raise LogRefused if the remembered checkpoint has the same size and another root.

    Checkpoints of different sizes cannot be compared without the log's tiles.
    """
    remembered, shown = log.find_checkpoint(), verified.checkpoint
    if remembered and remembered.size == shown.size and remembered.root != shown.root:
        raise LogRefused(
            f"forked log: of {shown.size} entries, the log {log.origin} has another root here "
            f"than {log.server} showed before"
        )
