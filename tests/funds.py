"""Money for tests: put into wallets by the function behind `hallmarket admin credit`, and read back from the ledger."""

from uuid import UUID

from hallmarket.server.wallet import operate
from hallmarket.server.wallet.types import Currency
from support import Connection, Server


def credit(server: Server, person: str, amount_minor: int, currency: Currency = "usd") -> UUID:
    """Put money into somebody's wallet; the transfer's id."""

    async def give(connection: Connection) -> UUID:
        return await operate.credit(connection, person, amount_minor, currency, "for a test")

    return server.beside(give)


def balance(server: Server, person: str, currency: Currency = "usd") -> int:
    """What somebody's wallet holds: the sum of all that was ever posted to it."""
    (row,) = server.query(
        "select coalesce(sum(p.amount_minor), 0)::bigint as balance from posting p"
        " join account a on a.id = p.account_id where a.person_id = $1 and a.currency = $2",
        UUID(person),
        currency,
    )
    return int(row["balance"])
