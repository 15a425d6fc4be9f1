"""Balances: what counts as earnings, whenever pending postings are folded."""

import asyncio
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from _support.servers import Server
from hallmarket.server.database.connections import Database
from hallmarket.server.principal import job_for
from hallmarket.server.wallet.balance import get_usd_balance
from hallmarket.server.wallet.fold_pending import fold_pending
from hallmarket.server.wallet.lock import lock_wallets
from hallmarket.server.wallet.transfer import move, record_transfers
from hallmarket.server.wallet.types import FUNDING, PAYOUT, Transfer, TransferKind

# Events in a person's wallet: the kind of transfer, the sign of the amount, and the sign of what counts as earned.
EVENTS: dict[str, tuple[TransferKind, int, int]] = {
    "credited": ("credit", 1, 0),
    "sold": ("purchase", 1, 1),
    "received a tip": ("tip", 1, 1),
    "received satoshis": ("send", 1, 1),
    "bought": ("purchase", -1, 0),
    "sent a tip": ("tip", -1, 0),
    "gave a refund": ("refund", -1, -1),
    "received a refund": ("refund", 1, 0),
    "paid out": ("payout", -1, -1),
    "tip corrected": ("correction", -1, -1),
    "payout corrected": ("correction", 1, 1),
    "credit corrected": ("correction", -1, 0),
}
CORRECTED = {"tip corrected": "received a tip", "payout corrected": "paid out", "credit corrected": "credited"}
histories = st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(1, 50)) | st.just("fold"), max_size=25)


@settings(max_examples=25)
@given(history=histories)
def test_earnings_are_income_less_refunds_and_payouts(server: Server, history: list[tuple[str, int] | str]) -> None:
    """Earnings are sales, tips and sends, less refunds and payouts, as far as they are still in the wallet."""
    me, other = [UUID(server.new_member().person) for _ in range(2)]

    async def run() -> None:
        database = Database(server.postgres_url, 2)
        await database.open()
        try:
            balance = earned = 1000
            first = await _apply(database, me, other, "sold", 1000, {})
            last = {"sold": first}  # the last transfer of each event that can still be corrected
            for step in history:
                if isinstance(step, str):
                    await fold_pending(database)
                    continue
                event, amount = step
                if CORRECTED.get(event, "sold") not in last or (EVENTS[event][1] < 0 and balance < amount):
                    continue
                last[event] = await _apply(database, me, other, event, amount, last)
                last.pop(CORRECTED.get(event, ""), None)  # a transfer is corrected once
                balance, earned = balance + EVENTS[event][1] * amount, earned + EVENTS[event][2] * amount
            result = await get_usd_balance(database, job_for(me))
            assert (result.balance_cents, result.earnings_cents) == (balance, min(balance, max(earned, 0)))
            assert result.credits_cents + result.earnings_cents == result.balance_cents
        finally:
            await database.close()

    asyncio.run(run())


async def _apply(
    database: Database, me: UUID, other: UUID, event: str, amount: int, last: dict[str, Transfer]
) -> Transfer:
    """Record the transfer of one event, with another person or the platform on the other side."""
    kind, sign, _ = EVENTS[event]
    async with database.transaction() as tx:
        wallets = await lock_wallets(tx, [me, other])
        if sign > 0 and wallets[other, "usd"].balance_minor < amount:
            postings = move(amount, FUNDING["usd"], other)
            await record_transfers(tx, [Transfer(kind="credit", currency="usd", postings=postings)])
        other_side = {"credit": FUNDING["usd"], "payout": PAYOUT["usd"]}.get(kind, other)
        original = last.get(CORRECTED.get(event, "sold")) if kind in ("refund", "correction") else None
        transfer = Transfer(
            kind=kind,
            currency="usd",
            postings=move(amount, other_side, me) if sign > 0 else move(amount, me, other_side),
            corrects_id=None if original is None else original.id,
        )
        await record_transfers(tx, [transfer])
    return transfer
