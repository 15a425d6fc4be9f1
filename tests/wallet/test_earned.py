"""What somebody earned: the same however often it was counted up in between."""

import asyncio
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from _support.servers import Server
from hallmarket.server.database.connections import Database
from hallmarket.server.wallet.balance import get_usd_balance
from hallmarket.server.wallet.fold import fold
from hallmarket.server.wallet.transfer import find_accounts, lock_wallets, move, record_transfers
from hallmarket.server.wallet.types import FUNDING, PAYOUT, Transfer, TransferKind

# What happens to somebody, what it moves, and what of it counts as earned.
EFFECTS: dict[str, tuple[TransferKind, int, int]] = {
    "credited": ("credit", 1, 0),
    "sold": ("purchase", 1, 1),
    "tipped": ("tip", 1, 1),
    "sent": ("send", 1, 1),
    "bought": ("purchase", -1, 0),
    "gave": ("tip", -1, 0),
    "gave back": ("refund", -1, -1),
    "was given back": ("refund", 1, 0),
    "was paid out": ("payout", -1, -1),
    "tip taken back": ("correction", -1, -1),
    "payout taken back": ("correction", 1, 1),
    "credit taken back": ("correction", -1, 0),
}
TAKEN_BACK = {"tip taken back": "tipped", "payout taken back": "was paid out", "credit taken back": "credited"}
lives = st.lists(st.tuples(st.sampled_from(sorted(EFFECTS)), st.integers(1, 50)) | st.just("fold"), max_size=25)


@settings(max_examples=25)
@given(life=lives)
def test_earned_is_what_came_in_by_work(server: Server, life: list[tuple[str, int] | str]) -> None:
    """Earnings are sales, tips and sends less what went back or was paid out, as far as they are still there."""
    me, other = [UUID(server.new_member().person) for _ in range(2)]

    async def run() -> None:
        database = Database(server.postgres_url, 2)
        await database.open()
        try:
            held = earned = 1000
            first = await _happen(database, me, other, "sold", 1000, {})
            done = {"sold": first}
            for each in life:
                if isinstance(each, str):
                    await fold(database)
                    continue
                what, amount = each
                if TAKEN_BACK.get(what, "sold") not in done or (EFFECTS[what][1] < 0 and held < amount):
                    continue
                done[what] = await _happen(database, me, other, what, amount, done)
                done.pop(TAKEN_BACK.get(what, ""), None)  # a transfer is taken back once
                held, earned = held + EFFECTS[what][1] * amount, earned + EFFECTS[what][2] * amount
            shown = await get_usd_balance(database, me)
            assert (shown.balance_cents, shown.earnings_cents) == (held, min(held, max(earned, 0)))
            assert shown.credits_cents + shown.earnings_cents == shown.balance_cents
        finally:
            await database.close()

    asyncio.run(run())


async def _happen(
    database: Database, me: UUID, other: UUID, what: str, amount: int, done: dict[str, Transfer]
) -> Transfer:
    """One thing that happens, with another person or the platform at the other end."""
    kind, sign, _ = EFFECTS[what]
    async with database.transaction() as tx:
        accounts = await find_accounts(tx, [me, other])
        wallets = await lock_wallets(tx, [me, other])
        mine, theirs = accounts[me, "usd"], accounts[other, "usd"]
        if sign > 0 and wallets[other, "usd"].balance_minor < amount:
            credit = Transfer(kind="credit", currency="usd", postings=move(amount, FUNDING["usd"], theirs))
            await record_transfers(tx, [credit])
        far = {"credit": FUNDING["usd"], "payout": PAYOUT["usd"]}.get(kind, theirs)
        about = done.get(TAKEN_BACK.get(what, "sold")) if kind in ("refund", "correction") else None
        transfer = Transfer(
            kind=kind,
            currency="usd",
            postings=move(amount, far, mine) if sign > 0 else move(amount, mine, far),
            corrects_id=None if about is None else about.id,
        )
        await record_transfers(tx, [transfer])
    return transfer
