"""Public look-ups of anchored hashes, compared with a bare ASGI application that sends as many bytes.

python -m bench.lookup
"""

import statistics
import sys
from typing import Any

import httpx

from _support.servers import Server, new_server
from _support.waiting import wait_until
from bench.bare import bare_application
from bench.batch import BATCH, CONNECTIONS, hash_of, send
from bench.load import run_wrk
from bench.table import Row, print_rows, ratio_row

ROUNDS = 5
SECONDS = 4
WARM_UP_S = 10
FEW, MANY = 10_000, 1_000_000
UNLIMITED: dict[str, Any] = {"rate_limit_key": 10**9, "rate_limit_address": 10**9}


def run(rounds: int = ROUNDS, many: int = MANY) -> list[Row]:
    """Look up among few and many items, by popularity and uniformly, alternating with the bare application."""
    with new_server(**UNLIMITED) as server:
        numbers = iter(range(0, 10**9, BATCH))
        send(server, numbers, 1)
        with server.client("") as client:
            response = wait_until(lambda: _found(client, hash_of(0)))
        with bare_application(len(response)) as hello:
            few, few_bare = _measure(server, hello, FEW, "popular", rounds)
            while server.query("select count(*) from media")[0][0] < many:
                send(server, numbers, 50 // CONNECTIONS)
            _wait_for_log(server)
            server.stop()
            server.start()
            wait_until(lambda: server.log.read_text().count("look-up cache preloaded") == 2, timeout_s=120, every_s=0.5)
            popular, popular_bare = _measure(server, hello, many, "popular", rounds)
            uniform, uniform_bare = _measure(server, hello, many, "uniform", rounds)
    bare = "bare ASGI, same size, server and workers"
    return [
        ratio_row(f"look-ups among {FEW:,} items", few, few_bare, "/s", bare, 0.6),
        ratio_row(f"look-ups among {many:,} items, popularity 1/rank", popular, popular_bare, "/s", bare, 0.6),
        ratio_row(
            f"that ratio, compared with {FEW:,} items", popular / popular_bare * 1000, few / few_bare * 1000,
            "‰", f"among {FEW:,}", 0.9,
        ),
        ratio_row(f"look-ups among {many:,} items, uniform", uniform, uniform_bare, "/s", bare, 0.3),
    ]  # fmt: skip


def _measure(server: Server, hello: str, items: int, distribution: str, rounds: int) -> tuple[float, float]:
    run_wrk(server.url, "lookup.lua", items, distribution, seconds=WARM_UP_S)
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(run_wrk(server.url, "lookup.lua", items, distribution, seconds=SECONDS))
        bare.append(run_wrk(hello, "hello.lua", seconds=SECONDS))
    return statistics.median(ours), statistics.median(bare)


def _wait_for_log(server: Server) -> None:
    wait_until(lambda: not server.query("select 1 from log_queue limit 1"), timeout_s=300, every_s=0.5)
    server.query("vacuum analyze media")
    server.query("checkpoint")


def _found(client: httpx.Client, digest: str) -> bytes:
    response = client.get(f"/v1/public/media/{digest}")
    return response.content if response.status_code == 200 else b""


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
