"""What an operator does to wallets by command; the right to it is the machine's. Each is a transfer of its own."""

from typing import Any
from uuid import UUID

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.profile import find_someone
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import OPERATOR
from hallmarket.server.wallet.transfer import find_accounts, lock_wallets, move, record_transfers
from hallmarket.server.wallet.types import FUNDING, PAYOUT, Currency, Posting, Transfer, TransferKind, money

sql = load_queries(__package__)

MAX_REASON_LENGTH = 1000
CORRECTABLE = ("credit", "deposit", "tip", "send", "payout")


async def credit(
    connection: Connection, username: str, amount_minor: int, currency: Currency, reason: str | None
) -> UUID:
    """Put money into somebody's wallet; the transfer's id. Raises NotFound for an unknown user, Refusal."""
    check_reason(reason)
    async with connection.transaction():
        person_id = await find_someone(connection, username)
        account = (await find_accounts(connection, [person_id]))[person_id, currency]
        postings = move(amount_minor, FUNDING[currency], account)
        made = Transfer(kind="credit", currency=currency, postings=postings, message=reason)
        await record_transfers(connection, [made])
        text = f"{money(amount_minor, currency)} came into your wallet."
        await _tell(connection, made, person_id, amount_minor, reason, text)
    return made.id


async def payout(
    connection: Connection, username: str, amount_minor: int, currency: Currency, reason: str | None
) -> UUID:
    """Take money that has left for somebody's bank out of their wallet; the transfer's id. Raises NotFound, Refusal."""
    check_reason(reason)
    async with connection.transaction():
        person_id = await find_someone(connection, username)
        account = (await lock_wallets(connection, [person_id]))[person_id, currency]
        _require(username, account.balance_minor, amount_minor, currency)
        postings = move(amount_minor, account.id, PAYOUT[currency])
        made = Transfer(kind="payout", currency=currency, postings=postings, message=reason)
        await record_transfers(connection, [made])
        text = f"{money(amount_minor, currency)} of your wallet was paid out to you."
        await _tell(connection, made, person_id, amount_minor, reason, text)
    return made.id


async def correct(connection: Connection, transfer_id: UUID, reason: str) -> UUID:
    """Take a transfer back by one with opposite signs; the new transfer's id.

    Raises Refusal if there is none, it was taken back before, is a purchase or refund, or the money is spent.
    """
    check_reason(reason)
    async with connection.transaction():
        found = await connection.fetchrow(sql.lock_transfer, transfer_id)
        if found is None:
            raise Refusal(f"There is no transfer {transfer_id}.")
        if found["kind"] not in CORRECTABLE:
            raise Refusal(f"It is a {found['kind']}; only {', '.join(CORRECTABLE)} can be corrected.")
        if (earlier := await connection.fetchval(sql.find_correction, transfer_id)) is not None:
            raise Refusal(f"It was corrected before, by the transfer {earlier}.")
        lines = await connection.fetch(sql.list_postings_of_transfer, transfer_id)
        people = [line["person_id"] for line in lines if line["person_id"] is not None]
        wallets = await lock_wallets(connection, people)
        currency = lines[0]["currency"]
        for line in lines:
            if line["person_id"] is not None and line["amount_minor"] > 0:
                held = wallets[line["person_id"], currency].balance_minor
                _require(line["username"], held, line["amount_minor"], currency)
        made = Transfer(
            kind="correction",
            currency=currency,
            postings=tuple(Posting(line["account_id"], -line["amount_minor"]) for line in lines),
            asset_id=found["asset_id"],
            corrects_id=transfer_id,
            message=reason,
        )
        await record_transfers(connection, [made])
        for line in lines:
            if line["person_id"] is not None:
                moved = -line["amount_minor"]
                way = "came back into" if moved > 0 else "was taken out of"
                text = f"{money(abs(moved), currency)} {way} your wallet: a {found['kind']} was corrected."
                await _tell(connection, made, line["person_id"], moved, reason, text)
    return made.id


def check_reason(reason: str | None) -> None:
    """Raises Refusal for a reason that cannot be kept."""
    if reason is not None and (len(reason) > MAX_REASON_LENGTH or "\0" in reason):
        raise Refusal(f"A reason is text of at most {MAX_REASON_LENGTH} characters, without NUL.")


def _require(username: str, held_minor: int, amount_minor: int, currency: Currency) -> None:
    if held_minor < amount_minor:
        held, wanted = money(held_minor, currency), money(amount_minor, currency)
        raise Refusal(f"The wallet of {username} holds {held}, less than {wanted}; nothing has moved.")


ACTIONS: dict[TransferKind, str] = {"credit": "credit", "payout": "payout", "correction": "correct"}


async def _tell(
    tx: Connection, made: Transfer, person_id: UUID, amount_minor: int, reason: str | None, text: str
) -> None:
    """Write it down, readable for whose wallet it is, and tell them."""
    verb, about = ACTIONS[made.kind], {"transfer": made.id, "amount": amount_minor, "currency": made.currency}
    details: dict[str, Any] = {"person_id": person_id, "subject_id": person_id, **about, "reason": reason}
    await record(tx, OPERATOR, f"wallet.{verb}", **details)
    kind = "deposit" if made.kind == "credit" else "payment"
    await notify(tx, kind, [person_id], content={"text": text, "message": reason, **about})
