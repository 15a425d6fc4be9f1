"""Rows in the official client's batches: how many for each second of processor time that the server spends.

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
import pandas as pd  # type: ignore[import-untyped]  # it has no types of its own
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from bench.table import Row, show
from exchange import get_token
from support import Server, new_server

ROWS = 600_000
TARGET = 60_000


def run(rows: int = ROWS) -> list[Row]:
    """Append batches as the official client cuts them, to one dataset, and finish."""
    batches = _batches(rows)
    with new_server() as server:
        headers = {"authorization": get_token(server, server.new_member().key)}
        with httpx.Client(base_url=server.url, headers=headers, timeout=600, trust_env=False) as client:
            schema = (
                'create table x ("id" bigint, "name" text, "value" double precision, "ok" boolean, "at" timestamptz)'
            )
            wanted = {"dataset": {"name": "Rows", "visibility": "private", "schema": schema}}
            dataset = client.post("/datasets/create/from-schema", json=wanted).json()["data"]["id"]
            before, started = _spent(server), time.perf_counter()
            for number, batch in enumerate(batches, 1):
                _send(client, dataset, batch, finalize=number == len(batches))
            took, spent = time.perf_counter() - started, _spent(server) - before
    bare = rows / sum(_bare(batch) for batch in batches)
    return [
        Row(
            what=f"appending {rows:,} rows of 5 mixed columns, {len(batches)} requests, rows a second of the processor",
            hallmarket=f"{rows / spent:,.0f} rows/s, and {rows / took:,.0f} rows/s by the clock",
            beside_it=f"{bare:,.0f} rows/s, gzip, JSON and Parquet alone, without looking at a value",
            figure=round(rows / spent),
            target=TARGET,
            holds=rows / spent >= TARGET,
        ),
    ]


def _batches(rows: int) -> list[bytes]:
    """The bodies that the official client makes of a frame, before it packs them."""
    from ouro.resources.datasets import Datasets

    pick = random.Random(7)
    frame = pd.DataFrame(
        {
            "id": range(rows),
            "name": [f"station {pick.randrange(10_000)}" for _ in range(rows)],
            "value": [pick.random() if pick.random() > 0.05 else None for _ in range(rows)],
            "ok": [pick.random() < 0.5 for _ in range(rows)],
            "at": pd.date_range("2020-01-01", periods=rows, freq="s", tz="UTC"),
        }
    )
    client = object.__new__(Datasets)
    cut = Datasets._iter_row_batches(client._serialize_dataframe(frame), "append")
    return [json.dumps({"rows": batch}, ensure_ascii=False, separators=(",", ":")).encode() for batch in cut]


def _send(client: httpx.Client, dataset: str, batch: bytes, *, finalize: bool) -> None:
    more = f',"mode":"append","finalize":{str(finalize).lower()}}}'
    packed = gzip.compress(batch[:-1] + more.encode(), compresslevel=1)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = client.post(f"/datasets/{dataset}/data", content=packed, headers=headers)
    assert answer.status_code == 200, answer.text


def _bare(batch: bytes) -> float:
    """The processor time of unpacking a batch, decoding it, and writing what Arrow makes of it."""
    packed = gzip.compress(batch, compresslevel=1)
    started = time.process_time()
    rows: Sequence[dict[str, object]] = msgspec.json.decode(gzip.decompress(packed))["rows"]
    pq.write_table(pa.Table.from_pylist(rows), io.BytesIO(), compression="zstd")
    return time.process_time() - started


def _spent(server: Server) -> float:
    """Seconds of the processor that all the server's processes have spent."""
    assert server.process is not None
    times = [each.cpu_times() for each in psutil.Process(server.process.pid).children(recursive=True)]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    sys.exit(not show(run()))
