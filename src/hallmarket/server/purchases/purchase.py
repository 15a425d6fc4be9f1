"""Buy assets. Orders that arrive together share one transaction, in which each is sold completely or not at all."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import structlog

from hallmarket.proof.entry import LICENCE
from hallmarket.server.catalog.entitlements import grant_purchased_access
from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, Unavailable
from hallmarket.server.idempotency.store import do_each_once
from hallmarket.server.purchases.announce import announce_sales
from hallmarket.server.purchases.licence_entry import make_entry
from hallmarket.server.purchases.pricing import decide_orders
from hallmarket.server.purchases.types import Order, Sale
from hallmarket.server.tlog.append import append
from hallmarket.server.wallet.lock import lock_wallets
from hallmarket.server.wallet.transfer import record_transfers
from hallmarket.server.wallet.types import FEE, Posting, Transfer

sql = load_queries(__package__)
log = structlog.get_logger()

MAX_BATCH = 200  # orders in one transaction
MAX_ATTEMPTS = 5


class Purchases:
    """The purchases of one process. Orders that arrive while a transaction is running share the next one."""

    def __init__(self, database: Database, fee_bps: int) -> None:
        """`fee_bps` is the platform's share of each price, in hundredths of a percent."""
        self._database = database
        self._fee_bps = fee_bps
        self._batcher: Batcher[Order, Sale | None] = Batcher(self._commit, MAX_BATCH)

    async def purchase(self, order: Order) -> Sale:
        """Buy an asset: money, entitlement, licence and log entry commit together or not at all.

        Raises NotFound, NotForSale, AlreadyBought, PriceChanged, InsufficientFunds; Replay or IdempotencyMismatch if
        the order's idempotency key was used before; Unavailable, after which the order may or may not be executed.
        """
        if (sale := await self._batcher.submit(order)) is not None:
            return sale
        # Another transaction is changing the asset. This order waits for it in a transaction of its own, so that no
        # other order has to wait.
        (outcome,) = await self._commit([order], wait=True)
        if isinstance(outcome, Exception):
            raise outcome
        assert outcome is not None
        return outcome

    async def _commit(self, orders: Sequence[Order], *, wait: bool = False) -> list[Sale | Exception | None]:
        """Execute orders in one transaction. After an unexpected error each order gets a transaction of its own."""
        for _ in range(MAX_ATTEMPTS):
            try:
                async with self._database.transaction() as tx:
                    return await self._purchase_each(tx, orders, wait=wait)
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError):
                continue  # another transaction was faster; look at what it did
            except Unavailable:
                raise
            except Exception:
                if len(orders) == 1:
                    raise
                log.exception("a batch of orders failed; its orders are executed one by one", orders=len(orders))
                return [await self._commit_alone(order) for order in orders]
        raise Unavailable

    async def _commit_alone(self, order: Order) -> Sale | Exception | None:
        try:
            return (await self._commit([order]))[0]
        except Exception as error:
            return error

    async def _purchase_each(
        self, tx: Connection, orders: Sequence[Order], *, wait: bool
    ) -> list[Sale | Exception | None]:
        """Execute each order, and return its sale or the error that explains why it is refused.

        A refused order does not affect the others. Without `wait`, the outcome of an order is None if another
        transaction is changing its asset; nothing was done about that order.
        """
        busy = await _lock_assets(tx, {order.asset_id for order in orders}, wait=wait)
        ready = [number for number, order in enumerate(orders) if order.asset_id not in busy]
        claims = {number: claim for number in ready if (claim := orders[number].claim) is not None}

        async def sell(numbers: Sequence[int]) -> dict[int, Sale | DomainError]:
            return dict(zip(numbers, await self._sell(tx, [orders[number] for number in numbers]), strict=True))

        outcomes = await do_each_once(tx, claims, ready, sell)
        # From here only the commit itself can fail.
        return [outcomes.get(number) for number in range(len(orders))]

    async def _sell(self, tx: Connection, orders: Sequence[Order]) -> list[Sale | DomainError]:
        """Decide orders on locked assets, and record the sales."""
        buyers = [order.buyer.person_id for order in orders]
        wallets = await lock_wallets(tx, buyers)
        rows = await tx.fetch(
            sql.find_listings,
            [order.asset_id for order in orders],
            buyers,
            [order.buyer.bound_to for order in orders],
        )
        listings = {row["position"]: row for row in rows}
        outcomes = decide_orders(
            orders, [listings.get(position) for position in range(1, len(orders) + 1)], wallets, self._fee_bps
        )
        sold = [
            (order, sale) for order, sale in zip(orders, outcomes, strict=True) if not isinstance(sale, DomainError)
        ]
        if sold:
            await _record_sales(tx, [sale for _, sale in sold])
            await announce_sales(tx, sold)
        return outcomes


async def _lock_assets(tx: Connection, asset_ids: set[UUID], *, wait: bool) -> set[UUID]:
    """Lock assets against changes. Without `wait`, return those that another transaction is changing."""
    if wait:
        await tx.execute(sql.lock_assets, asset_ids)
        return set()
    rest = asset_ids - {row["id"] for row in await tx.fetch(sql.try_lock_assets, asset_ids)}
    return {row["id"] for row in await tx.fetch(sql.find_assets, rest)} if rest else set()


async def _record_sales(tx: Connection, sales: Sequence[Sale]) -> None:
    await record_transfers(tx, [_split_price(sale) for sale in sales])
    await tx.execute(sql.create_licences, *zip(*(_licence_row(sale) for sale in sales), strict=True))
    await grant_purchased_access(tx, [(sale.asset_id, sale.buyer_id, sale.seller_id) for sale in sales])
    await append(tx, LICENCE, [(sale.id, make_entry(sale)) for sale in sales])


def _split_price(sale: Sale) -> Transfer:
    """Return the transfer of a sale: the buyer pays the price, the platform keeps the fee, the seller gets the rest."""
    amounts = (
        (sale.buyer_id, -sale.price_minor),
        (sale.seller_id, sale.price_minor - sale.fee_minor),
        (FEE[sale.currency], sale.fee_minor),
    )
    return Transfer(
        id=sale.transfer_id,
        kind="purchase",
        currency=sale.currency,
        postings=tuple(Posting(holder_id, amount) for holder_id, amount in amounts if amount),
        actor_id=sale.buyer_id,
        asset_id=sale.asset_id,
    )


def _licence_row(sale: Sale) -> tuple[object, ...]:
    """Return a sale's columns in the order of `create_licences`."""
    return (
        *(sale.id, sale.buyer_id, sale.seller_id, sale.organization_id, sale.asset_id, sale.asset_type),
        *(sale.asset_name, sale.dataset_version, sale.content_sha3_512, sale.content_size, sale.license_id),
        *(sale.license_text, sale.currency, sale.price_minor, sale.fee_minor, sale.transfer_id, sale.salt),
        sale.created_on,
    )
