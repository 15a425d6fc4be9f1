"""Transfers made by the server's operator with `hallmarket admin`: credit, payout and correct."""

from typing import Any
from uuid import UUID

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import OPERATOR
from hallmarket.server.wallet.lock import lock_wallets
from hallmarket.server.wallet.transfer import move, record_transfers
from hallmarket.server.wallet.types import (
    FUNDING,
    PAYOUT,
    Account,
    Currency,
    Posting,
    Transfer,
    TransferKind,
    money,
)

sql = load_queries(__package__)

MAX_REASON_LENGTH = 1000
CORRECTABLE = ("credit", "deposit", "tip", "send", "payout")
AUDIT_ACTIONS: dict[TransferKind, str] = {
    "credit": "wallet.credit",
    "payout": "wallet.payout",
    "correction": "wallet.correct",
}


async def credit(
    connection: Connection, username: str, amount_minor: int, currency: Currency, reason: str | None
) -> UUID:
    """Put money into a user's wallet, and return the transfer's id.

    Raises NotFound for an unknown user, Refusal for an invalid reason.
    """
    verify_reason(reason)
    async with connection.transaction():
        person_id = await get_person_id(connection, username)
        postings = move(amount_minor, FUNDING[currency], person_id)
        transfer = Transfer(kind="credit", currency=currency, postings=postings, message=reason)
        await record_transfers(connection, [transfer])
        text = f"{money(amount_minor, currency)} was added to your wallet."
        await _announce(connection, transfer, person_id, amount_minor, text)
    return transfer.id


async def payout(
    connection: Connection, username: str, amount_minor: int, currency: Currency, reason: str | None
) -> UUID:
    """Take money that was paid out to a user's bank from their wallet, and return the transfer's id.

    Raises NotFound for an unknown user, Refusal for an invalid reason or if the wallet holds less.
    """
    verify_reason(reason)
    async with connection.transaction():
        person_id = await get_person_id(connection, username)
        wallets = await lock_wallets(connection, [person_id])
        _require_funds(username, wallets[person_id, currency], amount_minor)
        postings = move(amount_minor, person_id, PAYOUT[currency])
        transfer = Transfer(kind="payout", currency=currency, postings=postings, message=reason)
        await record_transfers(connection, [transfer])
        text = f"{money(amount_minor, currency)} of your wallet was paid out to you."
        await _announce(connection, transfer, person_id, amount_minor, text)
    return transfer.id


async def correct(connection: Connection, transfer_id: UUID, reason: str) -> UUID:
    """Reverse a transfer with one of opposite signs, and return the new transfer's id.

    Raises Refusal if there is no such transfer, it was corrected before, it is a purchase or refund, or the money is
    spent.
    """
    verify_reason(reason)
    async with connection.transaction():
        original = await connection.fetchrow(sql.lock_transfer, transfer_id)
        if original is None:
            raise Refusal(f"There is no transfer {transfer_id}.")
        if original["kind"] not in CORRECTABLE:
            raise Refusal(
                f"Transfer {transfer_id} is a {original['kind']}. Only {', '.join(CORRECTABLE)} can be corrected."
            )
        if (earlier := await connection.fetchval(sql.find_correction, transfer_id)) is not None:
            raise Refusal(f"Transfer {transfer_id} was corrected before, by transfer {earlier}.")
        postings = await connection.fetch(sql.list_postings_of_transfer, transfer_id)
        owned = [posting for posting in postings if posting["person_id"] is not None]
        wallets = await lock_wallets(connection, [posting["person_id"] for posting in owned])
        currency: Currency = postings[0]["currency"]
        for posting in owned:
            account = wallets[posting["person_id"], currency]
            _require_funds(posting["username"], account, posting["amount_minor"])
        correction = Transfer(
            kind="correction",
            currency=currency,
            postings=tuple(
                Posting(posting["person_id"] or posting["account_id"], -posting["amount_minor"]) for posting in postings
            ),
            asset_id=original["asset_id"],
            corrects_id=transfer_id,
            message=reason,
        )
        await record_transfers(connection, [correction])
        for posting in owned:
            change_minor = -posting["amount_minor"]
            what = "was returned to" if change_minor > 0 else "was taken from"
            text = f"{money(abs(change_minor), currency)} {what} your wallet: a {original['kind']} was corrected."
            await _announce(connection, correction, posting["person_id"], change_minor, text)
    return correction.id


def verify_reason(reason: str | None) -> None:
    """Raises Refusal if a reason is too long or contains NUL."""
    if reason is not None and (len(reason) > MAX_REASON_LENGTH or "\0" in reason):
        raise Refusal(f"The reason must have at most {MAX_REASON_LENGTH} characters, and no NUL.")


def _require_funds(username: str, account: Account, amount_minor: int) -> None:
    if account.balance_minor < amount_minor:
        balance, amount = money(account.balance_minor, account.currency), money(amount_minor, account.currency)
        raise Refusal(f"The wallet of {username} holds {balance}, less than {amount}. No money was moved.")


async def _announce(tx: Connection, transfer: Transfer, person_id: UUID, amount_minor: int, text: str) -> None:
    """Write an audit event that the wallet's owner can read, and notify them."""
    details: dict[str, Any] = {"transfer": transfer.id, "amount": amount_minor, "currency": transfer.currency}
    action = AUDIT_ACTIONS[transfer.kind]
    reason = transfer.message
    await record(tx, OPERATOR, action, person_id=person_id, subject_id=person_id, **details, reason=reason)
    kind = "deposit" if transfer.kind == "credit" else "payment"
    await notify(tx, kind, [person_id], content={"text": text, "message": reason, **details})
