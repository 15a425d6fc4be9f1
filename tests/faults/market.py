"""A market with a memory: people who trade at random, and a model of what every answer they got amounts to."""

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
from faults.trade import Trade, Wish
from hallmarket.server.wallet.types import Currency

FEE_BPS = 250
PEOPLE = 20
POSTS, FILES, DATASETS = 60, 8, 3
KINDS = {"purchase": 60, "tip": 10, "send": 10, "refund": 15, "credit": 5}
PATHS = {"usd": "/stripe/wallet/purchase-asset", "btc": "/wallet/purchase-asset"}


@dataclass
class Thing:
    """An asset for sale, at prices in minor units."""

    id: str
    kind: str
    seller: str
    prices: dict[Currency, int]


@dataclass
class Licence:
    """A purchase that was acknowledged."""

    id: str
    transfer: str
    thing: Thing
    buyer: str
    currency: Currency
    price: int
    refunded: int = 0

    @property
    def fee(self) -> int:
        """The platform's part of the price."""
        return self.price * FEE_BPS // 10_000

    @property
    def fee_back(self) -> int:
        """How much of that was given back."""
        return self.fee * self.refunded // self.price

    @property
    def active(self) -> bool:
        """Whether it still lets its buyer read."""
        return self.refunded < self.price


Held = dict[tuple[str, str], Licence]  # the active ones, by buyer and asset


