"""Money in tests: put into wallets, and read back from the ledger, posting by posting."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from circle import Someone
from funds import credit
from support import Server


def fund(server: Server, *people: Someone, usd: int = 0, btc: int = 0) -> None:
    """Put cents and satoshis into people's wallets."""
    for person in people:
        if usd:
            credit(server, person.id, usd, "usd")
        if btc:
            credit(server, person.id, btc, "btc")


def balances(server: Server, *people: str) -> dict[tuple[str, str], int]:
    """What people's accounts hold, by person and currency, as their postings sum up; no account may say otherwise."""
    rows = server.query(
        "select a.person_id::text as person, a.currency, a.balance_minor, account_balance(a) as told,"
        "       (select coalesce(sum(p.amount_minor), 0) from posting p where p.account_id = a.id)::bigint as summed"
        " from account a where a.person_id = any ($1::uuid[])",
        [UUID(person) for person in people],
    )
    for row in rows:
        assert row["told"] == row["summed"], dict(row)
        assert row["balance_minor"] >= 0, dict(row)
    known = {(row["person"], row["currency"]): row["summed"] for row in rows}
    return {(person, currency): known.get((person, currency), 0) for person in people for currency in ("usd", "btc")}


def assert_balanced(server: Server) -> None:
    """Fail unless every transfer sums to zero, and all accounts together do, in each currency."""
    lopsided = server.query(
        "select transfer_id, currency from posting group by transfer_id, currency having sum(amount_minor) <> 0"
    )
    assert not lopsided, lopsided[:5]
    for row in server.query("select currency, sum(account_balance(a)) as total from account a group by currency"):
        assert row["total"] == 0, dict(row)


def transfers(server: Server, *people: str) -> dict[str, dict[str, Any]]:
    """Every transfer, or those that moved money of these people's: its kind, its asset, and how much for whom."""
    rows = server.query(
        "select t.id::text as id, t.kind, t.asset_id::text as asset, t.corrects_id::text as corrects, t.message,"
        "       p.currency, coalesce(a.person_id::text, a.kind) as whose, p.amount_minor"
        " from transfer t join posting p on p.transfer_id = t.id join account a on a.id = p.account_id"
        " where $1::uuid[] = '{}' or exists (select from posting o join account b on b.id = o.account_id"
        "                                    where o.transfer_id = t.id and b.person_id = any ($1))"
        " order by t.id, p.line",
        [UUID(person) for person in people],
    )
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"moved": {}})
    for row in rows:
        said = found[row["id"]]
        said |= {name: row[name] for name in ("kind", "asset", "corrects", "message", "currency")}
        said["moved"][row["whose"]] = said["moved"].get(row["whose"], 0) + row["amount_minor"]
    return dict(found)
