"""Listings, searches and access checks among 100,000 assets and 1,000 people, compared with `GET /user`.

python -m bench.catalog
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack

import asyncpg
import httpx

from _support.clients import exchange_client
from _support.servers import Server, new_server
from bench.lookup import UNLIMITED
from bench.table import Row, print_rows
from hallmarket.server.catalog.access import sql
from hallmarket.server.database.connections import SESSION_SETTINGS

PEOPLE, ORGANIZATIONS, ASSETS = 1_000, 50, 100_000
READERS = 8  # people who send the requests
REQUESTS = 300
WORDS = ("harbour", "salt", "tide", "gull", "crane", "rope", "fog", "light", "anchor", "keel")
MAKE = (
    """insert into organization (id, slug, name) select md5('o' || n)::uuid, 'o' || n, 'Organization ' || n
       from generate_series(1, $1) n""",
    # Every person is in one organization, every fifth in a second one.
    """insert into membership (organization_id, person_id, role)
       select md5('o' || 1 + p.place % $1)::uuid, p.id, 'member'
       from (select id, row_number() over (order by username) as place from person) p
       union
       select md5('o' || 1 + (p.place * 7) % $1)::uuid, p.id, 'member'
       from (select id, row_number() over (order by username) as place from person) p where p.place % 5 = 0""",
    # A third is public, a quarter for an organization, the rest private; names have five words, one of them rare.
    """insert into asset (id, asset_type, owner_id, organization_id, visibility, name, description, metadata,
                          access_id, audience, created_on, updated_on)
       select md5('a' || n)::uuid, (array['file', 'dataset', 'post'])[1 + n % 3], m.person_id, m.organization_id,
              (array['public', 'public', 'public', 'public', 'organization', 'organization', 'organization',
                     'private', 'private', 'private', 'private', 'monetized'])[1 + n % 12],
              concat_ws(' ', w.words[1 + n % 10], w.words[1 + n / 10 % 10], w.words[1 + n / 100 % 10], 'item',
                        n % 5000),
              to_jsonb(repeat(w.words[1 + n % 10] || ' and ' || w.words[1 + n / 7 % 10] || ' ', 20)),
              '{"extension": "csv", "type": "text/csv"}', md5('a' || n)::uuid, 'private',
              now() - n * interval '1 minute', now() - n * interval '50 seconds'
       from generate_series(1, $1) n
       cross join (select $2::text[] as words) w
       join (select person_id, organization_id, row_number() over (order by person_id, organization_id) as place,
                    count(*) over () as members from membership) m on m.place = 1 + n % m.members""",
    """insert into permission (id, asset_id, person_id, role, granter_id)
       select gen_random_uuid(), id, owner_id, 'admin', owner_id from asset""",
    # Every tenth is shared with another person.
    """insert into permission (id, asset_id, person_id, role, granter_id)
       select gen_random_uuid(), a.id, p.id, 'read', a.owner_id
       from (select id, owner_id, row_number() over (order by id) as place from asset) a
       join (select id, row_number() over (order by id) as place, count(*) over () as people from person) p
           on p.place = 1 + a.place / 10 % p.people
       where a.place % 10 = 0
       on conflict do nothing""",
    """insert into asset_day (asset_id, day, views, quality_views, downloads)
       select md5('a' || n)::uuid, (now() - n % 40 * interval '1 day')::date, n % 50, n % 40, n % 7
       from generate_series(1, $1 / 10) n on conflict do nothing""",
)
LISTINGS = {
    "newest of all visible assets": {},
    "newest personal assets": {"scope": "personal"},
    "newest of the organization": {"scope": "org"},
    "shared with the reader": {"scope": "shared"},
    "newest files": {"filters": '{"asset_type": "file"}'},
    "recently updated": {"sort": "updated"},
    "popular this month": {"sort": "popular"},
}
# A search examines every match, so its target is 100 ms instead of the 20 ms of a listing.
SEARCHES = {
    "search for two words, by relevance": {"query": "{word} {number}"},
    "search for a word in every third asset": {"query": "{word}"},
}


def run() -> list[Row]:
    """Fill a server, then measure listings, searches, access checks and `GET /user`."""
    with new_server(**UNLIMITED) as server, ExitStack() as stack:
        members = [server.new_member() for _ in range(READERS)]
        fill(server)
        readers = [stack.enter_context(exchange_client(server, _create_key(server, each.username))) for each in members]
        baseline_ms = measure(readers, lambda: ("/user", {}))
        rows = [
            _row(what, target_ms, measure(readers, _request_factory(query)), 95, baseline_ms, "GET /user")
            for target_ms, queries in ((20, LISTINGS), (100, SEARCHES))
            for what, query in queries.items()
        ]
        checks, nothing = asyncio.run(check(server))
        return [*rows, _row("an access check in SQL", 2, checks, 99, nothing, "select 1")]


def fill(server: Server) -> None:
    """Insert people, organizations, assets, permissions and views, the same in every run."""
    parameters: list[tuple[object, ...]] = [
        (ORGANIZATIONS,),
        (ORGANIZATIONS,),
        (ASSETS, list(WORDS)),
        (),
        (),
        (ASSETS,),
    ]
    server.query(
        "insert into person (id, username) select md5('p' || n)::uuid, 'person' || n from generate_series(1, $1) n",
        PEOPLE - READERS,
    )
    for statement, values in zip(MAKE, parameters, strict=True):
        server.query(statement, *values)
    server.query("vacuum analyze")


def measure(readers: Sequence[httpx.Client], next_request: Callable[[], tuple[str, dict[str, str]]]) -> list[float]:
    """Return the milliseconds of single requests by the readers in turn, after a warm-up that does not count."""
    times = []
    for turn in range(REQUESTS + 20):
        path, query = next_request()
        started_s = time.perf_counter()
        response = readers[turn % len(readers)].get(path, params=query)
        times.append((time.perf_counter() - started_s) * 1000)
        assert response.status_code in (200, 404), response.text
    return times[20:]


async def check(server: Server) -> tuple[list[float], list[float]]:
    """Return the milliseconds of access checks of random people and assets, and of `select 1`."""
    rng, checks, nothing = random.Random(7), [], []
    connection = await asyncpg.connect(server.postgres_url, server_settings=SESSION_SETTINGS)
    try:
        assets = [row["id"] for row in await connection.fetch("select id from asset order by id limit 5000")]
        people = [row["id"] for row in await connection.fetch("select id from person")]
        for _ in range(10 * REQUESTS):
            arguments = (sql.find_access, rng.choice(assets), rng.choice(people), None)
            checks.append(await _time(connection.fetchrow(*arguments)))
            nothing.append(await _time(connection.fetchrow("select 1")))
    finally:
        await connection.close()
    return checks[20:], nothing[20:]


async def _time(work: Awaitable[object]) -> float:
    started_s = time.perf_counter()
    await work
    return (time.perf_counter() - started_s) * 1000


def _request_factory(query: dict[str, str]) -> Callable[[], tuple[str, dict[str, str]]]:
    rng = random.Random(7)

    def next_request() -> tuple[str, dict[str, str]]:
        names = {"word": rng.choice(WORDS), "number": str(rng.randrange(5000))}
        parameters = {name: value.format(**names) if name == "query" else value for name, value in query.items()}
        return "/search/assets", {"limit": "20", **parameters}

    return next_request


def _create_key(server: Server, username: str) -> str:
    return str(server.admin("create-key", username)["key"])


def _row(
    what: str, target_ms: float, times: list[float], percentile: int, baseline_ms: list[float], baseline: str
) -> Row:
    ours, bare = (statistics.quantiles(each, n=100)[percentile - 1] for each in (times, baseline_ms))
    return Row(
        what=f"{what}, p{percentile} in ms",
        hallmarket=f"{ours:.2f} ms (median {statistics.median(times):.1f})",
        baseline=f"{bare:.2f} ms (median {statistics.median(baseline_ms):.1f}), {baseline}",
        figure=round(ours, 2),
        target=target_ms,
        met=ours <= target_ms,
    )


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
