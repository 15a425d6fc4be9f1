"""Money for tests: put into wallets by the functions behind `hallmarket admin`, and read back from the ledger."""

from uuid import UUID

from hallmarket.server.wallet.operate import credit
from hallmarket.server.wallet.types import Currency
from support import Connection, Member, Server


def give_money(server: Server, member: Member, amount_minor: int, currency: Currency = "usd") -> UUID:
    """Credit somebody's wallet; the transfer's id."""

    async def give(connection: Connection) -> UUID:
        return await credit(connection, member.username, amount_minor, currency, "for a test")

    return server._beside(give)


def balance_of(server: Server, member: Member, currency: Currency = "usd") -> int:
    """What somebody's postings come to."""
    (row,) = server.query(
        "select coalesce(sum(amount_minor), 0)::bigint as minor from posting p join account a on a.id = p.account_id"
        " where a.person_id = $1 and a.currency = $2",
        UUID(member.person),
        currency,
    )
    return int(row["minor"])
