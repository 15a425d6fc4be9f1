"""Audit the wallets: recompute every balance from the postings, and report what does not agree."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.wallet.types import Currency, money

sql = load_queries(__package__)


class Drift(msgspec.Struct, frozen=True):
    """One row that contradicts the rest of the ledger: its kind, its id, and a sentence that explains it."""

    about: str
    id: UUID
    message: str


class Totals(msgspec.Struct, frozen=True):
    """All money in one currency, in minor units. What was funded is held by people, kept as fees, or paid out."""

    people_hold: int = 0
    fees: int = 0
    funded: int = 0
    paid_out: int = 0


class LedgerAudit(msgspec.Struct, frozen=True):
    """The result of an audit of the wallets."""

    drifts: list[Drift]
    totals: dict[Currency, Totals]
    transfers: int
    postings: int


async def audit_wallets(tx: Connection) -> LedgerAudit:
    """Audit all wallets. `tx` must be a transaction with one snapshot (repeatable read)."""
    drifts = [*await _audit_transfers(tx), *await _audit_accounts(tx)]
    totals: dict[Currency, Totals] = {}
    rows = await tx.fetch(sql.sum_postings)
    for currency in sorted({row["currency"] for row in rows}):
        minor = {row["kind"]: row["minor"] for row in rows if row["currency"] == currency}
        totals[currency] = Totals(
            people_hold=minor.get("person", 0),
            fees=minor.get("fee", 0),
            funded=-minor.get("funding", 0),
            paid_out=minor.get("payout", 0),
        )
    postings = sum(row["postings"] for row in rows)
    return LedgerAudit(drifts, totals, await tx.fetchval(sql.count_transfers), postings)


async def _audit_transfers(tx: Connection) -> list[Drift]:
    drifts = []
    for row in await tx.fetch(sql.audit_balance_of_transfers):
        if row["postings"] == 0:
            message = f"this {row['kind']} has no postings"
        else:
            sum_text = money(row["sum_minor"], row["currency"])
            message = f"this {row['kind']} does not balance: its {row['currency']} postings sum to {sum_text}"
        drifts.append(Drift("transfer", row["id"], message))
    for row in await tx.fetch(sql.audit_directions):
        message = (
            f"this {row['kind']} moved money in a direction that a {row['kind']} does not allow: {row['direction']}"
        )
        drifts.append(Drift("transfer", row["id"], message))
    for row in await tx.fetch(sql.audit_corrections):
        message = f"this correction does not reverse {row['corrects_id']}, or another correction already does"
        drifts.append(Drift("transfer", row["id"], message))
    for row in await tx.fetch(sql.audit_postings):
        why = (
            "its transfer does not exist" if row["is_orphan"] else "its account does not exist, or has another currency"
        )
        drifts.append(Drift("transfer", row["transfer_id"], f"posting {row['line']}: {why}"))
    return drifts


async def _audit_accounts(tx: Connection) -> list[Drift]:
    drifts = []
    for row in await tx.fetch(sql.audit_pending):
        posting = f"posting {row['line']} of transfer {row['transfer_id']}"
        drifts.append(Drift("account", row["account_id"], f"{posting} is pending, but no such amount was posted"))
    for row in await tx.fetch(sql.audit_accounts):
        owner = (
            f"the wallet of {row['username']}" if row["kind"] == "person" else f"the platform's {row['kind']} account"
        )
        stored, posted, stored_earned, posted_earned = (
            money(row[name], row["currency"])
            for name in ("stored_minor", "posted_minor", "stored_earned_minor", "posted_earned_minor")
        )
        if row["stored_minor"] != row["posted_minor"]:
            message = f"{owner} has a balance of {stored}, but its postings sum to {posted}"
            drifts.append(Drift("account", row["id"], message))
        if row["stored_earned_minor"] != row["posted_earned_minor"]:
            message = f"{owner} has earnings of {stored_earned}, but its postings sum to earnings of {posted_earned}"
            drifts.append(Drift("account", row["id"], message))
        if row["kind"] == "person" and row["posted_minor"] < 0:
            drifts.append(Drift("account", row["id"], f"{owner} is below zero: {posted}"))
    return drifts
