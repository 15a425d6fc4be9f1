"""Batches of anchors into an empty registry and at a million items, and the growth of the server's memory.

python -m bench.batch
"""

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil

from _support.servers import Server, new_server
from bench.table import Row, print_rows

ITEMS = 1_000_000
BATCH = 20_000
MEASURED = 5  # batches per measurement and connection
CONNECTIONS = 2
UNLIMITED: dict[str, Any] = {"rate_limit_key": 10**9, "rate_limit_address": 10**9}


def run(items: int = ITEMS) -> list[Row]:
    """Fill a registry; measure the first batches and those at `items`."""
    with new_server(**UNLIMITED) as server:
        numbers = iter(range(0, 10**9, BATCH))
        empty = send(server, numbers, MEASURED)
        memory = _memory_mib(server)
        while _count(server) < items:
            send(server, numbers, MEASURED)
        full = send(server, numbers, MEASURED)
        grown = _memory_mib(server) - memory
        drained = _drain(server)
    return [
        Row(
            what=f"batches of {BATCH:,} into an empty registry, {CONNECTIONS} connections, log running",
            hallmarket=f"{empty:,.0f} items/s",
            baseline="the target",
            figure=round(empty),
            target=20_000,
            met=empty >= 20_000,
        ),
        Row(
            what=f"the same at {items:,} items",
            hallmarket=f"{full:,.0f} items/s",
            baseline=f"{empty:,.0f} items/s into an empty registry",
            figure=round(full / empty, 3),
            target=0.8,
            met=full / empty >= 0.8,
        ),
        Row(
            what="growth of the server's memory meanwhile",
            hallmarket=f"{grown:+.0f} MiB over {items / 1e6:g} M items; the queue was empty {drained:.1f} s later",
            baseline=f"{memory:.0f} MiB after the first batches",
            figure=round(memory / (memory + max(grown, 0)), 3),
            target=0.8,
            met=grown <= memory / 4,
        ),
    ]


def hash_of(number: int) -> str:
    """Return the invented hash of an item; its first digits are scattered like those of real hashes."""
    return f"{number * 2654435761 % 4294967296:08x}{number:012x}{'0' * 108}"


def send(server: Server, numbers: Iterator[int], batches: int) -> float:
    """Send batches over every connection; returns accepted items per second, including the client's work."""
    accepted: list[int] = []

    def work(firsts: list[int]) -> None:
        headers = {"content-type": "application/x-ndjson"}
        with server.client() as client:
            for first in firsts:
                body = "".join(
                    f'{{"hash":"{hash_of(number)}","size":12345,"name":"scan_{number}.tif","metadata":"{{}}"}}\n'
                    for number in range(first, first + BATCH)
                )
                content = client.post("/v1/media/anchor/batch", content=body, headers=headers).content
                accepted.append(content.count(b'"status":201'))

    started_s = time.monotonic()
    threads = [
        threading.Thread(target=work, args=([next(numbers) for _ in range(batches)],)) for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed_s = time.monotonic() - started_s
    assert sum(accepted) == batches * CONNECTIONS * BATCH
    return sum(accepted) / elapsed_s


def _count(server: Server) -> int:
    return int(server.query("select count(*) from media")[0][0])


def _drain(server: Server) -> float:
    started_s = time.monotonic()
    while server.query("select 1 from log_queue limit 1"):
        time.sleep(0.1)
    return time.monotonic() - started_s


def _memory_mib(server: Server) -> float:
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    ours = [parent, *(child for child in parent.children() if child.name() != "postgres")]
    return sum(process.memory_info().rss for process in ours) / 2**20


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
