"""Buy assets: many orders in one transaction, each sold whole or not at all."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
import structlog

from hallmarket.proof.entry import LICENCE
from hallmarket.server.audit.record import Event, record_each
from hallmarket.server.catalog.entitlements import grant_purchased_access
from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, Unavailable
from hallmarket.server.http.idempotency import REPLAYED
from hallmarket.server.http.reply import Reply, exchange_error
from hallmarket.server.idempotency.store import Answer, IdempotencyStore
from hallmarket.server.idempotency.types import StoredResponse
from hallmarket.server.notifications.notify import Notice, notify_each
from hallmarket.server.principal import Principal
from hallmarket.server.purchases.claims import make_entry
from hallmarket.server.purchases.pricing import Checkout, Order
from hallmarket.server.purchases.receipt import write_receipt
from hallmarket.server.purchases.types import Sale
from hallmarket.server.tlog.append import append
from hallmarket.server.wallet.transfer import find_accounts, lock_wallets, record_transfers
from hallmarket.server.wallet.types import FEE, Currency, Posting, Transfer, money

sql = load_queries(__package__)
log = structlog.get_logger()

MAX_BATCH = 200
MAX_ATTEMPTS = 5


class Purchases:
    """One process's till: orders that come while a transaction is under way share the next."""

    def __init__(self, database: Database, fee_bps: int) -> None:
        self._database = database
        self._fee_bps = fee_bps
        self._batcher: Batcher[Order, Reply | None] = Batcher(self._buy, MAX_BATCH)

    async def submit(self, order: Order) -> Reply:
        """What an order came to, once it is durable. Raises why it came to nothing; Unavailable leaves that open."""
        if (reply := await self._batcher.submit(order)) is not None:
            return reply
        # Somebody is changing the asset: this order waits for them, and nobody else does.
        (outcome,) = await self._buy([order], waits=True)
        assert outcome is not None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _buy(self, orders: Sequence[Order], *, waits: bool = False) -> list[Reply | Exception | None]:
        for _ in range(MAX_ATTEMPTS):
            try:
                async with self._database.transaction() as tx:
                    return await buy(tx, orders, self._fee_bps, waits=waits)
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError):
                continue  # somebody else has done what stood in the way; look again
            except Unavailable:
                raise
            except Exception:
                if len(orders) == 1:
                    raise
                log.exception("orders are taken one by one", orders=len(orders))
                return [each for order in orders for each in await self._one_by_one(order)]
        raise Unavailable

    async def _one_by_one(self, order: Order) -> list[Reply | Exception | None]:
        try:
            return await self._buy([order])
        except Exception as error:
            return [error]


async def buy(tx: Connection, orders: Sequence[Order], fee_bps: int, *, waits: bool) -> list[Reply | Exception | None]:
    """Sell each order: money, right, licence and log entry commit together, or nothing of it does.

    An order that cannot be sold (the error says why) does not hold up the others, nor does one whose asset is being
    changed: nothing is done about it, and None says so, unless it `waits`.
    """
    held = await _lock_assets(tx, {order.asset_id for order in orders}, waits=waits)
    free = [number for number, order in enumerate(orders) if order.asset_id not in held]
    answers = IdempotencyStore({n: claim for n in free if (claim := orders[n].claim) is not None})
    earlier = await answers.claim(tx)
    fresh = [n for n in free if n not in earlier and not answers.is_repeat(n)]
    outcomes = await _sell(tx, {n: orders[n] for n in fresh}, fee_bps)
    sales = {n: outcome for n, outcome in outcomes.items() if isinstance(outcome, Sale)}
    if sales:
        await _record(tx, {n: orders[n] for n in sales}, sales)
    told = {n: _tell(orders[n], outcome) for n, outcome in outcomes.items()}
    earlier |= await answers.keep(tx, told)
    # From here on nothing can go wrong but the commit itself.
    return [None if order.asset_id in held else _reply(n, told, outcomes, earlier) for n, order in enumerate(orders)]


async def _lock_assets(tx: Connection, wanted: set[UUID], *, waits: bool) -> set[UUID]:
    """Lock assets, or those that nobody is changing; those that somebody is."""
    if waits:
        await tx.execute(sql.lock_assets, wanted)
        return set()
    left = wanted - {row["id"] for row in await tx.fetch(sql.lock_free_assets, wanted)}
    return {row["id"] for row in await tx.fetch(sql.find_assets, left)} if left else set()


async def _sell(tx: Connection, orders: Mapping[int, Order], fee_bps: int) -> dict[int, Sale | DomainError]:
    """Lock who pays, and decide."""
    if not orders:
        return {}
    till = Checkout(await lock_wallets(tx, {order.buyer.person_id for order in orders.values()}), fee_bps)
    rows = await tx.fetch(
        sql.find_offers,
        [order.asset_id for order in orders.values()],
        [order.buyer.person_id for order in orders.values()],
        [order.buyer.bound_to for order in orders.values()],
    )
    offers = {row["place"]: row for row in rows}
    outcomes: dict[int, Sale | DomainError] = {}
    for place, (number, order) in enumerate(orders.items(), start=1):
        try:
            outcomes[number] = till.sell(order, offers.get(place))
        except DomainError as error:
            outcomes[number] = error
    return outcomes


