"""The money audit: it finds nothing in a correct ledger, and every kind of manipulation."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from _support.files import make_file
from _support.organizations import Organization, User, new_organization
from _support.servers import Server, new_server
from _support.waiting import wait_until
from _support.wallets import credit
from hallmarket.server.purchases.audit import MoneyAudit, audit_snapshot


class Market:
    """A server of its own with transfers of every kind: credit, purchase, refund, tip, correction and payout."""

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

    async def _audit_after(self, manipulation: str) -> MoneyAudit:
        connection = await asyncpg.connect(self.server.postgres_url)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                # Disables triggers and foreign keys, which would prevent the manipulation.
                await connection.execute("set local session_replication_role = replica")
                await connection.execute(manipulation)
                audit = await audit_snapshot(connection)
                await connection.execute("set local session_replication_role = origin")
                raise _Rollback(audit)
        except _Rollback as rollback:
            return rollback.audit
        finally:
            await connection.close()

    def audit_after(self, manipulation: str) -> MoneyAudit:
        """Return the audit after a SQL statement, which is rolled back."""
        return asyncio.run(self._audit_after(manipulation))


class _Rollback(Exception):
    def __init__(self, audit: MoneyAudit) -> None:
        super().__init__()
        self.audit = audit


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    """A server with a fee and transfers of every kind."""
    with new_server(platform_fee_bps=250) as server, new_organization(server) as org:
        created = Market(server, org)
        wait_until(lambda: server.query("select from licence where status <> 3") == [])
        yield created


def test_a_correct_ledger_has_no_drift(market: Market) -> None:
    """The audit of a correct ledger reports no drift, and its totals add up."""
    audit = market.server.admin("audit-money")
    assert audit["drifts"] == []
    assert (audit["transfers"], audit["licences"]) == (9, 3)
    assert audit["totals"]["usd"] == {"people_hold": 4452, "fees": 48, "funded": 5000, "paid_out": 500}
    assert audit["totals"]["btc"] == {"people_hold": 0, "fees": 0, "funded": 0, "paid_out": 0}


QUEUED = "update licence set status = 2, leaf_index = null, leaf_hash = null, checkpoint_number = null"
PAID_OUT = "account_id in (select id from account where kind = 'payout')"
MANIPULATIONS = {
    "a posting is changed": (
        f"update posting set amount_minor = amount_minor + 1 where {PAID_OUT}",
        {"does not balance", "is pending, but no such amount", "the platform's payout account has"},
    ),
    "a posting is deleted": (
        "delete from posting where transfer_id = (select id from transfer where kind = 'payout') and line = 1",
        {"does not balance", "moved money in a direction", "the wallet of"},
    ),
    "all postings of a transfer are deleted": (
        "delete from posting where transfer_id = (select id from transfer where kind = 'credit')",
        {"has no postings", "is pending, but no such amount", "has a balance", "is below zero"},
    ),
    "a transfer is deleted": (
        "delete from transfer where kind = 'payout'",
        {"its transfer does not exist", "has earnings"},
    ),
    "an account is deleted": (
        "delete from account where kind = 'payout' and currency = 'usd'",
        {"its account does not exist", "moved money in a direction"},
    ),
    "a balance is changed": (
        "update account set balance_minor = balance_minor + 1 where kind = 'fee' and currency = 'btc'",
        {"the platform's fee account has a balance of 1 sats, but its postings sum to 0 sats"},
    ),
    "earnings of an account are changed": (
        "update account set earned_minor = earned_minor + 1 where kind = 'fee' and currency = 'btc'",
        {"the platform's fee account has earnings of 1 sats, but its postings sum to earnings of 0 sats"},
    ),
    "a pending posting is added": (
        "insert into pending_posting select account_id, transfer_id, 9, 1 from posting limit 1",
        {"is pending, but no such amount", "has a balance"},
    ),
    "a transfer has another kind": (
        "update transfer set kind = 'tip' where kind = 'payout'",
        {"this tip moved money in a direction that a tip does not allow: payout+ person-", "has earnings"},
    ),
    "a correction corrects another transfer": (
        "update transfer set corrects_id = (select id from transfer where kind = 'credit') where kind = 'correction'",
        {"does not reverse", "has earnings"},
    ),
    "a licence is deleted": (
        "delete from licence where refunded_minor = 0",
        {"this purchase has no licence", "as a buyer, but has no licence"},
    ),
    "a price is changed": (
        "update licence set price_minor = price_minor + 1 where refunded_minor = 0",
        {"are not its price and fee", "records refunds of $0.00", "does not match the licence"},
    ),
    "a licence has another asset": (
        "update licence set asset_id = gen_random_uuid() where refunded_minor = 0",
        {
            "which is not its purchase",
            "cannot read the asset",
            "is not the one that was bought",
            "as a buyer, but has no licence",
            "does not match the licence",
        },
    ),
    "a refund is changed": (
        "update licence set refunded_minor = 400 where refunded_minor = 500",
        {"refunds of $4.00 and seller earnings of $6.82, but its transfers amount to $5.00 and $6.82"},
    ),
    "earnings of a licence are changed": (
        "update licence set earned_minor = earned_minor + 1 where refunded_minor = 500",
        {"refunds of $5.00 and seller earnings of $6.83"},
    ),
    "a refund corrects no purchase": (
        "update transfer set corrects_id = gen_random_uuid() where kind = 'refund'",
        {"this refund belongs to no licence", "its transfers amount to $0.00"},
    ),
    "an entitlement is deleted": ("delete from permission where bought", {"cannot read the asset that they paid for"}),
    "sold content is replaced": (
        "update blob set sha3_512 = sha512(sha3_512)",
        {"the content of the file is not the one that was bought"},
    ),
    "an entitlement is added": (
        "update permission set bought = true where not bought",
        {"as a buyer, but has no licence"},
    ),
    "a licence has another name": ("update licence set asset_name = 'another'", {"does not match the licence"}),
    "the log rejected the entry": (
        QUEUED.replace("2", "4"),
        {"the log rejected its entry"},
    ),
    "an entry is deleted": (
        f"delete from log_queue; {QUEUED}",
        {"is neither in the log nor in the queue"},
    ),
    "a queued entry is changed": (
        f"insert into log_queue (kind, subject_id, entry) select 'licence', id, 'x' from licence; {QUEUED}",
        {"its entry in the queue does not match"},
    ),
}


@pytest.mark.parametrize("manipulation", MANIPULATIONS)
def test_a_manipulation_is_found(market: Market, manipulation: str) -> None:
    """The audit reports every manipulation of a database without constraints, and nothing else."""
    statement, expected = MANIPULATIONS[manipulation]
    messages = [drift.message for drift in market.audit_after(statement).drifts]
    assert messages
    assert [message for message in messages if not any(words in message for words in expected)] == []
    assert [words for words in expected if not any(words in message for message in messages)] == []


def test_the_command_exits_with_1_after_a_drift(market: Market) -> None:
    """The command prints each drift with its id, as text and as JSON, and exits with status 1."""
    server, change = market.server, "update account set balance_minor = balance_minor {} 1 where kind = 'payout'"
    server.query(change.format("+"))
    try:
        result = server.run_admin("audit-money")
    finally:
        server.query(change.format("-"))
    assert result.returncode == 1
    assert result.stdout.count("the platform's payout account has a balance") == 2
