"""Verification against a live log, including that the log seen before is a prefix of the log shown now."""

import time
from typing import TYPE_CHECKING

from hallmarket.client._errors import HallmarketError, LogRefused
from hallmarket.client._known_logs import KnownLog, KnownLogs, Trust
from hallmarket.proof.bundle import Bundle, Verified, verify_bundle
from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint
from hallmarket.proof.entry import MEDIA
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.merkle import consistency_ranges, verify_consistency
from hallmarket.proof.strict import HASH_BYTES
from hallmarket.proof.tile import TILE_WIDTH, Tile, consistency_proof, tiles_needed

if TYPE_CHECKING:
    from hallmarket.client._hallmarket import Hallmarket

# A cache may serve an older checkpoint for a few seconds.
CACHE_S = 6.0
CACHE_PAUSE_S = 0.5


class TileReader:
    """Reads tiles of one server's log, fetching each once."""

    def __init__(self, server: "Hallmarket") -> None:
        self._server = server
        self._tiles: dict[tuple[int, int], bytes] = {}

    def read(self, needed: list[Tile]) -> dict[tuple[int, int], bytes]:
        """Return tiles that are at least as wide as needed; raises ProofError if the log lacks one."""
        for tile in needed:
            if len(self._tiles.get(tile[:2], b"")) < tile.width * HASH_BYTES:
                self._tiles[tile[:2]] = self._fetch(tile)
        return self._tiles

    def _fetch(self, tile: Tile) -> bytes:
        try:
            data = self._server.tile(tile.path)
        except HallmarketError as error:
            if error.status != 404:
                raise
            if tile.width == TILE_WIDTH:
                raise ProofError(f"The log lacks {tile.path}, which is needed to check its history.") from None
            # The partial tile may be deleted once the full tile exists, which begins with the same hashes.
            return self._fetch(tile._replace(width=TILE_WIDTH))
        if len(data) != tile.width * HASH_BYTES:
            raise ProofError(f"The log's {tile.path} has {len(data)} bytes instead of {tile.width * HASH_BYTES}.")
        return data


class LogView:
    """One server's log during one run: its key, its newest checkpoint, and proof that its history is unchanged.

    Creating a view verifies the remembered checkpoint; raises LogRefused if the log must not be trusted. Only
    `remember` writes to the file of known logs, and only what was verified. A checkpoint smaller than the remembered
    one may come from a cache, so it is requested again for up to `cache_s` seconds.
    """

    def __init__(
        self, server: "Hallmarket", known_logs: KnownLogs, pinned: str | None = None, cache_s: float = CACHE_S
    ) -> None:
        self._server, self._known_logs = server, known_logs
        self._tiles = TileReader(server)
        known = known_logs.find(server.url)
        self.key, self.trust = _trusted_key(server, known, known_logs, pinned)
        # A newly pinned key is another log, of which nothing is remembered.
        self.known = known if known and known.key == str(self.key) else None
        self.remembered = _remembered_checkpoint(self.known, known_logs)
        self.note, self.head = self._newest(self.remembered.size if self.remembered else 0, cache_s)
        if self.remembered:
            self._verify_prefix(self.remembered, "the log seen before")

    def verify(self, bundle: Bundle, sha3_512: str | None, size_bytes: int | None, kind: str = MEDIA) -> Verified:
        """Verify a bundle, a file's fingerprint and size if given, and that its checkpoint belongs to this log.

        Raises ProofError and LogRefused.
        """
        verified = verify_bundle(bundle, self.key, sha3_512, size_bytes, kind)
        if verified.checkpoint.size > self.head.size:
            self._advance_head(verified)
        self._verify_prefix(verified.checkpoint, "the proof's log")
        return verified

    def remember(self) -> None:
        """Store the key and the newest verified checkpoint."""
        self._known_logs.remember(self._server.url, self.key, self.note)

    def _newest(self, min_size: int, cache_s: float) -> tuple[str, Checkpoint]:
        deadline_s = time.monotonic() + cache_s
        while True:
            note = self._server.checkpoint()
            head = open_checkpoint(note, self.key)
            if head.size >= min_size or time.monotonic() >= deadline_s:
                return note, head
            time.sleep(CACHE_PAUSE_S)

    def _advance_head(self, verified: Verified) -> None:
        """Take the newest checkpoint as the head, because the log has grown since the last request."""
        before = self.head
        self.note, self.head = self._newest(0, 0)
        if self.head.size < verified.checkpoint.size:
            # A cache served an older checkpoint; the proof's own checkpoint is signed by the same key.
            self.head, self.note = verified.checkpoint, verified.note
        self._verify_prefix(before, "the log seen a moment ago")

    def _verify_prefix(self, old: Checkpoint, description: str) -> None:
        new = self.head
        if old.size > new.size:
            raise LogRefused(
                f"forked log: {description} had {old.size} entries, and {self._server.url} now shows only {new.size}"
            )
        try:
            tiles = self._tiles.read(tiles_needed(consistency_ranges(old.size, new.size), new.size))
            proof = consistency_proof(old.size, new.size, tiles)
            verify_consistency(old.size, old.root, new.size, new.root, proof)
        except ProofError as error:
            raise LogRefused(
                f"forked log: {description}, of {old.size} entries, is not the beginning of the one "
                f"that {self._server.url} shows, of {new.size} ({error})"
            ) from None


def _trusted_key(
    server: "Hallmarket", known: KnownLog | None, known_logs: KnownLogs, pinned: str | None
) -> tuple[VerifierKey, Trust]:
    served = VerifierKey.parse(server.log_key())
    if pinned is not None:
        if VerifierKey.parse(pinned) != served:
            raise LogRefused(f"{server.url} shows the log key {served}, not the one given by --log-key, {pinned}")
        return served, Trust.PINNED
    if known is None:
        return served, Trust.FIRST_USE
    if known.key != str(served):
        raise LogRefused(
            f"{server.url} changed its log key: since {known.first_seen} it was {known.key}, now it is {served}. "
            f"If the operator confirms the change, pass --log-key once, or remove the old key from {known_logs.path}"
        )
    return served, Trust.REMEMBERED


def _remembered_checkpoint(known: KnownLog | None, known_logs: KnownLogs) -> Checkpoint | None:
    try:
        return known.find_checkpoint() if known else None
    except ProofError as error:
        raise LogRefused(f"{known_logs.path} is damaged: {error}") from None
