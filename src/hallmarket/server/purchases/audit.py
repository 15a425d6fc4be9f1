"""Recompute all money from the postings, and hold purchases, licences, permissions and the log against it."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec

from hallmarket.proof.merkle import leaf_hash
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.purchases.claims import make_entry
from hallmarket.server.purchases.types import Sale
from hallmarket.server.wallet.audit import Drift, Totals, audit_wallets
from hallmarket.server.wallet.types import Currency, money

sql = load_queries(__package__)

QUEUED, ENTERED = 2, 3


class MoneyAudit(msgspec.Struct, frozen=True):
    """What an audit looked at, and everything it found that is not as it must be."""

    drifts: list[Drift]
    totals: dict[Currency, Totals]
    transfers: int
    postings: int
    licences: int


async def audit_money(connection: Connection) -> MoneyAudit:
    """Look at all money as it was at one moment, beside a running server, changing nothing."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await audit_moment(connection)


async def audit_moment(tx: Connection) -> MoneyAudit:
    """The same in a transaction that sees one moment."""
    ledger = await audit_wallets(tx)
    drifts = [drift async for drift in _audit_licences(tx)]
    licences = 0
    async for row in tx.cursor(sql.audit_entries):
        licences += 1
        if (trouble := _find_trouble(row)) is not None:
            drifts.append(Drift("licence", row["id"], trouble))
    return MoneyAudit([*ledger.drifts, *drifts], ledger.totals, ledger.transfers, ledger.postings, licences)


async def _audit_licences(tx: Connection) -> AsyncIterator[Drift]:
    for row in await tx.fetch(sql.audit_sales):
        yield Drift("transfer", row["id"], f"this purchase has {row['licences'] or 'no'} licence")
    for row in await tx.fetch(sql.audit_postings):
        why = "whose postings are not its price and fee" if row["is_its"] else "which is no purchase of it"
        yield Drift("licence", row["id"], f"it is of the transfer {row['transfer_id']}, {why}")
    for row in await tx.fetch(sql.audit_refunds):
        said, moved, kept, left = (
            money(row[name], row["currency"])
            for name in ("refunded_minor", "buyer_minor", "earned_minor", "kept_minor")
        )
        text = f"it says that {said} was given back and {kept} is the seller's; its refunds come to {moved} and {left}"
        yield Drift("licence", row["id"], text)
    for row in await tx.fetch(sql.audit_lost_refunds):
        yield Drift("transfer", row["id"], "this refund is of nothing that has a licence")
    for row in await tx.fetch(sql.audit_unreadable):
        yield Drift("licence", row["id"], "its buyer may not read what they paid for")
    for row in await tx.fetch(sql.audit_bytes):
        yield Drift("licence", row["id"], f"the {row['asset_type']} that was bought has other bytes now")
    for row in await tx.fetch(sql.audit_unpaid):
        text = f"{row['username']} may read the asset {row['asset_id']} as if they had bought it, and has no licence"
        yield Drift("permission", row["id"], text)


def _find_trouble(row: asyncpg.Record) -> str | None:
    """What is wrong with a licence's place in the log."""
    entry = make_entry(Sale(**{name: row[name] for name in Sale.__struct_fields__}))
    if row["status"] == QUEUED:
        if row["entry"] is None:
            return "its entry is neither in the log nor on its way there"
        return None if row["entry"] == entry else "the entry on its way to the log says something else than it does"
    if row["status"] == ENTERED:
        if not row["leaf_hash"] == row["leaf"] == leaf_hash(entry):
            return f"the log says something else at {row['leaf_index']} than it does"
        return None
    return "the log refused its entry"
