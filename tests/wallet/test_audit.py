"""The audit of all money: it finds nothing where all is well, and each kind of drift where somebody made it."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from _support.files import make_file
from _support.organizations import Organization, User, new_organization
from _support.servers import Server, new_server
from _support.waiting import wait_until
from _support.wallets import credit
from hallmarket.server.purchases.audit import MoneyAudit, audit_moment


class Market:
    """A server of its own where something was credited, sold, given back, tipped, corrected and paid out."""

    def __init__(self, server: Server, org: Organization) -> None:
        self.server = server
        self.seller: User = org.with_unbound_key(org.admin)
        self.buyer = org.new_outsider()
        credit(server, self.buyer.id, 5000)
        for name, refund in (("one", None), ("two", {"amount": 500}), ("three", {})):
            asset = make_file(
                self.seller, name.encode(), visibility="monetized", monetization="pay-to-unlock", price_usd=12
            )
            body = {"assetType": "file", "assetId": asset["id"]}
            licence = self.buyer.call("POST", "/elements/common/purchase-asset", json=body)["charge"]["licence_id"]
            if refund is not None:
                self.seller.call("POST", f"/licences/{licence}/refund", json=refund)
        body = {"recipientId": self.seller.id, "amountCents": 100}
        tip = self.buyer.call("POST", "/stripe/wallet/tip", json=body)["transaction_id"]
        server.admin("correct", tip, "--reason", "a test")
        server.admin("payout", self.seller.member.username, "5", "--currency", "usd")

    async def _audit(self, harm: str) -> MoneyAudit:
        connection = await asyncpg.connect(self.server.postgres_url)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute("set local session_replication_role = replica")  # no trigger, no foreign key
                await connection.execute(harm)
                found = await audit_moment(connection)
                await connection.execute("set local session_replication_role = origin")
                raise _Undo(found)
        except _Undo as undo:
            return undo.found
        finally:
            await connection.close()

    def audit_after(self, harm: str) -> MoneyAudit:
        """What the audit finds after some SQL, which is undone."""
        return asyncio.run(self._audit(harm))


class _Undo(Exception):
    def __init__(self, found: MoneyAudit) -> None:
        super().__init__()
        self.found = found


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    """A server with a fee, where money moved in every way."""
    with new_server(platform_fee_bps=250) as server, new_organization(server) as org:
        made = Market(server, org)
        wait_until(lambda: server.query("select from licence where status <> 3") == [])
        yield made


def test_all_is_well(market: Market) -> None:
    """Where nobody did harm there is no drift, and the totals add up."""
    found = market.server.admin("audit-money")
    assert found["drifts"] == []
    assert (found["transfers"], found["licences"]) == (9, 3)
    assert found["totals"]["usd"] == {"people_hold": 4452, "fees": 48, "funded": 5000, "paid_out": 500}
    assert found["totals"]["btc"] == {"people_hold": 0, "fees": 0, "funded": 0, "paid_out": 0}


QUEUED = "update licence set status = 2, leaf_index = null, leaf_hash = null, checkpoint_number = null"
PAID_OUT = "account_id in (select id from account where kind = 'payout')"
HARM = {
    "a posting is changed": (
        f"update posting set amount_minor = amount_minor + 1 where {PAID_OUT}",
        {"does not balance", "waits to be counted up", "the platform's payout says"},
    ),
    "a posting is gone": (
        "delete from posting where transfer_id = (select id from transfer where kind = 'payout') and line = 1",
        {"does not balance", "moved money in a way", "the wallet of"},
    ),
    "all of a transfer's postings are gone": (
        "delete from posting where transfer_id = (select id from transfer where kind = 'credit')",
        {"has no postings", "waits to be counted up", "says", "is below zero"},
    ),
    "a transfer is gone": ("delete from transfer where kind = 'payout'", {"there is no such transfer", "was earned"}),
    "an account is gone": (
        "delete from account where kind = 'payout' and currency = 'usd'",
        {"its account is not there", "moved money in a way"},
    ),
    "a balance is changed": (
        "update account set balance_minor = balance_minor + 1 where kind = 'fee' and currency = 'btc'",
        {"the platform's fee says 1 sats, and its postings come to 0 sats"},
    ),
    "what was earned is changed": (
        "update account set earned_minor = earned_minor + 1 where kind = 'fee' and currency = 'btc'",
        {"the platform's fee says that 1 sats was earned, and it was 0 sats"},
    ),
    "what waits is lost": (
        "insert into pending_posting select account_id, transfer_id, 9, 1 from posting limit 1",
        {"waits to be counted up", "says"},
    ),
    "a transfer is called otherwise": (
        "update transfer set kind = 'tip' where kind = 'payout'",
        {"this tip moved money in a way that a tip does not: payout+ person-", "was earned"},
    ),
    "a correction is of something else": (
        "update transfer set corrects_id = (select id from transfer where kind = 'credit') where kind = 'correction'",
        {"is not the opposite", "was earned"},
    ),
    "a licence is gone": (
        "delete from licence where refunded_minor = 0",
        {"this purchase has no licence", "as if they had bought it"},
    ),
    "a price is changed": (
        "update licence set price_minor = price_minor + 1 where refunded_minor = 0",
        {"are not its price and fee", "says that $0.00 was given back", "than it does"},
    ),
    "a licence is of another asset": (
        "update licence set asset_id = gen_random_uuid() where refunded_minor = 0",
        {"which is no purchase of it", "may not read", "other bytes", "as if they had bought it", "than it does"},
    ),
    "a refund is forgotten": (
        "update licence set refunded_minor = 400 where refunded_minor = 500",
        {"says that $4.00 was given back and $6.82 is the seller's; its refunds come to $5.00 and $6.82"},
    ),
    "earnings are changed": (
        "update licence set earned_minor = earned_minor + 1 where refunded_minor = 500",
        {"says that $5.00 was given back and $6.83 is the seller's"},
    ),
    "a refund is of nothing": (
        "update transfer set corrects_id = gen_random_uuid() where kind = 'refund'",
        {"this refund is of nothing", "its refunds come to $0.00"},
    ),
    "the permission is gone": ("delete from permission where bought", {"may not read what they paid for"}),
    "what was bought is replaced": (
        "update blob set sha3_512 = sha512(sha3_512)",
        {"the file that was bought has other bytes now"},
    ),
    "somebody reads unpaid": (
        "update permission set bought = true where not bought",
        {"as if they had bought it, and has no licence"},
    ),
    "what was bought is rewritten": ("update licence set asset_name = 'another'", {"than it does"}),
    "the log refused it": (
        QUEUED.replace("2", "4"),
        {"the log refused its entry"},
    ),
    "its entry is lost": (
        f"delete from log_queue; {QUEUED}",
        {"is neither in the log nor on its way"},
    ),
    "its entry says something else": (
        f"insert into log_queue (kind, subject_id, entry) select 'licence', id, 'x' from licence; {QUEUED}",
        {"on its way to the log says something else"},
    ),
}


@pytest.mark.parametrize("harm", HARM)
def test_drift_is_found(market: Market, harm: str) -> None:
    """Every kind of harm that a database without its guards lets happen is told, and nothing else."""
    statement, expected = HARM[harm]
    messages = [drift.message for drift in market.audit_after(statement).drifts]
    assert messages
    assert [message for message in messages if not any(words in message for words in expected)] == []
    assert [words for words in expected if not any(words in message for message in messages)] == []


def test_command_says_no(market: Market) -> None:
    """With a drift the command prints it with its id, for people and as JSON, and its exit status is 1."""
    server, change = market.server, "update account set balance_minor = balance_minor {} 1 where kind = 'payout'"
    server.query(change.format("+"))
    try:
        went = server.run_admin("audit-money")
    finally:
        server.query(change.format("-"))
    assert went.returncode == 1
    assert went.stdout.count("the platform's payout says") == 2
