"""Recompute all wallets from the postings, and tell whatever does not agree with them."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.wallet.types import Currency, money

sql = load_queries(__package__)


class Drift(msgspec.Struct, frozen=True):
    """Something that is not as it must be: what kind of thing, its id, and a sentence."""

    about: str
    id: UUID
    message: str


class Totals(msgspec.Struct, frozen=True):
    """All money in one currency, in minor units: what came in is with people, was kept as fees, or was paid out."""

    people_hold: int = 0
    fees: int = 0
    funded: int = 0
    paid_out: int = 0


class Ledger(msgspec.Struct, frozen=True):
    """What an audit of the wallets found."""

    drifts: list[Drift]
    totals: dict[Currency, Totals]
    transfers: int
    postings: int


async def audit_wallets(tx: Connection) -> Ledger:
    """Look at everything, in a transaction that sees one moment."""
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
    return Ledger(drifts, totals, await tx.fetchval(sql.count_transfers), postings)


async def _audit_transfers(tx: Connection) -> list[Drift]:
    found = []
    for row in await tx.fetch(sql.audit_transfers):
        if row["lines"] == 0:
            message = f"this {row['kind']} has no postings"
        else:
            off = money(row["off_minor"], row["currency"])
            message = f"this {row['kind']} does not balance: its postings in {row['currency']} come to {off}"
        found.append(Drift("transfer", row["id"], message))
    for row in await tx.fetch(sql.audit_directions):
        message = f"this {row['kind']} moved money in a way that a {row['kind']} does not: {row['way']}"
        found.append(Drift("transfer", row["id"], message))
    for row in await tx.fetch(sql.audit_corrections):
        message = f"this correction is not the opposite of {row['corrects_id']}, or is its second"
        found.append(Drift("transfer", row["id"], message))
    for row in await tx.fetch(sql.audit_postings):
        why = "there is no such transfer" if row["is_astray"] else "its account is not there, or in another currency"
        found.append(Drift("transfer", row["transfer_id"], f"posting {row['line']}: {why}"))
    return found


async def _audit_accounts(tx: Connection) -> list[Drift]:
    found = []
    for row in await tx.fetch(sql.audit_pending):
        what = f"posting {row['line']} of {row['transfer_id']}"
        found.append(Drift("account", row["account_id"], f"{what} waits to be counted up, and is not what moved"))
    for row in await tx.fetch(sql.audit_accounts):
        whose = f"the wallet of {row['username']}" if row["kind"] == "person" else f"the platform's {row['kind']}"
        held, moved, kept, earned = (
            money(row[what], row["currency"]) for what in ("held_minor", "moved_minor", "kept_minor", "earned_minor")
        )
        if row["held_minor"] != row["moved_minor"]:
            found.append(Drift("account", row["id"], f"{whose} says {held}, and its postings come to {moved}"))
        if row["kept_minor"] != row["earned_minor"]:
            found.append(Drift("account", row["id"], f"{whose} says that {kept} was earned, and it was {earned}"))
        if row["kind"] == "person" and row["moved_minor"] < 0:
            found.append(Drift("account", row["id"], f"{whose} is below zero: {moved}"))
    return found
