"""`/healthz`, `/readyz` and `/metrics`, with and without the database."""

import asyncio
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from _support.anchoring import BATCH, anchor_and_wait, random_hash, request_anchor, to_ndjson
from _support.outages import database_down
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from hallmarket.proof.checkpoint import open_checkpoint
from hallmarket.proof.key import VerifierKey

DOCS = Path(__file__).parents[2] / "docs"
Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A separate server with two workers, so that its metrics are exact and must be collected from both."""
    with new_embedded_server(workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def api(own: Server) -> Iterator[httpx.Client]:
    """An HTTP client for that server."""
    with own.client() as client:
        yield client


def figures(api: httpx.Client) -> Figures:
    """Return every value of `/metrics` by its name and sorted labels."""
    text = api.get("/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def requests(found: Figures, **labels: str) -> float:
    """Return the number of requests that were counted with all of these labels."""
    return sum(
        value
        for (name, given), value in found.items()
        if name == "hallmarket_http_requests_total" and set(labels.items()) <= set(given)
    )


def test_health_is_ok(api: httpx.Client) -> None:
    """A process that responds is alive; the response is not cached."""
    response = api.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["cache-control"] == "no-store"


def test_ready_tells_of_database_and_log(api: httpx.Client) -> None:
    """A ready server reports its version, the state of its database, and the size of its log."""
    anchor_and_wait(api)
    response = api.get("/readyz")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert (told["status"], told["version"], told["database"]) == ("ready", version("hallmarket"), "ok")
    key = VerifierKey.parse(api.get("/log/key").text.strip())
    checkpoint = open_checkpoint(api.get("/log/checkpoint").text, key)
    log = told["log"]
    assert (log["origin"], log["size"], log["queue"], log["lagSeconds"]) == (key.name, checkpoint.size, 0, 0.0)
    assert list(log["checkpoint"]) == ["number", "size", "root", "createdOn"]
    assert log["checkpoint"]["size"] == checkpoint.size
    assert f"\n{log['checkpoint']['root']}\n" in checkpoint.body()


def test_metrics_are_prometheus_text(api: httpx.Client) -> None:
    """Every metric is in Prometheus' text format, with help and type, and has our prefix."""
    response = api.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(response.text))
    assert all(family.name.startswith("hallmarket_") and family.documentation for family in families)
    documented = (DOCS / "reference" / "metrics.md").read_text()
    for family in families:
        assert family.name in documented


def test_requests_are_counted_by_route_method_and_status(api: httpx.Client) -> None:
    """Every request of every worker is counted once, by route, method and status, and so is its duration."""
    before = figures(api)
    digest = anchor_and_wait(api)["hash"]
    for _ in range(20):
        api.get(f"/v1/public/media/{digest}", headers={"connection": "close"})  # so that both workers get some
    request_anchor(api, hash="x")
    api.get("/v1/nothing")
    api.put("/v1/media")
    api.head("/v1/media")

    def grown(**labels: str) -> float:
        return requests(figures(api), **labels) - requests(before, **labels)

    lookups = {"route": "/v1/public/media/{media_hash}", "method": "GET", "status": "200"}
    wait_until(lambda: grown(**lookups) == 20)
    wait_until(lambda: grown(route="/v1/media", method="HEAD", status="200") == 1)
    assert grown(route="/v1/media/anchor", status="201") == 1
    assert grown(route="/v1/media/anchor", status="400") == 1
    assert grown(route="unmatched", method="GET", status="404") == 1
    assert grown(method="PUT", status="405") == 1
    after = figures(api)
    name = "hallmarket_http_request_seconds"
    route = ("route", "/v1/public/media/{media_hash}")
    assert after[f"{name}_count", (route,)] - before.get((f"{name}_count", (route,)), 0) == 20
    assert after[f"{name}_bucket", (("le", "+Inf"), route)] == after[f"{name}_count", (route,)]
    assert 0 < after[f"{name}_sum", (route,)] < 20


def test_paths_make_no_new_figures(api: httpx.Client) -> None:
    """Unknown paths and methods do not increase the number of time series."""
    for number in range(3):
        api.get(f"/v1/invented/{number}")
        api.request("PROPFIND", "/v1/media")
    before = len(figures(api))
    for number in range(50):
        api.get(f"/v1/invented/{number}/{random_hash()}")
        api.get(f"/{number}")
        api.request("MKCOL" if number % 2 else "REPORT", "/v1/media")
    wait_until(lambda: requests(figures(api), method="other") >= 50)
    assert len(figures(api)) == before


def test_batches_and_log_are_measured(api: httpx.Client) -> None:
    """The size of anchor batches and the log's size, checkpoint, queue and sequencing lag are metrics."""
    before = figures(api)
    items = [{"hash": random_hash(), "size": 1} for _ in range(30)]
    api.post(BATCH, content=to_ndjson(*items), headers={"content-type": "application/x-ndjson"})
    for _ in range(5):
        anchor_and_wait(api)
    after = figures(api)

    def grown(name: str) -> float:
        return after[name, ()] - before[name, ()]

    assert grown("hallmarket_log_size") == 35
    assert grown("hallmarket_anchor_batch_items_count") >= 5
    assert grown("hallmarket_anchor_batch_items_sum") >= 5
    assert 1 <= grown("hallmarket_log_checkpoint_number") <= 35
    assert abs(after["hallmarket_log_checkpoint_timestamp_seconds", ()] - time.time()) < 60
    assert (after["hallmarket_log_queue", ()], after["hallmarket_log_sequencing_lag_seconds", ()]) == (0, 0)
    assert after["hallmarket_database_up", ()] == 1


def test_waiting_entries_show(own: Server, api: httpx.Client) -> None:
    """The metrics show the number of queued entries and the age of the oldest one."""
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(own.postgres_url))
        runner.run(holder.execute("begin; select from log_head for update"))  # nothing can be sequenced now
        own.query(
            "insert into log_queue (kind, subject_id, entry, queued_on)"
            " select 'media', gen_random_uuid(), 'x', now() - interval '90 seconds' from generate_series(1, 2)"
        )
        found, told = figures(api), api.get("/readyz").json()["log"]
        runner.run(holder.close())
    assert found["hallmarket_log_queue", ()] == told["queue"] == 2
    assert 90 <= found["hallmarket_log_sequencing_lag_seconds", ()] < 150
    assert 90 <= told["lagSeconds"] < 150
    wait_until(lambda: figures(api)["hallmarket_log_queue", ()] == 0)


def test_away_database_is_told(own: Server, api: httpx.Client) -> None:
    """While the database is down a server is alive but not ready, and its metrics show it; then it is ready again."""
    with database_down(own):
        assert api.get("/healthz").json() == {"status": "ok"}
        response = api.get("/readyz")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        away = {"status": "unavailable", "version": version("hallmarket"), "database": "away", "log": None}
        assert response.json() == away
        found = figures(api)
        assert found["hallmarket_database_up", ()] == 0
        assert ("hallmarket_log_size", ()) not in found
        assert requests(found, route="/readyz", status="503") >= 1
    wait_until(lambda: api.get("/readyz").status_code == 200)
    assert figures(api)["hallmarket_database_up", ()] == 1
    anchor_and_wait(api)
