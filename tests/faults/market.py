"""A market: people who trade at random, and a model of what the ledger must contain after their responses."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from _support.datasets import make_dataset
from _support.files import make_file
from _support.organizations import Organization, User
from _support.servers import Server
from faults.money_requests import MoneyRequest, RequestRunner
from hallmarket.server.wallet.types import Currency

FEE_BPS = 250
PEOPLE = 20
POSTS, FILES, DATASETS = 60, 8, 3
KINDS = {"purchase": 60, "tip": 10, "send": 10, "refund": 15, "credit": 5}
PATHS = {"usd": "/stripe/wallet/purchase-asset", "btc": "/wallet/purchase-asset"}


@dataclass
class Offer:
    """An asset for sale, at prices in minor units."""

    id: str
    kind: str
    seller: str
    prices: dict[Currency, int]


@dataclass
class Licence:
    """An acknowledged purchase."""

    id: str
    transfer: str
    offer: Offer
    buyer: str
    currency: Currency
    price: int
    refunded: int = 0

    @property
    def fee(self) -> int:
        """The platform's fee."""
        return self.price * FEE_BPS // 10_000

    @property
    def fee_back(self) -> int:
        """The part of the fee that was refunded."""
        return self.fee * self.refunded // self.price

    @property
    def active(self) -> bool:
        """Whether its buyer may still read."""
        return self.refunded < self.price


ActiveLicences = dict[tuple[str, str], Licence]  # by buyer and asset