class Market:
    """People, what they sell, and what must be in the ledger if every answer they ever got is true."""

    def __init__(self, server: Server, org: Organization) -> None:
        self.server = server
        self.wrong: list[str] = []
        self.things: list[Thing] = []
        self.licences: dict[str, Licence] = {}
        self.balances: Counter[tuple[str, str]] = Counter()  # by person, and "fee" and "funding", and currency
        self.others: Counter[tuple[Any, ...]] = Counter()  # credits, tips, sends: kind, from, to, currency, amount
        self.refunds: defaultdict[str, list[int]] = defaultdict(list)  # by licence
        self.answers: Counter[tuple[str, int]] = Counter()
        self.lost = 0
        crowd = [org.with_unbound_key(org.admin), *(org.with_unbound_key(org.new_user()) for _ in range(PEOPLE - 1))]
        self.people = {each.id: each for each in crowd}
        rich = [each for each in crowd[2:] for _ in ("usd", "btc")]
        first = [Wish("credit", each, "", {}, ("usd", "btc")[n % 2], 12_000) for n, each in enumerate(rich)]
        self._see_through(first)
        for number in range(POSTS + FILES + DATASETS):
            self.things.append(self._offer(crowd[number % (PEOPLE // 2)], number))

    def _offer(self, seller: User, number: int) -> Thing:
        """One more asset for sale: in dollars, in bitcoin, or in both."""
        prices: dict[Currency, int] = {"usd": 1 + number * 37 % 900, "btc": 1 + number * 53 % 900}
        if number % 5 == 0:
            del prices["usd" if number % 2 else "btc"]
        said = {"visibility": "monetized", "monetization": "pay-to-unlock"} | said_prices(prices)
        if number < POSTS:
            post = {"post": {"name": f"Post {number}", **said}, "content": "the secret"}
            made, kind = seller.call("POST", "/posts/create", json=post), "post"
        elif number < POSTS + FILES:
            made, kind = make_file(seller, **said), "file"
        else:
            made, kind = make_dataset(seller, **said), "dataset"
        return Thing(str(made["id"]), kind, seller.id, prices)

    def trade(self, seed: int, count: int, fault: Callable[[], None] | None = None, after: float = 0.5) -> None:
        """So many wishes of random people at once, and what they come to; `after` that part of them a fault."""
        random, held = Random(seed), self.active
        wishes = [wish for _ in range(count) if (wish := self._imagine(random, held)) is not None]
        self._see_through(wishes, fault, after)

    def _see_through(self, wishes: Sequence[Wish], fault: Callable[[], None] | None = None, after: float = 0.5) -> None:
        trade = Trade(self.server, wishes)
        self.lost += trade.run(fault, after)
        self.wrong += trade.wrong
        self._judge(wishes)
        assert not self.wrong, self.wrong[:5]

    def reprice(self, seed: int) -> None:
        """A few sellers ask for another price; what was bought before is as it was."""
        random = Random(seed)
        for thing in random.sample([thing for thing in self.things if thing.kind == "post"], 5):
            thing.prices = {currency: random.randint(1, 900) for currency in thing.prices}
            self.people[thing.seller].call("PUT", f"/posts/{thing.id}", json={"post": said_prices(thing.prices)})

    @property
    def active(self) -> Held:
        """The licences that have not ended, by buyer and asset."""
        held = [licence for licence in self.licences.values() if licence.active]
        found = {(each.buyer, each.thing.id): each for each in held}
        assert len(found) == len(held), "bought twice"
        return found

    @property
    def transfers(self) -> int:
        """How many transfers there must be."""
        refunds = sum(len(self.refunds_of(licence)) for licence in self.licences.values())
        return len(self.licences) + refunds + self.others.total()

    @property
    def operations(self) -> int:
        """How many wishes were answered."""
        return self.answers.total()

    def refunds_of(self, licence: Licence) -> list[int]:
        """The amounts given back of a purchase, one by one; what gave all that was left came last."""
        parts = [amount for amount in self.refunds[licence.id] if amount > 0]
        return [*parts, licence.price - sum(parts)] if -1 in self.refunds[licence.id] else parts

    def _imagine(self, random: Random, held: Held) -> Wish | None:
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        who = random.choice(list(self.people.values()))
        if kind == "purchase":
            return self._imagine_purchase(random, who, held)
        if kind == "refund":
            return self._imagine_refund(random, who, held)
        if kind == "credit":
            currency: Currency = random.choice(("usd", "btc"))
            return Wish(kind, who, "", {}, currency, random.randint(1, 6_000))
        to, amount = random.choice(list(self.people)), random.randint(1, 400)
        if kind == "tip":
            body = {"recipientId": to, "amountCents": amount, "message": "well done"}
            return Wish(kind, who, "/stripe/wallet/tip", body, "usd", amount, to)
        return Wish(kind, who, "/wallet/send-sats", {"recipientId": to, "amount": amount}, "btc", amount, to)

    def _imagine_purchase(self, random: Random, who: User, held: Held) -> Wish:
        """Mostly of what they do not have yet; sometimes of what they have, or of their own, or in a wrong currency."""
        thing = random.choice(self.things)
        if random.random() < 0.9:
            fresh = [each for each in self.things if (who.id, each.id) not in held and each.seller != who.id]
            thing = random.choice(fresh or self.things)
        asked: Currency | None = random.choice((None, "usd", "btc"))
        if asked is not None and random.random() < 0.9:
            asked = random.choice(list(thing.prices))
        body = {"assetType": thing.kind, "assetId": thing.id}
        path = "/elements/common/purchase-asset"
        if asked is not None and random.random() < 0.7:
            path = PATHS[asked]
        elif asked is not None:
            body["currency"] = asked
        currency = asked or ("usd" if "usd" in thing.prices else "btc")
        return Wish("purchase", who, path, body, currency, thing.prices.get(currency), thing)

    def _imagine_refund(self, random: Random, who: User, held: Held) -> Wish | None:
        """Mostly by the seller, whole or a part; sometimes by a stranger, or more than there is."""
        sold = list(self.licences.values() if random.random() < 0.1 else held.values())
        if not sold:
            return None
        licence = random.choice(sold)
        amount = random.choice((None, None, random.randint(1, licence.price)))
        by = who if random.random() < 0.1 else self.people[licence.thing.seller]
        body = {} if amount is None else {"amount": amount}
        path = f"/licences/{licence.id}/refund"
        return Wish("refund", by, path, body, licence.currency, amount, licence)

    def _judge(self, wishes: Sequence[Wish]) -> None:
        """Put down what succeeded; of what was refused, see whether it had to be."""
        before, held = self.balances.copy(), self.active
        refunded = {licence.id: licence.refunded for licence in self.licences.values()}
        spent: Counter[tuple[str, str]] = Counter()
        new: set[tuple[str, str]] = set()
        for wish in wishes:
            self.answers[wish.kind, wish.status] += 1
            if wish.status == 200:
                spent[wish.who.id, str(wish.currency)] += self._book(wish)
                if wish.kind == "purchase":
                    new.add((wish.who.id, wish.about.id))
        for licence in self.licences.values():
            self._book_refunds(licence, licence.refunded - refunded.get(licence.id, 0))
            spent[licence.thing.seller, licence.currency] += licence.refunded - refunded.get(licence.id, 0)
        for wish in wishes:
            if wish.status != 200:
                least = before[wish.who.id, str(wish.currency)] - spent[wish.who.id, str(wish.currency)]
                if not self._had_to_be_refused(wish, least, held, new):
                    self.wrong.append(f"{wish} was refused, with {least} at least")

    def _book(self, wish: Wish) -> int:
        """Put down what an answer says was done; returns what left the wallet of who asked."""
        currency = str(wish.currency)
        if wish.kind == "refund":
            licence: Licence = wish.about
            if wish.who.id != licence.thing.seller:
                self.wrong.append(f"{wish} by somebody who did not sell it")
            # In what order they came is not known; that one which gives all the rest is the last, is.
            self.refunds[licence.id].append(wish.amount or -1)
            explicit = sum(amount for amount in self.refunds[licence.id] if amount > 0)
            licence.refunded = licence.price if -1 in self.refunds[licence.id] else explicit
            return 0
        assert wish.amount is not None, f"{wish} in a currency it is not sold in"
        if wish.kind == "purchase":
            licence = self._licence(wish)
            self.licences[licence.id] = licence
            self._move(currency, {wish.who.id: -licence.price, licence.thing.seller: licence.price - licence.fee,
                                  "fee": licence.fee})  # fmt: skip
            return licence.price
        source = "funding" if wish.kind == "credit" else wish.who.id
        to = wish.who.id if wish.kind == "credit" else wish.about
        self.others[wish.kind, source, to, currency, wish.amount] += 1
        self._move(currency, {source: -wish.amount})
        self._move(currency, {to: wish.amount})
        return 0 if wish.kind == "credit" else wish.amount

    def _book_refunds(self, licence: Licence, more: int) -> None:
        """Put down what the refunds of one licence come to, the platform's part of each included."""
        if more:
            fee = licence.fee_back - licence.fee * (licence.refunded - more) // licence.price
            self._move(licence.currency, {licence.thing.seller: fee - more, "fee": -fee, licence.buyer: more})

    def _move(self, currency: str, moved: dict[str, int]) -> None:
        for whose, amount in moved.items():
            self.balances[whose, currency] += amount

    def _licence(self, wish: Wish) -> Licence:
        """The purchase that an answer tells of, in whichever of the three forms."""
        said = json.loads(wish.answer)["data"]
        thing: Thing = wish.about
        assert wish.currency is not None
        charge = said.get("charge", {})
        transfer = charge.get("id") or said.get("transaction_id") or said["transfer"]["id"]
        licence_id = charge.get("licence_id") or said["licence_id"]
        licence = Licence(licence_id, transfer, thing, wish.who.id, wish.currency, thing.prices[wish.currency])
        price = charge.get("amount") or said.get("total_cents") or said["transfer"]["totalValue"] + licence.fee
        if price != licence.price:
            self.wrong.append(f"{wish} at {price}")
        return licence

    def _had_to_be_refused(self, wish: Wish, least: int, held: Held, new: set[tuple[str, str]]) -> bool:
        """Whether there is a reason for this refusal: `least` is what the wallet held at every moment, or more."""
        if wish.kind == "purchase":
            thing: Thing = wish.about
            place = (wish.who.id, thing.id)
            reasons = {
                400: thing.seller == wish.who.id or wish.currency not in thing.prices,
                402: least < (wish.amount or 0),
                409: place in held or place in new,
            }
        elif wish.kind == "refund":
            licence: Licence = wish.about
            stranger = wish.who.id != licence.thing.seller
            too_much = licence.refunded + (wish.amount or 1) > licence.price
            reasons = {
                402: least < (wish.amount or licence.price),
                403: stranger,
                404: stranger and wish.who.id != licence.buyer,
                400: too_much,
                409: too_much,
            }
        else:
            reasons = {400: wish.about == wish.who.id, 402: least < (wish.amount or 0)}
        return reasons.get(wish.status, False)


def said_prices(prices: dict[Currency, int]) -> dict[str, Any]:
    """Prices as an asset's fields."""
    said: dict[str, Any] = {}
    if "usd" in prices:
        said["price_usd"] = prices["usd"] / 100
    if "btc" in prices:
        said["price_sats"] = prices["btc"]
    return said
