"""Verifying a saved bundle without any network: against a key given, or the logs seen before."""

from hallmarket.client.consistency import Trust
from hallmarket.client.errors import LogRefused
from hallmarket.client.trust import KnownLog, KnownLogs
from hallmarket.proof.bundle import Bundle, ProofFile, Verified, verify_bundle
from hallmarket.proof.entry import MEDIA
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.note import Note


class UnknownLog(ProofError):
    """A bundle of a log whose key is neither given nor remembered, so its signature says nothing."""


def verify_offline(
    bundle: Bundle,
    known_logs: KnownLogs,
    pinned: str | None = None,
    sha3_512: str | None = None,
    size_bytes: int | None = None,
    kind: str = MEDIA,
) -> tuple[Verified, VerifierKey, Trust, KnownLog | None]:
    """Verify a bundle, and a file's fingerprint and size if given.

    Returns what is proved, the key that signed it, why that is believed, and the log as it is remembered, if it is.
    Raises ProofError saying what is wrong, and LogRefused where it contradicts the checkpoint remembered of its log.
    """
    note = Note.parse(ProofFile.parse(bundle.proof).note)
    origin = note.body.split("\n", 1)[0]
    known = known_logs.of_origin(origin)
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
        _verify_same_past(log, verified)
    return verified, key, trust, seen[0] if seen else None


def _verify_same_past(log: KnownLog, verified: Verified) -> None:
    """Two sizes cannot be compared without the log's tiles, but one size must have one root."""
    remembered, shown = log.find_checkpoint(), verified.checkpoint
    if remembered and remembered.size == shown.size and remembered.root != shown.root:
        raise LogRefused(
            f"forked log: of {shown.size} entries, the log {log.origin} has another root here "
            f"than {log.server} showed before"
        )
