"""What a verification found, in words and as JSON."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from hallmarket.cli._shared.exit_status import command_error
from hallmarket.cli._shared.output import count_words, printable, shortened
from hallmarket.cli.verify.licence_words import bought_words
from hallmarket.client.consistency import Trust
from hallmarket.client.trust import KnownLog
from hallmarket.client.version_proof import VerifiedVersion
from hallmarket.proof.bundle import Verified
from hallmarket.proof.entry import Claims, LicenceClaims, LicenceEntry
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.note import Note
from hallmarket.proof.strict import write_base64


class Signed(NamedTuple):
    """By whom a proof is signed, and why that is believed; `log_size` is None where no server was asked."""

    key: VerifierKey
    trust: Trust
    known: KnownLog | None
    seen_size: int | None
    log_size: int | None


class Verdict(NamedTuple):
    """Yes with all that is proved, or no with the reason; `path` is None where a bundle was checked without a file."""

    path: str | None
    reason: str | None = None
    code: str | None = None
    verified: Verified | None = None
    signed: Signed | None = None
    anchored_time: int | None = None
    version: VerifiedVersion | None = None

    @property
    def proved(self) -> bool:
        """True for a yes."""
        return self.verified is not None

    def as_json(self) -> dict[str, Any]:
        """The verdict for programs."""
        answer: dict[str, Any] = {"path": printable(self.path) if self.path else None, "proved": self.proved}
        if self.verified is None or self.signed is None:
            return answer | {"code": self.code, "reason": self.reason}
        entry, claims, checkpoint = self.verified.entry, self.verified.claims, self.verified.checkpoint
        named = claims if isinstance(claims, LicenceClaims) else None if isinstance(entry, LicenceEntry) else entry
        disclosed = msgspec.to_builtins(claims)
        log = {
            "origin": checkpoint.origin,
            "key": str(self.signed.key),
            "trust": str(self.signed.trust),
            "size": self.signed.log_size,
        }
        if self.version is not None:
            manifest, found = self.version.manifest, self.version.files
            answer |= {
                "dataset": manifest.dataset,
                "version": manifest.version,
                "rows": manifest.rows,
                "files": [file.name for file in found],
                "whole": self.version.is_whole,
            }
        return answer | {
            "hash": named.sha3_512 if named else None,
            "size": named.size if named else None,
            "id": entry.id,
            "index": self.verified.index,
            "claims": disclosed,
            "anchoredTime": self.anchored_time,
            "checkpoint": {"size": checkpoint.size, "root": write_base64(checkpoint.root)},
            "log": log,
        }

    def words(self) -> str:
        """The verdict for people: a line, and for a yes what exactly is proved, by whom, and what is only said."""
        name = printable(self.path) if self.path else "the proof"
        if self.verified is None or self.signed is None:
            return f"{name}: NOT PROVED: {printable(self.reason or '')}"
        lines = [
            f"{name}: proved",
            *self._what_words(self.verified),
            f"  signed    by the log's key {self.signed.key}, {_trust_words(self.signed)}",
            *_others_words(self.verified, self.signed),
            f"  log       {_log_words(self.verified, self.signed)}",
            *_claims_words(self.verified),
            f"  when      {self._time_words()}",
        ]
        return "\n".join(lines)

    def _what_words(self, verified: Verified) -> list[str]:
        entry, claims = verified.entry, verified.claims
        place = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        if isinstance(entry, LicenceEntry):
            version = _version_words(self.version) if self.version else None
            return bought_words(entry, claims if isinstance(claims, LicenceClaims) else None, place, self.path, version)
        facts = f"{count_words(entry.size, 'byte')} with SHA3-512 {entry.sha3_512[:16]}…"
        if self.version is None:
            return [f"  what      {'this very file' if self.path else 'a file'}, {facts}, is {place}"]
        return [
            f"  what      {_version_words(self.version)}",
            f"  manifest  names every file with its fingerprint; of {facts}, it is {place}",
        ]

    def _time_words(self) -> str:
        assert self.verified
        claims, said = self.verified.claims, []
        if claims:
            did = "bought" if isinstance(claims, LicenceClaims) else "registered"
            said.append(f"{did} {shortened(claims.createdOn)}")
        if self.anchored_time is not None:
            said.append(f"anchored {datetime.fromtimestamp(self.anchored_time, UTC):%Y-%m-%d %H:%M:%S} UTC")
        if not said:
            return "not said"
        return f"{', '.join(said)}: by the word of the log's operator"


def no(path: str | None, error: Exception) -> Verdict:
    """A no, for the reason that was raised."""
    told = command_error(error)
    return Verdict(path, str(told), told.code)


def _trust_words(signed: Signed) -> str:
    since = f" since {signed.known.first_seen[:10]}" if signed.known else ""
    match signed.trust:
        case Trust.PINNED:
            return "the key you gave"
        case Trust.REMEMBERED:
            return f"remembered{since}"
        case Trust.FIRST_USE:
            return "trusted on first use: compare it with what the operator publishes elsewhere"


def _others_words(verified: Verified, signed: Signed) -> list[str]:
    own = (signed.key.name, signed.key.key_id)
    others = [one.name for one in Note.parse(verified.note).signatures if (one.name, one.key_id) != own]
    return [f"            and by {printable(', '.join(others))}, not checked for want of their keys"] if others else []


def _log_words(verified: Verified, signed: Signed) -> str:
    if signed.log_size is None:
        return f"{count_words(verified.checkpoint.size, 'entry')} at that time; no server was asked how it is now"
    now = f"{count_words(signed.log_size, 'entry')} now"
    if signed.seen_size is None:
        return f"{now}, seen here for the first time; the proof's {verified.checkpoint.size:,} are its beginning"
    return f"{now}; the {signed.seen_size:,} seen here before are its unchanged beginning"


def _version_words(version: VerifiedVersion) -> str:
    manifest, found = version.manifest, version.files
    of = f"version {manifest.version:,} of the dataset {manifest.dataset}"
    files = count_words(len(manifest.files), "file")
    if not found and manifest.files:
        return f"{of}: {count_words(manifest.rows, 'row')} in {files}"
    rows = count_words(sum(file.rows for file in found), "row")
    if version.is_whole:
        return f"all {rows} of {of}, to the byte"
    return f"{rows} of the {manifest.rows:,} of {of}: one of its {files}, to the byte"


def _claims_words(verified: Verified) -> list[str]:
    claims = verified.claims
    if claims is None:
        return ["  claims    none disclosed"]
    if isinstance(claims, LicenceClaims):
        return []  # they are what was bought
    name = "no name" if claims.name is None else f"name {shortened(claims.name)}"
    if isinstance(claims, Claims):
        more = "" if claims.metadata in ("", "{}") else f", metadata {shortened(claims.metadata)}"
    else:
        more = f", version {claims.version} of dataset {shortened(claims.dataset)}, {count_words(claims.rows, 'row')}"
    place = "" if claims.organization is None else f" of organization {shortened(claims.organization)}"
    return [f"  claims    {name}{more}", f"            by member {shortened(claims.creator)}{place}"]