class Market:
    """People, what they sell, and what the ledger must contain if every response they got is true."""

    def __init__(self, server: Server, org: Organization) -> None:
        self.server = server
        self.errors: list[str] = []
        self.offers: list[Offer] = []
        self.licences: dict[str, Licence] = {}
        self.balances: Counter[tuple[str, str]] = Counter()  # by person, and "fee" and "funding", and currency
        # Credits, tips and sends, by kind, source, destination, currency and amount.
        self.others: Counter[tuple[Any, ...]] = Counter()
        self.refunds: defaultdict[str, list[int]] = defaultdict(list)  # by licence
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.lost = 0
        users = [org.with_unbound_key(org.admin), *(org.with_unbound_key(org.new_user()) for _ in range(PEOPLE - 1))]
        self.people = {each.id: each for each in users}
        rich = [each for each in users[2:] for _ in ("usd", "btc")]
        first = [MoneyRequest("credit", each, "", {}, ("usd", "btc")[n % 2], 12_000) for n, each in enumerate(rich)]
        self._send(first)
        for number in range(POSTS + FILES + DATASETS):
            self.offers.append(self._create_offer(users[number % (PEOPLE // 2)], number))

    def _create_offer(self, seller: User, number: int) -> Offer:
        """Create an asset for sale in dollars, in bitcoin, or in both."""
        prices: dict[Currency, int] = {"usd": 1 + number * 37 % 900, "btc": 1 + number * 53 % 900}
        if number % 5 == 0:
            del prices["usd" if number % 2 else "btc"]
        fields = {"visibility": "monetized", "monetization": "pay-to-unlock"} | price_fields(prices)
        if number < POSTS:
            post = {"post": {"name": f"Post {number}", **fields}, "content": "the secret"}
            made, kind = seller.call("POST", "/posts/create", json=post), "post"
        elif number < POSTS + FILES:
            made, kind = make_file(seller, **fields), "file"
        else:
            made, kind = make_dataset(seller, **fields), "dataset"
        return Offer(str(made["id"]), kind, seller.id, prices)

    def trade(self, seed: int, count: int, fault: Callable[[], None] | None = None, after: float = 0.5) -> None:
        """Send `count` random requests concurrently, with a fault once the share `after` of them is answered."""
        random, held = Random(seed), self.active
        requests = [request for _ in range(count) if (request := self._draw(random, held)) is not None]
        self._send(requests, fault, after)

    def _send(
        self, requests: Sequence[MoneyRequest], fault: Callable[[], None] | None = None, after: float = 0.5
    ) -> None:
        runner = RequestRunner(self.server, requests)
        self.lost += runner.run(fault, after)
        self.errors += runner.errors
        self._record(requests)
        assert not self.errors, self.errors[:5]

    def reprice(self, seed: int) -> None:
        """Change the prices of five posts; earlier purchases are not affected."""
        random = Random(seed)
        for offer in random.sample([offer for offer in self.offers if offer.kind == "post"], 5):
            offer.prices = {currency: random.randint(1, 900) for currency in offer.prices}
            self.people[offer.seller].call("PUT", f"/posts/{offer.id}", json={"post": price_fields(offer.prices)})

    @property
    def active(self) -> ActiveLicences:
        """The active licences by buyer and asset."""
        held = [licence for licence in self.licences.values() if licence.active]
        found = {(each.buyer, each.offer.id): each for each in held}
        assert len(found) == len(held), "bought twice"
        return found

    @property
    def transfers(self) -> int:
        """The number of transfers that there must be."""
        refunds = sum(len(self.refunds_of(licence)) for licence in self.licences.values())
        return len(self.licences) + refunds + self.others.total()

    @property
    def operations(self) -> int:
        """The number of answered requests."""
        return self.statuses.total()

    def refunds_of(self, licence: Licence) -> list[int]:
        """Return the amounts refunded of a purchase; a refund of all that was left came last."""
        parts = [amount for amount in self.refunds[licence.id] if amount > 0]
        return [*parts, licence.price - sum(parts)] if -1 in self.refunds[licence.id] else parts

    def _draw(self, random: Random, held: ActiveLicences) -> MoneyRequest | None:
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        user = random.choice(list(self.people.values()))
        if kind == "purchase":
            return self._draw_purchase(random, user, held)
        if kind == "refund":
            return self._draw_refund(random, user, held)
        if kind == "credit":
            currency: Currency = random.choice(("usd", "btc"))
            return MoneyRequest(kind, user, "", {}, currency, random.randint(1, 6_000))
        to, amount = random.choice(list(self.people)), random.randint(1, 400)
        if kind == "tip":
            body = {"recipientId": to, "amountCents": amount, "message": "well done"}
            return MoneyRequest(kind, user, "/stripe/wallet/tip", body, "usd", amount, to)
        return MoneyRequest(kind, user, "/wallet/send-sats", {"recipientId": to, "amount": amount}, "btc", amount, to)

    def _draw_purchase(self, random: Random, user: User, held: ActiveLicences) -> MoneyRequest:
        """Draw a purchase: mostly of something new; sometimes of something owned, or in another currency."""
        offer = random.choice(self.offers)
        if random.random() < 0.9:
            fresh = [each for each in self.offers if (user.id, each.id) not in held and each.seller != user.id]
            offer = random.choice(fresh or self.offers)
        requested: Currency | None = random.choice((None, "usd", "btc"))
        if requested is not None and random.random() < 0.9:
            requested = random.choice(list(offer.prices))
        body = {"assetType": offer.kind, "assetId": offer.id}
        path = "/elements/common/purchase-asset"
        if requested is not None and random.random() < 0.7:
            path = PATHS[requested]
        elif requested is not None:
            body["currency"] = requested
        currency = requested or ("usd" if "usd" in offer.prices else "btc")
        return MoneyRequest("purchase", user, path, body, currency, offer.prices.get(currency), offer)

    def _draw_refund(self, random: Random, user: User, held: ActiveLicences) -> MoneyRequest | None:
        """Draw a refund: mostly by the seller, in full or in part; sometimes by a stranger, or of more than is left."""
        sold = list(self.licences.values() if random.random() < 0.1 else held.values())
        if not sold:
            return None
        licence = random.choice(sold)
        amount = random.choice((None, None, random.randint(1, licence.price)))
        by = user if random.random() < 0.1 else self.people[licence.offer.seller]
        body = {} if amount is None else {"amount": amount}
        path = f"/licences/{licence.id}/refund"
        return MoneyRequest("refund", by, path, body, licence.currency, amount, licence)

    def _record(self, requests: Sequence[MoneyRequest]) -> None:
        """Record the successful requests, and check that every rejection had a reason."""
        before, held = self.balances.copy(), self.active
        refunded = {licence.id: licence.refunded for licence in self.licences.values()}
        spent: Counter[tuple[str, str]] = Counter()
        new: set[tuple[str, str]] = set()
        for request in requests:
            self.statuses[request.kind, request.status] += 1
            if request.status == 200:
                spent[request.user.id, str(request.currency)] += self._book(request)
                if request.kind == "purchase":
                    new.add((request.user.id, request.subject.id))
        for licence in self.licences.values():
            self._book_refunds(licence, licence.refunded - refunded.get(licence.id, 0))
            spent[licence.offer.seller, licence.currency] += licence.refunded - refunded.get(licence.id, 0)
        for request in requests:
            if request.status != 200:
                least = before[request.user.id, str(request.currency)] - spent[request.user.id, str(request.currency)]
                if not self._may_be_rejected(request, least, held, new):
                    self.errors.append(f"{request} was rejected with a balance of at least {least}")

    def _book(self, request: MoneyRequest) -> int:
        """Record what a response says was done; return what left the requester's wallet."""
        currency = str(request.currency)
        if request.kind == "refund":
            licence: Licence = request.subject
            if request.user.id != licence.offer.seller:
                self.errors.append(f"{request} by a person who did not sell it")
            # The order of refunds is unknown, except that a refund of all that is left is the last one.
            self.refunds[licence.id].append(request.amount or -1)
            explicit = sum(amount for amount in self.refunds[licence.id] if amount > 0)
            licence.refunded = licence.price if -1 in self.refunds[licence.id] else explicit
            return 0
        assert request.amount is not None, f"{request} in a currency without a price"
        if request.kind == "purchase":
            licence = self._licence(request)
            self.licences[licence.id] = licence
            self._move(currency, {request.user.id: -licence.price, licence.offer.seller: licence.price - licence.fee,
                                  "fee": licence.fee})  # fmt: skip
            return licence.price
        source = "funding" if request.kind == "credit" else request.user.id
        to = request.user.id if request.kind == "credit" else request.subject
        self.others[request.kind, source, to, currency, request.amount] += 1
        self._move(currency, {source: -request.amount})
        self._move(currency, {to: request.amount})
        return 0 if request.kind == "credit" else request.amount

    def _book_refunds(self, licence: Licence, more: int) -> None:
        """Record the refunds of one licence, including the platform's part."""
        if more:
            fee = licence.fee_back - licence.fee * (licence.refunded - more) // licence.price
            self._move(licence.currency, {licence.offer.seller: fee - more, "fee": -fee, licence.buyer: more})

    def _move(self, currency: str, moved: dict[str, int]) -> None:
        for account, amount in moved.items():
            self.balances[account, currency] += amount

    def _licence(self, request: MoneyRequest) -> Licence:
        """Read the licence from a response of a purchase, in any of its three forms."""
        data = json.loads(request.response)["data"]
        offer: Offer = request.subject
        assert request.currency is not None
        charge = data.get("charge", {})
        transfer = charge.get("id") or data.get("transaction_id") or data["transfer"]["id"]
        licence_id = charge.get("licence_id") or data["licence_id"]
        licence = Licence(
            licence_id, transfer, offer, request.user.id, request.currency, offer.prices[request.currency]
        )
        price = charge.get("amount") or data.get("total_cents") or data["transfer"]["totalValue"] + licence.fee
        if price != licence.price:
            self.errors.append(f"{request} at {price}")
        return licence

    def _may_be_rejected(
        self, request: MoneyRequest, least: int, held: ActiveLicences, new: set[tuple[str, str]]
    ) -> bool:
        """Return whether this rejection has a reason; the wallet always held at least `least`."""
        if request.kind == "purchase":
            offer: Offer = request.subject
            key = (request.user.id, offer.id)
            reasons = {
                400: offer.seller == request.user.id or request.currency not in offer.prices,
                402: least < (request.amount or 0),
                409: key in held or key in new,
            }
        elif request.kind == "refund":
            licence: Licence = request.subject
            stranger = request.user.id != licence.offer.seller
            too_much = licence.refunded + (request.amount or 1) > licence.price
            reasons = {
                402: least < (request.amount or licence.price),
                403: stranger,
                404: stranger and request.user.id != licence.buyer,
                400: too_much,
                409: too_much,
            }
        else:
            reasons = {400: request.subject == request.user.id, 402: least < (request.amount or 0)}
        return reasons.get(request.status, False)


def price_fields(prices: dict[Currency, int]) -> dict[str, Any]:
    """Return prices as an asset's fields."""
    fields: dict[str, Any] = {}
    if "usd" in prices:
        fields["price_usd"] = prices["usd"] / 100
    if "btc" in prices:
        fields["price_sats"] = prices["btc"]
    return fields
