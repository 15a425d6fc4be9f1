"""Credit wallets by the function behind `hallmarket admin credit`, and read the ledger posting by posting."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from _support.databases import Connection
from _support.organizations import User
from _support.servers import Server
from hallmarket.server.wallet import operator_transfers
from hallmarket.server.wallet.types import Currency


def credit(server: Server, person: str, amount_minor: int, currency: Currency = "usd") -> UUID:
    """Credit a person's wallet and return the transfer's id."""

    async def run(connection: Connection) -> UUID:
        return await operator_transfers.credit(connection, person, amount_minor, currency, "for a test")

    return server.run_with_connection(run)


def fund(server: Server, *people: User, usd: int = 0, btc: int = 0) -> None:
    """Credit people's wallets with cents and satoshis."""
    for person in people:
        if usd:
            credit(server, person.id, usd, "usd")
        if btc:
            credit(server, person.id, btc, "btc")


def balance(server: Server, person: str, currency: Currency = "usd") -> int:
    """Return the sum of all postings to a person's wallet."""
    (row,) = server.query(
        "select coalesce(sum(p.amount_minor), 0)::bigint as balance from posting p"
        " join account a on a.id = p.account_id where a.person_id = $1 and a.currency = $2",
        UUID(person),
        currency,
    )
    return int(row["balance"])


def balances(server: Server, *people: str) -> dict[tuple[str, str], int]:
    """Sum the postings of people's accounts, by person and currency; check that each account's balance agrees."""
    rows = server.query(
        "select a.person_id::text as person, a.currency, a.balance_minor, account_balance(a) as balance,"
        "       (select coalesce(sum(p.amount_minor), 0) from posting p where p.account_id = a.id)::bigint as summed"
        " from account a where a.person_id = any ($1::uuid[])",
        [UUID(person) for person in people],
    )
    for row in rows:
        assert row["balance"] == row["summed"], dict(row)
        assert row["balance_minor"] >= 0, dict(row)
    known = {(row["person"], row["currency"]): row["summed"] for row in rows}
    return {(person, currency): known.get((person, currency), 0) for person in people for currency in ("usd", "btc")}


def assert_balanced(server: Server) -> None:
    """Fail unless every transfer sums to zero, and all accounts together do, in each currency."""
    unbalanced = server.query(
        "select transfer_id, currency from posting group by transfer_id, currency having sum(amount_minor) <> 0"
    )
    assert not unbalanced, unbalanced[:5]
    for row in server.query("select currency, sum(account_balance(a)) as total from account a group by currency"):
        assert row["total"] == 0, dict(row)


def transfers(server: Server, *people: str) -> dict[str, dict[str, Any]]:
    """Return transfers by id, all or those of these people: kind, asset, and under `moved` the amount per account."""
    rows = server.query(
        "select t.id::text as id, t.kind, t.asset_id::text as asset, t.corrects_id::text as corrects, t.message,"
        "       p.currency, coalesce(a.person_id::text, a.kind) as account, p.amount_minor"
        " from transfer t join posting p on p.transfer_id = t.id join account a on a.id = p.account_id"
        " where $1::uuid[] = '{}' or exists (select from posting o join account b on b.id = o.account_id"
        "                                    where o.transfer_id = t.id and b.person_id = any ($1))"
        " order by t.id, p.line",
        [UUID(person) for person in people],
    )
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"moved": {}})
    for row in rows:
        transfer = found[row["id"]]
        transfer |= {name: row[name] for name in ("kind", "asset", "corrects", "message", "currency")}
        transfer["moved"][row["account"]] = transfer["moved"].get(row["account"], 0) + row["amount_minor"]
    return dict(found)
