"""Two servers on one database: one sequences, and the other takes over when the first one stops."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from _support.long_run import fault_timeout, rounds
from _support.processes import find_children, find_sequencers, kill, wait_until_gone
from _support.servers import Server, new_server
from _support.waiting import wait_until
from faults.audit import audit
from faults.load import Witness, under_load

pytestmark = fault_timeout
TAKEN_OVER_S = 20.0  # 5 s on an idle machine
SEQUENCERS = """
    from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())
"""


@pytest.fixture(scope="module")
def first() -> Iterator[Server]:
    """The server that runs PostgreSQL, if the tests run on embedded ones."""
    with new_server(on_disk=True, new_interpreter=True) as running:
        yield running


@pytest.fixture(scope="module")
def servers(first: Server) -> Iterator[tuple[Server, Server]]:
    """Two servers on one database and one log."""
    data, log_key = first.data.with_name("second"), (first.data / "log.key").read_text().strip()
    second = Server(data, first.postgres_url, new_interpreter=True, **{**first.settings, "log_key": log_key})
    second.start()
    yield first, second
    second.stop()


@pytest.fixture(scope="module")
def witness() -> Witness:
    """One record for the whole file: each test also checks what was acknowledged in the tests before it."""
    return Witness()


def test_the_other_server_takes_over(servers: tuple[Server, Server], witness: Witness) -> None:
    """When the sequencing server is killed, the other one takes over within seconds, and keeps sequencing."""
    with under_load(witness, *servers):
        witness.wait_for_more()
        for _ in rounds(2):
            leader = _find_leader(servers)
            leader.kill()
            wait_until(lambda killed=leader: _find_leader(servers) is not killed, TAKEN_OVER_S)
            witness.wait_for_more()
            leader.start()
    witness.check(every_request_answered=False)
    audit(servers[0], witness)


def test_a_killed_sequencer_is_followed(servers: tuple[Server, Server], witness: Witness) -> None:
    """When only the sequencer is killed, its replacement or the other server's sequencer takes over in seconds."""
    with under_load(witness, *servers):
        for _ in rounds(3):
            started = _last_start(servers)
            victims = wait_until(lambda: find_sequencers(_find_leader(servers)))
            kill(victims[0])
            wait_until(lambda before=started: _last_start(servers) > before, TAKEN_OVER_S)
            wait_until_gone(victims, 60)
            witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(servers[0], witness)


def test_suspended_sequencer(servers: tuple[Server, Server], witness: Witness) -> None:
    """A sequencer suspended for seconds delays the log but no anchor, and then continues where it was."""
    with under_load(witness, *servers):
        for _ in rounds(1):
            suspended = wait_until(lambda: find_sequencers(_find_leader(servers)))[0]
            kill(suspended, signal.SIGSTOP)
            acknowledged = len(witness.acknowledged)
            wait_until(lambda before=acknowledged: len(witness.acknowledged) > before + 100)
            kill(suspended, signal.SIGCONT)
            witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(servers[0], witness)


def test_suspended_sequencer_that_was_replaced(servers: tuple[Server, Server], witness: Witness) -> None:
    """A sequencer that lost its lock while suspended writes nothing when it wakes: the log is its successor's."""
    with under_load(witness, *servers):
        for _ in rounds(2):
            leader = _find_leader(servers)
            suspended = wait_until(lambda of=leader: find_sequencers(of))[0]
            kill(suspended, signal.SIGSTOP)
            assert servers[0].query(f"select pg_terminate_backend(pid, 5000) {SEQUENCERS}")
            wait_until(lambda before=leader: _find_leader(servers) is not before, TAKEN_OVER_S)
            witness.wait_for_more()
            kill(suspended, signal.SIGCONT)
            witness.wait_for_more()
    assert len(servers[0].query(f"select {SEQUENCERS}")) == 1
    witness.check(every_request_answered=True)
    audit(servers[0], witness)


def test_only_metrics_of_dead_servers_are_deleted(servers: tuple[Server, Server]) -> None:
    """A start deletes the metrics folder of a killed server, and no folder of a running one."""
    living, dead = map(_find_metrics_folder, servers)
    servers[1].kill()
    for folder in (living, dead):
        assert folder.is_dir()
        os.utime(folder, (0, 0))
    servers[1].start()
    assert living.exists()
    assert not dead.exists()
    with servers[0].client() as http:
        assert "hallmarket_http_requests_total" in http.get("/metrics").text


def _find_metrics_folder(server: Server) -> Path:
    """Return the folder of the metrics of a server's workers."""
    return Path(find_children(server)[0].environ()["PROMETHEUS_MULTIPROC_DIR"])


def _sequencing_since(server: Server) -> str:
    """Return when this server last started sequencing, according to its log; "" if never."""
    lines = [line for line in server.log.read_text().splitlines() if '"event":"sequencing"' in line]
    return str(json.loads(lines[-1])["time"]) if lines else ""


def _last_start(servers: tuple[Server, Server]) -> str:
    return max(map(_sequencing_since, servers))


def _find_leader(servers: tuple[Server, Server]) -> Server:
    """Return the server that started sequencing last."""
    return max(servers, key=_sequencing_since)