async def _record(tx: Connection, orders: Mapping[int, Order], sales: Mapping[int, Sale]) -> None:
    sold = list(sales.values())
    accounts = await find_accounts(tx, {person for sale in sold for person in (sale.buyer_id, sale.seller_id)})
    await record_transfers(tx, [_transfer(sale, accounts) for sale in sold])
    await tx.execute(sql.create_licences, *zip(*(_row(sale) for sale in sold), strict=True))
    await grant_purchased_access(tx, [(sale.asset_id, sale.buyer_id, sale.seller_id) for sale in sold])
    await append(tx, LICENCE, [(sale.id, make_entry(sale)) for sale in sold])
    await notify_each(tx, [notice for n, sale in sales.items() for notice in _notices(orders[n], sale)])
    await record_each(tx, [event for n, sale in sales.items() for event in _events(orders[n], sale)])


def _transfer(sale: Sale, accounts: Mapping[tuple[UUID, Currency], UUID]) -> Transfer:
    """The buyer pays the price; the seller receives it less the fee, which is the platform's."""
    buyer, seller = accounts[sale.buyer_id, sale.currency], accounts[sale.seller_id, sale.currency]
    earned, fee = sale.price_minor - sale.fee_minor, FEE[sale.currency]
    lines = ((buyer, -sale.price_minor), (seller, earned), (fee, sale.fee_minor))
    return Transfer(
        id=sale.transfer_id,
        kind="purchase",
        currency=sale.currency,
        postings=tuple(Posting(account_id, amount) for account_id, amount in lines if amount),
        actor_id=sale.buyer_id,
        asset_id=sale.asset_id,
    )


def _row(sale: Sale) -> tuple[object, ...]:
    """A sale's columns, as `create_licences` takes them."""
    return (
        *(sale.id, sale.buyer_id, sale.seller_id, sale.organization_id, sale.asset_id, sale.asset_type),
        *(sale.asset_name, sale.dataset_version, sale.content_sha3_512, sale.content_size, sale.license_id),
        *(sale.license_text, sale.currency, sale.price_minor, sale.fee_minor, sale.transfer_id, sale.salt),
        sale.created_on,
    )


def _notices(order: Order, sale: Sale) -> tuple[Notice, Notice]:
    """The seller learns who bought, the buyer keeps a receipt."""
    called = sale.asset_name or f"a {sale.asset_type}"
    price = money(sale.price_minor, sale.currency)
    asset = {"assetId": str(sale.asset_id), "assetType": sale.asset_type}

    def notice(person_id: UUID, source_id: UUID, text: str) -> Notice:
        content = {"text": text, "asset": asset, "licence_id": str(sale.id), "transfer_id": str(sale.transfer_id)}
        return Notice(
            person_id=person_id,
            kind="payment",
            source_id=source_id,
            organization_id=sale.organization_id if person_id == sale.seller_id else None,
            asset_id=sale.asset_id,
            content=content,
        )

    return (
        notice(sale.seller_id, sale.buyer_id, f"{order.buyer.username} bought {called} for {price}"),
        notice(sale.buyer_id, sale.seller_id, f"You bought {called} for {price}"),
    )


def _events(order: Order, sale: Sale) -> list[Event]:
    """The buyer's own, and one for the organization it was sold in, who learns who bought, not where they are."""
    details = {
        "licence": str(sale.id),
        "transfer": str(sale.transfer_id),
        "currency": sale.currency,
        "price": sale.price_minor,
    }

    def event(principal: Principal, organization_id: UUID | None) -> Event:
        return Event(
            principal=principal,
            action="asset.purchase",
            organization_id=organization_id,
            subject_id=sale.asset_id,
            details=details,
        )

    if sale.organization_id is None:
        return [event(order.buyer, None)]
    return [event(order.buyer, None), event(order.buyer.without_origin(), sale.organization_id)]


def _tell(order: Order, outcome: Sale | DomainError) -> StoredResponse:
    if isinstance(outcome, Sale):
        return StoredResponse(200, write_receipt(order.form, outcome))
    refused = exchange_error(outcome)
    return StoredResponse(refused.status, refused.body)


def _reply(
    number: int,
    told: Mapping[int, StoredResponse],
    outcomes: Mapping[int, Sale | DomainError],
    earlier: Mapping[int, Answer],
) -> Reply | Exception:
    if number in earlier:
        answer = earlier[number]
        return Reply(answer.status, answer.body, (REPLAYED,)) if isinstance(answer, StoredResponse) else answer
    outcome = outcomes[number]
    return Reply(told[number].status, told[number].body) if isinstance(outcome, Sale) else outcome
