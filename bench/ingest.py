"""Rows in batches of the official client: rows per second of processor time that the server uses.

python -m bench.ingest
"""

import gzip
import io
import json
import random
import sys
import time
from collections.abc import Sequence

import httpx
import msgspec
import pandas as pd  # type: ignore[import-untyped]  # pandas ships no types
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from _support.clients import get_token
from _support.servers import Server, new_server
from bench.table import Row, print_rows

ROWS = 600_000
TARGET = 60_000


def run(rows: int = ROWS) -> list[Row]:
    """Append batches, cut as the official client cuts them, to one dataset, and finalize it."""
    batches = _batches(rows)
    with new_server() as server:
        headers = {"authorization": get_token(server, server.new_member().key)}
        with httpx.Client(base_url=server.url, headers=headers, timeout=600, trust_env=False) as client:
            schema = (
                'create table x ("id" bigint, "name" text, "value" double precision, "ok" boolean, "at" timestamptz)'
            )
            request = {"dataset": {"name": "Rows", "visibility": "private", "schema": schema}}
            dataset = client.post("/datasets/create/from-schema", json=request).json()["data"]["id"]
            before, started_s = _cpu_seconds(server), time.perf_counter()
            for number, batch in enumerate(batches, 1):
                _send(client, dataset, batch, finalize=number == len(batches))
            elapsed_s, cpu_s = time.perf_counter() - started_s, _cpu_seconds(server) - before
    bare = rows / sum(_bare(batch) for batch in batches)
    return [
        Row(
            what=f"appending {rows:,} rows of 5 mixed columns, {len(batches)} requests, per second of processor time",
            hallmarket=f"{rows / cpu_s:,.0f} rows/s, and {rows / elapsed_s:,.0f} rows/s of wall clock",
            baseline=f"{bare:,.0f} rows/s, only gzip, JSON and Parquet, without checking values",
            figure=round(rows / cpu_s),
            target=TARGET,
            met=rows / cpu_s >= TARGET,
        ),
    ]


def _batches(rows: int) -> list[bytes]:
    """Return the request bodies that the official client builds from a data frame, before it compresses them."""
    from ouro.resources.datasets import Datasets

    rng = random.Random(7)
    frame = pd.DataFrame(
        {
            "id": range(rows),
            "name": [f"station {rng.randrange(10_000)}" for _ in range(rows)],
            "value": [rng.random() if rng.random() > 0.05 else None for _ in range(rows)],
            "ok": [rng.random() < 0.5 for _ in range(rows)],
            "at": pd.date_range("2020-01-01", periods=rows, freq="s", tz="UTC"),
        }
    )
    client = object.__new__(Datasets)
    cut = Datasets._iter_row_batches(client._serialize_dataframe(frame), "append")
    return [json.dumps({"rows": batch}, ensure_ascii=False, separators=(",", ":")).encode() for batch in cut]


def _send(client: httpx.Client, dataset: str, batch: bytes, *, finalize: bool) -> None:
    more = f',"mode":"append","finalize":{str(finalize).lower()}}}'
    compressed = gzip.compress(batch[:-1] + more.encode(), compresslevel=1)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    response = client.post(f"/datasets/{dataset}/data", content=compressed, headers=headers)
    assert response.status_code == 200, response.text


def _bare(batch: bytes) -> float:
    """Return the processor time, in seconds, to decompress a batch, decode it and write it as Parquet."""
    compressed = gzip.compress(batch, compresslevel=1)
    started_s = time.process_time()
    rows: Sequence[dict[str, object]] = msgspec.json.decode(gzip.decompress(compressed))["rows"]
    pq.write_table(pa.Table.from_pylist(rows), io.BytesIO(), compression="zstd")
    return time.process_time() - started_s


def _cpu_seconds(server: Server) -> float:
    """Return the processor time, in seconds, that all processes of the server have used."""
    assert server.process is not None
    times = [each.cpu_times() for each in psutil.Process(server.process.pid).children(recursive=True)]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
