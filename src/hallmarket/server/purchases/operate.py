"""What an operator does to purchases by command; the right to it is the machine's."""

from collections.abc import Callable
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import OPERATOR
from hallmarket.server.purchases.refund import Refund, RefundWanted, give_back
from hallmarket.server.wallet.operate import check_reason
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)


async def refund(
    connection: Connection, licence_id: UUID, read_amount: Callable[[Currency], int | None], reason: str | None
) -> Refund:
    """Give back what was paid, or what `read_amount` makes of it in the licence's currency, from its seller's wallet.

    Raises NotFound, Conflict if that much is not left, InsufficientFunds, Refusal for a reason that is too long.
    """
    check_reason(reason)
    async with connection.transaction():
        currency = await connection.fetchval(sql.find_currency, licence_id)
        if currency is None:
            raise NotFound("There is no such licence.")
        return await give_back(connection, OPERATOR, licence_id, RefundWanted(read_amount(currency), reason))
