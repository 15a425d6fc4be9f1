"""Audit all money: recompute it from the postings, and compare purchases, licences, entitlements and log with it."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec

from hallmarket.proof.merkle import leaf_hash
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.purchases.licence_entry import make_entry
from hallmarket.server.purchases.types import read_sale
from hallmarket.server.wallet.audit import Drift, Totals, audit_wallets
from hallmarket.server.wallet.types import Currency, money

sql = load_queries(__package__)

ACCEPTED, ANCHORED = 2, 3  # a licence's status


class MoneyAudit(msgspec.Struct, frozen=True):
    """The result of an audit: how much was examined, and everything that does not agree."""

    drifts: list[Drift]
    totals: dict[Currency, Totals]
    transfers: int
    postings: int
    licences: int


async def audit_money(connection: Connection) -> MoneyAudit:
    """Audit all money in one snapshot. The server may be running; nothing is changed."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await audit_snapshot(connection)


async def audit_snapshot(tx: Connection) -> MoneyAudit:
    """Audit all money. `tx` must be a transaction with one snapshot (repeatable read)."""
    ledger = await audit_wallets(tx)
    drifts = [drift async for drift in _audit_licences(tx)]
    licences = 0
    async for row in tx.cursor(sql.audit_entries):
        licences += 1
        if (problem := _check_entry(row)) is not None:
            drifts.append(Drift("licence", row["id"], problem))
    return MoneyAudit([*ledger.drifts, *drifts], ledger.totals, ledger.transfers, ledger.postings, licences)


async def _audit_licences(tx: Connection) -> AsyncIterator[Drift]:
    for row in await tx.fetch(sql.audit_sales):
        count = row["licences"]
        yield Drift(
            "transfer", row["id"], f"this purchase has {count or 'no'} {'licences' if count > 1 else 'licence'}"
        )
    for row in await tx.fetch(sql.audit_postings):
        what = "the postings of which are not its price and fee" if row["is_its"] else "which is not its purchase"
        yield Drift("licence", row["id"], f"this licence belongs to transfer {row['transfer_id']}, {what}")
    for row in await tx.fetch(sql.audit_refunds):
        stored, moved, earned, left = (
            money(row[name], row["currency"])
            for name in ("refunded_minor", "buyer_minor", "earned_minor", "seller_minor")
        )
        message = (
            f"this licence records refunds of {stored} and seller earnings of {earned},"
            f" but its transfers amount to {moved} and {left}"
        )
        yield Drift("licence", row["id"], message)
    for row in await tx.fetch(sql.audit_orphaned_refunds):
        yield Drift("transfer", row["id"], "this refund belongs to no licence")
    for row in await tx.fetch(sql.audit_missing_entitlements):
        yield Drift("licence", row["id"], "the buyer cannot read the asset that they paid for")
    for row in await tx.fetch(sql.audit_content):
        yield Drift("licence", row["id"], f"the content of the {row['asset_type']} is not the one that was bought")
    for row in await tx.fetch(sql.audit_unpaid_entitlements):
        message = f"{row['username']} can read the asset {row['asset_id']} as a buyer, but has no licence"
        yield Drift("permission", row["id"], message)


def _check_entry(row: asyncpg.Record) -> str | None:
    """Return what is wrong with the log entry of a licence, or None."""
    entry = make_entry(read_sale(row))
    if row["status"] == ACCEPTED:
        if row["entry"] is None:
            return "its entry is neither in the log nor in the queue"
        return None if row["entry"] == entry else "its entry in the queue does not match the licence"
    if row["status"] == ANCHORED:
        if not row["leaf_hash"] == row["leaf"] == leaf_hash(entry):
            return f"the log's entry at index {row['leaf_index']} does not match the licence"
        return None
    return "the log rejected its entry"
