"""The verdict of a verification, as text and as JSON."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from hallmarket.cli._shared.exit_status import command_error
from hallmarket.cli._shared.output import format_count, printable, shortened
from hallmarket.cli.verify.licence_text import licence_lines
from hallmarket.client import KnownLog, Trust, Verified, VerifiedVersion, VerifierKey
from hallmarket.proof.entry import Claims, LicenceClaims, LicenceEntry
from hallmarket.proof.note import Note
from hallmarket.proof.strict import write_base64


class LogSignature(NamedTuple):
    """The key that signed the proof's checkpoint, why it is trusted, and the log's sizes.

    `seen_size` is the size seen before, `log_size` the size now; both are None if no server was asked.
    """

    key: VerifierKey
    trust: Trust
    known: KnownLog | None
    seen_size: int | None
    log_size: int | None


class Verdict(NamedTuple):
    """Proved, with everything that is proved, or not proved, with the reason.

    `path` is None if a bundle was checked without a file.
    """

    path: str | None
    reason: str | None = None
    code: str | None = None
    verified: Verified | None = None
    signature: LogSignature | None = None
    anchored_time: int | None = None
    version: VerifiedVersion | None = None

    @property
    def proved(self) -> bool:
        """Return whether everything was verified."""
        return self.verified is not None

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for --json."""
        fields: dict[str, Any] = {"path": printable(self.path) if self.path else None, "proved": self.proved}
        if self.verified is None or self.signature is None:
            return fields | {"code": self.code, "reason": self.reason}
        entry, claims, checkpoint = self.verified.entry, self.verified.claims, self.verified.checkpoint
        # The fingerprint and size of a licence are in its claims, of everything else in its entry.
        file = claims if isinstance(claims, LicenceClaims) else None if isinstance(entry, LicenceEntry) else entry
        if self.version is not None:
            manifest, found = self.version.manifest, self.version.files
            fields |= {
                "dataset": manifest.dataset,
                "version": manifest.version,
                "rows": manifest.rows,
                "files": [file.name for file in found],
                "whole": self.version.is_complete,
            }
        return fields | {
            "hash": file.sha3_512 if file else None,
            "size": file.size if file else None,
            "id": entry.id,
            "index": self.verified.index,
            "claims": msgspec.to_builtins(claims),
            "anchoredTime": self.anchored_time,
            "checkpoint": {"size": checkpoint.size, "root": write_base64(checkpoint.root)},
            "log": {
                "origin": checkpoint.origin,
                "key": str(self.signature.key),
                "trust": str(self.signature.trust),
                "size": self.signature.log_size,
            },
        }

    def text(self) -> str:
        """Return the verdict for people: what is proved, who signed it, and what is only claimed."""
        name = printable(self.path) if self.path else "the proof"
        if self.verified is None or self.signature is None:
            return f"{name}: NOT PROVED: {printable(self.reason or '')}"
        lines = [
            f"{name}: proved",
            *self._subject_lines(self.verified),
            f"  signed    by the log's key {self.signature.key}, {_format_trust(self.signature)}",
            *_other_signature_lines(self.verified, self.signature),
            f"  log       {_format_log(self.verified, self.signature)}",
            *_claims_lines(self.verified),
            f"  when      {self._format_time(self.verified)}",
        ]
        return "\n".join(lines)

    def _subject_lines(self, verified: Verified) -> list[str]:
        entry, claims = verified.entry, verified.claims
        position = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        if isinstance(entry, LicenceEntry):
            version = _format_version(self.version) if self.version else None
            disclosed = claims if isinstance(claims, LicenceClaims) else None
            return licence_lines(entry, disclosed, position, self.path, version)
        file = f"{format_count(entry.size, 'byte')} with SHA3-512 {entry.sha3_512[:16]}…"
        if self.version is None:
            return [f"  what      {'this very file' if self.path else 'a file'}, {file}, is {position}"]
        return [
            f"  what      {_format_version(self.version)}",
            f"  manifest  names every file with its fingerprint; of {file}, it is {position}",
        ]

    def _format_time(self, verified: Verified) -> str:
        claims, times = verified.claims, []
        if claims:
            verb = "bought" if isinstance(claims, LicenceClaims) else "registered"
            times.append(f"{verb} {shortened(claims.createdOn)}")
        if self.anchored_time is not None:
            times.append(f"anchored {datetime.fromtimestamp(self.anchored_time, UTC):%Y-%m-%d %H:%M:%S} UTC")
        if not times:
            return "not stated"
        return f"{', '.join(times)}: by the word of the log's operator"


def not_proved(path: str | None, error: Exception) -> Verdict:
    """Return a negative verdict with the error as its reason."""
    reason = command_error(error)
    return Verdict(path, str(reason), reason.code)


def _format_trust(signature: LogSignature) -> str:
    since = f" since {signature.known.first_seen[:10]}" if signature.known else ""
    match signature.trust:
        case Trust.PINNED:
            return "the key you gave"
        case Trust.REMEMBERED:
            return f"remembered{since}"
        case Trust.FIRST_USE:
            return "trusted on first use: compare it with what the operator publishes elsewhere"


def _other_signature_lines(verified: Verified, signature: LogSignature) -> list[str]:
    own = (signature.key.name, signature.key.key_id)
    others = [one.name for one in Note.parse(verified.note).signatures if (one.name, one.key_id) != own]
    return [f"            and by {printable(', '.join(others))}, not checked: their keys are unknown"] if others else []


def _format_log(verified: Verified, signature: LogSignature) -> str:
    if signature.log_size is None:
        return f"{format_count(verified.checkpoint.size, 'entry')} at that time; no server was asked how it is now"
    now = f"{format_count(signature.log_size, 'entry')} now"
    if signature.seen_size is None:
        return f"{now}, seen here for the first time; the proof's {verified.checkpoint.size:,} are its beginning"
    return f"{now}; the {signature.seen_size:,} seen here before are its unchanged beginning"


def _format_version(version: VerifiedVersion) -> str:
    manifest, found = version.manifest, version.files
    of_version = f"version {manifest.version:,} of the dataset {manifest.dataset}"
    files = format_count(len(manifest.files), "file")
    if not found and manifest.files:
        return f"{of_version}: {format_count(manifest.rows, 'row')} in {files}"
    rows = format_count(sum(file.rows for file in found), "row")
    if version.is_complete:
        return f"all {rows} of {of_version}, to the byte"
    return f"{rows} of the {manifest.rows:,} of {of_version}: one of its {files}, to the byte"


def _claims_lines(verified: Verified) -> list[str]:
    claims = verified.claims
    if claims is None:
        return ["  claims    none disclosed"]
    if isinstance(claims, LicenceClaims):
        return []  # shown as the purchase
    name = "no name" if claims.name is None else f"name {shortened(claims.name)}"
    if isinstance(claims, Claims):
        more = "" if claims.metadata in ("", "{}") else f", metadata {shortened(claims.metadata)}"
    else:
        rows = format_count(claims.rows, "row")
        more = f", version {claims.version} of dataset {shortened(claims.dataset)}, {rows}"
    organization = "" if claims.organization is None else f" of organization {shortened(claims.organization)}"
    return [f"  claims    {name}{more}", f"            by member {shortened(claims.creator)}{organization}"]
