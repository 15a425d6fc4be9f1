"""Sequencer: takes queued entries in order and assigns each its leaf index. One process at a time does this.

A round is one transaction, from the leaf indexes to the signed checkpoint and the subjects it anchors. A checkpoint
whose commit failed never leaves this process, and a crash at any point leaves the log unchanged.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

import asyncpg
import structlog

from hallmarket.proof.key import SigningKey
from hallmarket.proof.merkle import leaf_hash
from hallmarket.proof.tile import TILE_HEIGHT, TILE_WIDTH, Growth, grow
from hallmarket.server.database.connections import CONNECTION_ERRORS, DedicatedConnection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable
from hallmarket.server.room import SequencingHandler
from hallmarket.server.tlog.checkpoint import create_checkpoint
from hallmarket.server.tlog.types import SequencedEntry, SequencingResult

sql = load_queries(__package__)
log = structlog.get_logger()

MAX_ENTRIES = 8192  # per round
MAX_ENTRY_BYTES = 65_535
STANDBY_INTERVAL_S = 1.0  # how often a standby process tries to become the sequencer
POLL_INTERVAL_S = 0.05  # polled, because NOTIFY would make the commits of all anchors wait for each other
RECONNECT_DELAY_S = 0.2


class HeadMoved(Exception):
    """Another sequencer moved the head during this round, so the round must be rolled back."""


class Sequencer:
    """A process that sequences, or stands by while another process does.

    `handlers` maps each kind of entry to the function that updates its subjects.
    """

    def __init__(self, url: str, key: SigningKey, interval_s: float, handlers: Mapping[str, SequencingHandler]) -> None:
        self._connection = DedicatedConnection(url)
        self._key = key
        self._interval_s = interval_s
        self._handlers = handlers
        self._stopping = asyncio.Event()
        self._connection_lost = False
        # The size, the partial tile of each level and the partial bundle after the last round. None means that they
        # must be read from the database.
        self._edge: tuple[int, dict[int, bytes], bytes] | None = None

    async def run(self) -> None:
        """Sequence or stand by until `stop` is called, reconnecting after every loss of the database."""
        while not self._stopping.is_set():
            try:
                connection = await self._connection.get()
                self._connection_lost = False
                if await connection.fetchval(sql.try_become_sequencer):
                    log.info("sequencing", origin=self._key.verifier_key.name)
                    await self._run_rounds(connection)
                else:
                    await self._pause(STANDBY_INTERVAL_S)
            except (Unavailable, *CONNECTION_ERRORS) as error:
                if not self._connection_lost:  # logged once per outage
                    cause = str(error.__cause__ or error)
                    log.warning("sequencer lost the database; it continues when the database is back", error=cause)
                self._connection_lost = True
                await self._reconnect()
            except (asyncpg.PostgresError, HeadMoved):
                log.exception("sequencing round failed and was rolled back; it is retried")
                await self._reconnect()
        await self._connection.close()

    def stop(self) -> None:
        """Finish the current round, then stop."""
        self._stopping.set()

    async def _reconnect(self) -> None:
        self._edge = None
        self._connection.terminate()
        await self._pause(RECONNECT_DELAY_S)

    async def _pause(self, seconds: float) -> None:
        """Sleep until the time is over or `stop` is called."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), max(seconds, 0))

    async def _run_rounds(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        while not self._stopping.is_set():
            if not await connection.fetchval(sql.has_queued_entries):
                await self._pause(POLL_INTERVAL_S)
                continue
            started = time.monotonic()
            if await self._run_round(connection) < MAX_ENTRIES:
                # Checkpoints are paced: entries that arrive during the pause share the next one.
                await self._pause(self._interval_s - (time.monotonic() - started))

    async def _run_round(self, connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        """Sequence up to `MAX_ENTRIES` queued entries under one new checkpoint. Returns the number taken."""
        async with connection.transaction():
            head = await connection.fetchrow(sql.lock_head)
            assert head is not None
            rows = await connection.fetch(sql.list_queued_entries, MAX_ENTRIES)
            if not rows:
                return 0
            reasons = {row["position"]: self._rejection_reason(row) for row in rows}
            accepted = [row for row in rows if reasons[row["position"]] is None]
            rejected = [row for row in rows if reasons[row["position"]] is not None]
            for row in rejected:
                log.error(
                    "log entry rejected",
                    kind=row["kind"],
                    subject_id=str(row["subject_id"]),
                    reason=reasons[row["position"]],
                )
            leaves = [leaf_hash(row["entry"]) for row in accepted]
            number = head["number"]
            if accepted:
                number += 1
                await self._grow(connection, head["size"], number, [row["entry"] for row in accepted], leaves)
            await self._notify_handlers(connection, head["size"], number, accepted, leaves, rejected)
            await connection.execute(sql.delete_queued_entries, [row["position"] for row in rows])
        return len(rows)

    def _rejection_reason(self, row: asyncpg.Record) -> str | None:
        """Return why an entry cannot enter the log, or None if it can."""
        if row["kind"] not in self._handlers:
            return "unknown kind"
        if not 0 < len(row["entry"]) <= MAX_ENTRY_BYTES:
            return "an entry must have 1 to 65,535 bytes"
        return None

    async def _grow(
        self,
        tx: "asyncpg.Connection[asyncpg.Record]",
        size: int,
        number: int,
        entries: Sequence[bytes],
        leaves: Sequence[bytes],
    ) -> None:
        """Add entries to a log of `size` entries under checkpoint `number`. Raises HeadMoved."""
        edge, bundle = await self._read_edge(tx, size)
        growth = grow(size, edge, leaves)
        partial_bundle = await self._write(tx, size, growth, bundle, entries)
        await create_checkpoint(tx, self._key, number, growth.size, growth.root)
        if await tx.execute(sql.move_head, growth.size, number, size) != "UPDATE 1":
            raise HeadMoved
        # Valid only if this transaction commits. If it does not, `_reconnect` clears it.
        self._edge = (growth.size, growth.edge, partial_bundle)

    async def _notify_handlers(
        self,
        tx: "asyncpg.Connection[asyncpg.Record]",
        size: int,
        number: int,
        accepted: Sequence[asyncpg.Record],
        leaves: Sequence[bytes],
        rejected: Sequence[asyncpg.Record],
    ) -> None:
        """Call the handler of each kind with its entries of this round."""
        sequenced_by_kind: dict[str, list[SequencedEntry]] = {}
        for index, (row, leaf) in enumerate(zip(accepted, leaves, strict=True), start=size):
            sequenced_by_kind.setdefault(row["kind"], []).append(SequencedEntry(row["subject_id"], index, leaf))
        rejected_by_kind: dict[str, list[UUID]] = {}
        for row in rejected:
            rejected_by_kind.setdefault(row["kind"], []).append(row["subject_id"])
        for kind, handle in self._handlers.items():
            if kind in sequenced_by_kind or kind in rejected_by_kind:
                result = SequencingResult(number, sequenced_by_kind.get(kind, ()), rejected_by_kind.get(kind, ()))
                await handle(tx, result)

    async def _read_edge(self, tx: "asyncpg.Connection[asyncpg.Record]", size: int) -> tuple[dict[int, bytes], bytes]:
        """Return the partial tile of each level and the partial entry bundle of a log of `size` entries."""
        if self._edge is not None and self._edge[0] == size:
            return self._edge[1], self._edge[2]
        levels = [level for level in range(8) if (size >> TILE_HEIGHT * level) % TILE_WIDTH]
        indexes = [size >> TILE_HEIGHT * (level + 1) for level in levels]
        tiles = {row["level"]: row["hashes"] for row in await tx.fetch(sql.find_tiles, levels, indexes)}
        bundle = await tx.fetchrow(sql.find_bundle, size // TILE_WIDTH) if size % TILE_WIDTH else None
        return tiles, bundle["entries"] if bundle else b""

    async def _write(
        self,
        tx: "asyncpg.Connection[asyncpg.Record]",
        size: int,
        growth: Growth,
        bundle: bytes,
        entries: Sequence[bytes],
    ) -> bytes:
        """Write the tiles and entry bundles that changed. Returns the partial bundle, or b"" if the last is full."""
        levels, indexes = zip(*growth.tiles, strict=True)
        await tx.execute(sql.write_tiles, levels, indexes, list(growth.tiles.values()))
        bundles: dict[int, list[bytes]] = {size // TILE_WIDTH: [bundle]}
        for index, entry in enumerate(entries, start=size):
            bundles.setdefault(index // TILE_WIDTH, []).append(len(entry).to_bytes(2, "big") + entry)
        widths = [min(growth.size - index * TILE_WIDTH, TILE_WIDTH) for index in bundles]
        contents = [b"".join(pieces) for pieces in bundles.values()]
        await tx.execute(sql.write_bundles, list(bundles), widths, contents)
        return contents[-1] if growth.size % TILE_WIDTH else b""
