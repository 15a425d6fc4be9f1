"""Refund a licence as the server's operator: `hallmarket admin refund`."""

from collections.abc import Callable
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import OPERATOR
from hallmarket.server.purchases.refund import Refund, RefundRequest, refund
from hallmarket.server.wallet.operator_transfers import verify_reason
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)


async def refund_as_operator(
    connection: Connection, licence_id: UUID, read_amount: Callable[[Currency], int | None], reason: str | None
) -> Refund:
    """Refund a licence from its seller's wallet.

    `read_amount` receives the licence's currency and returns the amount in minor units, or None for the rest of the
    price. Raises NotFound, Conflict if less than the amount is left, InsufficientFunds, Refusal for an invalid reason.
    """
    verify_reason(reason)
    async with connection.transaction():
        currency = await connection.fetchval(sql.find_currency, licence_id)
        if currency is None:
            raise NotFound("There is no such licence.")
        return await refund(connection, OPERATOR, licence_id, RefundRequest(read_amount(currency), reason))
