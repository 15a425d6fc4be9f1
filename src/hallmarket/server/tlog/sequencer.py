"""The sequencer: takes queued entries in order and gives each its place in the log, one sequencer over all processes.

Everything one round does, from the leaf indexes to the signed checkpoint and the media it anchors, is one transaction:
a checkpoint whose commit failed never leaves this process, and a crash at any point leaves the log as it was.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog

from hallmarket.proof.checkpoint import Checkpoint, sign_checkpoint
from hallmarket.proof.key import SigningKey
from hallmarket.proof.merkle import leaf_hash
from hallmarket.proof.tile import TILE_HEIGHT, TILE_WIDTH, Growth, grow
from hallmarket.server.database.connections import CONNECTION_ERRORS, DedicatedConnection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable
from hallmarket.server.tlog.types import Entered, Settle, Settlement

sql = load_queries(__package__)
log = structlog.get_logger()

MAX_ENTRIES = 8192
MAX_ENTRY_BYTES = 65_535
STAND_BY_S = 1.0  # how often a process that is not the sequencer asks whether it may be
LOOK_EVERY_S = 0.05  # not NOTIFY: it would make every commit of an anchor wait for all the others
AGAIN_S = 0.2


class HeadMoved(Exception):
    """The head is not where this round found it: another sequencer is at work, and this one must stand back."""


class Sequencer:
    """One candidate; `run` waits until no other is at work, and then sequences. `settle` is told by kind of entry."""

    def __init__(self, url: str, key: SigningKey, interval_s: float, settle: Mapping[str, Settle]) -> None:
        self._connection = DedicatedConnection(url)
        self._key = key
        self._interval_s = interval_s
        self._settle = settle
        self._stopping = asyncio.Event()
        self._away = False
        # The log's right-hand edge, kept from round to round; `None` means it must be read again.
        self._edge: tuple[int, dict[int, bytes], bytes] | None = None

    async def run(self) -> None:
        """Sequence until `stop`, standing by while another process does it, over every loss of the database."""
        while not self._stopping.is_set():
            try:
                connection = await self._connection.get()
                self._away = False
                if await connection.fetchval(sql.become_sequencer):
                    log.info("sequencing", origin=self._key.verifier_key.name)
                    await self._lead(connection)
                else:
                    await self._pause(STAND_BY_S)
            except (Unavailable, *CONNECTION_ERRORS) as error:
                if not self._away:  # said once, however long it lasts
                    cause = str(error.__cause__ or error)
                    log.warning("the sequencer lost its database; it goes on when that is back", error=cause)
                self._away = True
                await self._begin_again()
            except (asyncpg.PostgresError, HeadMoved):
                log.exception("a round of the sequencer failed; nothing of it was kept")
                await self._begin_again()
        await self._connection.close()

    def stop(self) -> None:
        """Finish the round under way and end."""
        self._stopping.set()

    async def _begin_again(self) -> None:
        self._edge = None
        self._connection.terminate()
        await self._pause(AGAIN_S)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past a `stop`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), max(seconds, 0))

    async def _lead(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        while not self._stopping.is_set():
            if not await connection.fetchval(sql.is_queued):
                await self._pause(LOOK_EVERY_S)
                continue
            began = time.monotonic()
            if await self.sequence_once(connection) < MAX_ENTRIES:
                # Checkpoints are paced; whoever comes meanwhile shares the next one.
                await self._pause(self._interval_s - (time.monotonic() - began))

    async def sequence_once(self, connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        """One round: everything queued, up to a bound, enters the log under one new checkpoint. Returns how many."""
        async with connection.transaction():
            head = await connection.fetchrow(sql.lock_head)
            assert head is not None
            rows = await connection.fetch(sql.take_queue, MAX_ENTRIES)
            if not rows:
                return 0
            fit = [row for row in rows if 0 < len(row["entry"]) <= MAX_ENTRY_BYTES and row["kind"] in self._settle]
            await self._enter(connection, head, rows, fit)
            await connection.execute(sql.clear_queue, [row["position"] for row in rows])
        return len(rows)

    async def _enter(
        self,
        tx: "asyncpg.Connection[asyncpg.Record]",
        head: asyncpg.Record,
        rows: Sequence[asyncpg.Record],
        fit: Sequence[asyncpg.Record],
    ) -> None:
        size, number = head["size"], head["number"]
        leaves = [leaf_hash(row["entry"]) for row in fit]
        if fit:
            edge, bundle = await self._read_edge(tx, size)
            growth = grow(size, edge, leaves)
            last_bundle = await self._write(tx, size, growth, bundle, [row["entry"] for row in fit])
            number += 1
            checkpoint = Checkpoint(self._key.verifier_key.name, growth.size, growth.root)
            note = sign_checkpoint(checkpoint, self._key)
            await tx.execute(sql.create_checkpoint, number, growth.size, growth.root, note, datetime.now(UTC))
            if await tx.execute(sql.move_head, growth.size, number, size) != "UPDATE 1":
                raise HeadMoved
            # Good only if this commits; if not, `_begin_again` forgets it.
            self._edge = (growth.size, growth.edge, last_bundle)
        await self._settle_all(tx, size, number, rows, fit, leaves)

    async def _settle_all(
        self,
        tx: "asyncpg.Connection[asyncpg.Record]",
        size: int,
        number: int,
        rows: Sequence[asyncpg.Record],
        fit: Sequence[asyncpg.Record],
        leaves: Sequence[bytes],
    ) -> None:
        entered: dict[str, list[Entered]] = {}
        for offset, (row, leaf) in enumerate(zip(fit, leaves, strict=True)):
            entered.setdefault(row["kind"], []).append(Entered(row["subject_id"], size + offset, leaf))
        refused: dict[str, list[UUID]] = {}
        places = {row["position"] for row in fit}
        for row in rows:
            if row["position"] not in places:
                reason = "its kind is unknown" if row["kind"] not in self._settle else "an entry has 1 to 65,535 bytes"
                log.error("an entry was refused", kind=row["kind"], subject_id=str(row["subject_id"]), reason=reason)
                refused.setdefault(row["kind"], []).append(row["subject_id"])
        for kind, settle in self._settle.items():
            if kind in entered or kind in refused:
                await settle(tx, Settlement(number, entered.get(kind, ()), refused.get(kind, ())))

    async def _read_edge(self, tx: "asyncpg.Connection[asyncpg.Record]", size: int) -> tuple[dict[int, bytes], bytes]:
        """The partial tile of every level, and the entry bundle that is not yet full, at `size`."""
        if self._edge is not None and self._edge[0] == size:
            return self._edge[1], self._edge[2]
        levels = [level for level in range(8) if (size >> TILE_HEIGHT * level) % TILE_WIDTH]
        indexes = [size >> TILE_HEIGHT * (level + 1) for level in levels]
        found = {row["level"]: row["hashes"] for row in await tx.fetch(sql.find_tiles, levels, indexes)}
        bundle = await tx.fetchrow(sql.find_bundle, size // TILE_WIDTH) if size % TILE_WIDTH else None
        return found, bundle["entries"] if bundle else b""

    async def _write(
        self,
        tx: "asyncpg.Connection[asyncpg.Record]",
        size: int,
        growth: Growth,
        bundle: bytes,
        entries: Sequence[bytes],
    ) -> bytes:
        """Write the tiles that grew and the entries into their bundles; returns the bundle that is not yet full."""
        levels, indexes = zip(*growth.tiles, strict=True)
        await tx.execute(sql.write_tiles, levels, indexes, list(growth.tiles.values()))
        bundles: dict[int, list[bytes]] = {size // TILE_WIDTH: [bundle]}
        for index, entry in enumerate(entries, start=size):
            bundles.setdefault(index // TILE_WIDTH, []).append(len(entry).to_bytes(2, "big") + entry)
        widths = [min(growth.size - index * TILE_WIDTH, TILE_WIDTH) for index in bundles]
        contents = [b"".join(pieces) for pieces in bundles.values()]
        await tx.execute(sql.write_bundles, list(bundles), widths, contents)
        return contents[-1] if growth.size % TILE_WIDTH else b""
