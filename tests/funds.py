"""Money for tests, and what became of it, read from the ledger itself."""

from uuid import UUID

from support import Server

CREDIT = """
with payee as (
    insert into account (id, kind, person_id, currency)
    select gen_random_uuid(), 'person', $1, currency from (values ('usd'), ('btc')) c (currency)
    on conflict (person_id, currency, kind) do update set kind = excluded.kind
    returning id, currency
), moved as (
    insert into transfer (id, kind) values (gen_random_uuid(), 'credit') returning id
)
insert into posting (transfer_id, line, account_id, currency, amount_minor)
select m.id, l.line, l.account_id, $2, l.amount
from moved m, lateral (
    select 1 as line, id as account_id, -$3::bigint as amount from account where kind = 'funding' and currency = $2
    union all
    select 2, id, $3::bigint from payee where currency = $2
) l
"""


def credit(server: Server, person: str, amount_minor: int, currency: str = "usd") -> None:
    """Put money into somebody's wallet, as one more transfer."""
    server.query(CREDIT, UUID(person), currency, amount_minor)


def balance(server: Server, person: str, currency: str = "usd") -> int:
    """What somebody's wallet holds: the sum of all that was ever posted to it."""
    (row,) = server.query(
        "select coalesce(sum(p.amount_minor), 0)::bigint as balance from posting p"
        " join account a on a.id = p.account_id where a.person_id = $1 and a.currency = $2",
        UUID(person),
        currency,
    )
    return int(row["balance"])
