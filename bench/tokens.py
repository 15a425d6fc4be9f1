"""`GET /user` with a token, compared with a bare ASGI application that sends as many bytes.

python -m bench.tokens
"""

import statistics
import sys

from _support.clients import exchange_client
from _support.servers import new_server
from bench.bare import bare_application
from bench.load import run_wrk
from bench.lookup import ROUNDS, SECONDS, UNLIMITED, WARM_UP_S
from bench.table import Row, print_rows, ratio_row


def run(rounds: int = ROUNDS) -> list[Row]:
    """Measure `GET /user`, alternating with the bare application; medians."""
    ours, bare = [], []
    with new_server(**UNLIMITED) as server, exchange_client(server, server.api_key) as client:
        token, size = client.headers["authorization"], len(client.get("/user").content)
        with bare_application(size) as hello:
            run_wrk(server.url, "me.lua", token, seconds=WARM_UP_S)
            for _ in range(rounds):
                ours.append(run_wrk(server.url, "me.lua", token, seconds=SECONDS))
                bare.append(run_wrk(hello, "hello.lua", seconds=SECONDS))
    baseline = "bare ASGI, same size, server and workers"
    return [ratio_row("GET /user with a token", statistics.median(ours), statistics.median(bare), "/s", baseline, 0.3)]


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
