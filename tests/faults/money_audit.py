"""The audit of a market: ledger, permissions, licences and log contain what was acknowledged, and nothing else."""

import random
from collections import Counter
from typing import Any

from _support.servers import Server
from _support.waiting import wait_until
from _support.wallets import assert_balanced, balances, transfers
from faults.audit import PublicLog
from faults.market import Licence, Market
from hallmarket.proof.bundle import Bundle, verify_bundle
from hallmarket.proof.entry import LICENCE, LicenceClaims, LicenceEntry, decode_entry
from hallmarket.proof.key import VerifierKey

SAMPLE = 6


class MoneyAudit:
    """Checks a market repeatedly; verifies the proof of each licence once."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._proved: set[str] = set()

    def check(self) -> None:
        """Fail unless the server's state agrees with its responses."""
        server = self.market.server
        assert_balanced(server)
        self._check_wallets()
        _check_transfers(self.market, transfers(server))
        _check_licences(self.market)
        _check_permissions(self.market)
        _check_notifications_and_audit_trail(self.market)
        wait_until(lambda: not server.query("select from licence where status <> 3 limit 1"))
        self._check_proofs()

    def check_log(self) -> None:
        """Fail unless the log contains each licence once, and every tile can be recomputed from the entries."""
        with self.market.server.client("") as http:
            log = PublicLog(http)
        log.verify_whole()
        entries = [decode_entry(data) for data in log.entries]
        licences = Counter(entry.id for entry in entries if isinstance(entry, LicenceEntry))
        assert licences == Counter(list(self.market.licences))

    def _check_wallets(self) -> None:
        market, people = self.market, list(self.market.people)
        expected = {(person, currency): market.balances[person, currency] for person in people for currency in MINOR}
        assert balances(market.server, *people) == expected
        for currency in MINOR:
            platform = {kind: _platform(market.server, kind, currency) for kind in ("fee", "funding", "payout")}
            known = {kind: market.balances[kind, currency] for kind in ("fee", "funding")}
            assert platform == {**known, "payout": 0}
        for person in random.sample(list(market.people.values()), SAMPLE):
            sats = person.call("GET", "/wallet/balance")["balance"]
            cents = person.call("GET", "/stripe/wallet/balance")["balance_cents"]
            assert (cents, sats) == (market.balances[person.id, "usd"], market.balances[person.id, "btc"])

    def _check_proofs(self) -> None:
        with self.market.server.client("") as http:
            key = VerifierKey.parse(http.get("/log/key").text.strip())
        for licence in self.market.licences.values():
            if licence.id not in self._proved:
                buyer = self.market.people[licence.buyer].client
                _verify(buyer.get(f"/licences/{licence.id}/proof").content, key, licence)
                self._proved.add(licence.id)


MINOR = ("usd", "btc")


def _verify(proof: bytes, key: VerifierKey, licence: Licence) -> None:
    verified = verify_bundle(Bundle.parse(proof), key, kind=LICENCE)
    assert isinstance(verified.entry, LicenceEntry)
    assert verified.entry.id == licence.id
    claims = verified.claims
    assert isinstance(claims, LicenceClaims)
    claimed = (claims.asset, claims.buyer, claims.seller, claims.price.currency, claims.price.amount)
    assert claimed == (licence.offer.id, licence.buyer, licence.offer.seller, licence.currency, licence.price)


def _platform(server: Server, kind: str, currency: str) -> int:
    (row,) = server.query(
        "select account_balance(a) as balance, (select coalesce(sum(p.amount_minor), 0)::bigint from posting p"
        " where p.account_id = a.id) as summed from account a where kind = $1 and currency = $2",
        kind,
        currency,
    )
    assert row["balance"] == row["summed"]
    return int(row["balance"])


def _check_transfers(market: Market, found: dict[str, dict[str, Any]]) -> None:
    """Check that each acknowledged purchase and refund has exactly one transfer, and that there are no others."""
    others: Counter[tuple[Any, ...]] = Counter()
    refunds: dict[str, list[dict[str, Any]]] = {licence.transfer: [] for licence in market.licences.values()}
    purchases = {}
    for transfer_id, each in found.items():
        if each["kind"] == "purchase":
            purchases[transfer_id] = (each["asset"], each["currency"], each["moved"])
        elif each["kind"] == "refund":
            refunds[each["corrects"]].append(each)
        else:
            (source,) = (account for account, amount in each["moved"].items() if amount < 0)
            ((to, amount),) = ((account, amount) for account, amount in each["moved"].items() if amount > 0)
            others[each["kind"], source, to, each["currency"], amount] += 1
    assert purchases == {
        each.transfer: (each.offer.id, each.currency, _lines(each.buyer, each.offer.seller, each.price, each.fee))
        for each in market.licences.values()
    }
    assert others == market.others
    for licence in market.licences.values():
        back = Counter[str]()
        for each in refunds[licence.transfer]:
            back.update(each["moved"])
        expected = _lines(licence.offer.seller, licence.buyer, licence.refunded, 0)
        if licence.refunded:
            expected = {licence.buyer: licence.refunded, licence.offer.seller: licence.fee_back - licence.refunded,
                        "fee": -licence.fee_back}  # fmt: skip
        assert {account: amount for account, amount in back.items() if amount} == {
            k: v for k, v in expected.items() if v
        }
        parts = sorted(each["moved"][licence.buyer] for each in refunds[licence.transfer])
        assert parts == sorted(market.refunds_of(licence))


def _lines(payer: str, receiver: str, price: int, fee: int) -> dict[str, int]:
    moved = {payer: -price, receiver: price - fee, "fee": fee}
    return {account: amount for account, amount in moved.items() if amount}


def _check_licences(market: Market) -> None:
    rows = market.server.query("select * from licence")
    found = {
        str(row["id"]): (
            *(str(row["transfer_id"]), str(row["buyer_id"]), str(row["seller_id"]), str(row["asset_id"])),
            *(row["currency"], row["price_minor"], row["fee_minor"], row["refunded_minor"], row["earned_minor"]),
            row["ended_on"] is None,
        )
        for row in rows
    }
    assert found == {
        each.id: (
            *(each.transfer, each.buyer, each.offer.seller, each.offer.id),
            *(each.currency, each.price, each.fee, each.refunded),
            each.price - each.fee - (each.refunded - each.fee_back),
            each.active,
        )
        for each in market.licences.values()
    }


def _check_permissions(market: Market) -> None:
    """Check that exactly the holders of active licences may read, in the database and through the API."""
    rows = market.server.query("select person_id, asset_id from permission where bought")
    assert {(str(row["person_id"]), str(row["asset_id"])) for row in rows} == set(market.active)
    ended = {(each.buyer, each.offer.id) for each in market.licences.values()} - set(market.active)
    posts = {offer.id for offer in market.offers if offer.kind == "post"}
    for keys, is_readable in ((market.active, True), (ended, False)):
        candidates = sorted(key for key in keys if key[1] in posts)
        for person, post in random.sample(candidates, min(SAMPLE, len(candidates))):
            assert ("the secret" in str(market.people[person].call("GET", f"/posts/{post}"))) is is_readable


def _check_notifications_and_audit_trail(market: Market) -> None:
    """Check that buyer and seller were notified of each purchase once, and that the audit trail has it once."""
    notified = Counter[tuple[str, str]]()
    purchases = {licence.transfer: licence for licence in market.licences.values()}
    for row in market.server.query("select destination_id, content ->> 'transfer_id' as transfer from notification"):
        if row["transfer"] in purchases:
            notified[str(row["destination_id"]), row["transfer"]] += 1
    people = [(each, licence) for licence in purchases.values() for each in (licence.buyer, licence.offer.seller)]
    assert notified == Counter((person, licence.transfer) for person, licence in people)
    trail = market.server.query(
        "select details ->> 'transfer' as transfer from audit_event where action = 'asset.purchase'"
    )
    assert Counter(row["transfer"] for row in trail) == Counter(list(purchases))
