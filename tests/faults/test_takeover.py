"""Two servers over one database: one sequences, the other stands by, and takes over when that one stops.

`HALLMARKET_FAULT_ROUNDS` repeats the rounds more often.
"""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from _support.processes import find_children, find_sequencers, kill, wait_until_gone
from _support.servers import Server, new_server
from _support.waiting import wait_until
from faults.audit import audit
from faults.load import Witness, under_load
from faults.rounds import long_enough, rounds

pytestmark = long_enough
TAKEN_OVER_S = 20.0  # 5 s on a machine that has nothing else to do
SEQUENCERS = """
    from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())
"""


@pytest.fixture(scope="module")
def first() -> Iterator[Server]:
    """The server whose database it is, if the tests run on embedded ones."""
    with new_server(on_disk=True, new_interpreter=True) as running:
        yield running


@pytest.fixture(scope="module")
def servers(first: Server) -> Iterator[tuple[Server, Server]]:
    """Two servers over one database and one log."""
    data, log_key = first.data.with_name("second"), (first.data / "log.key").read_text().strip()
    second = Server(data, first.postgres_url, **{**first.settings, "log_key": log_key})
    second.start()
    yield first, second
    second.stop()


@pytest.fixture(scope="module")
def witness() -> Witness:
    """One memory for the whole file, so that every test answers for what was acknowledged in the ones before."""
    return Witness()


def test_the_other_server_takes_over(servers: tuple[Server, Server], witness: Witness) -> None:
    """When the server that sequences is killed, the other sequences within seconds; restarted, the first stands by."""
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
    """When only the sequencer is killed, its own server's next or the other server's goes on within seconds."""
    with under_load(witness, *servers):
        for _ in rounds(3):
            began = _last_began(servers)
            victims = wait_until(lambda: find_sequencers(_find_leader(servers)))
            kill(victims[0])
            wait_until(lambda before=began: _last_began(servers) > before, TAKEN_OVER_S)
            wait_until_gone(victims, 60)
            witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(servers[0], witness)


def test_a_sequencer_that_slept(servers: tuple[Server, Server], witness: Witness) -> None:
    """A sequencer stopped for a few seconds delays the log, not the anchors, and then goes on where it was."""
    with under_load(witness, *servers):
        for _ in rounds(1):
            sleeper = wait_until(lambda: find_sequencers(_find_leader(servers)))[0]
            kill(sleeper, signal.SIGSTOP)
            acknowledged = len(witness.acknowledged)
            wait_until(lambda before=acknowledged: len(witness.acknowledged) > before + 100)
            kill(sleeper, signal.SIGCONT)
            witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(servers[0], witness)


def test_a_sequencer_that_slept_through_its_succession(servers: tuple[Server, Server], witness: Witness) -> None:
    """A sequencer that lost its place in its sleep writes nothing on waking: the log is its successor's."""
    with under_load(witness, *servers):
        for _ in rounds(2):
            leader = _find_leader(servers)
            sleeper = wait_until(lambda of=leader: find_sequencers(of))[0]
            kill(sleeper, signal.SIGSTOP)
            assert servers[0].query(f"select pg_terminate_backend(pid, 5000) {SEQUENCERS}")
            wait_until(lambda before=leader: _find_leader(servers) is not before, TAKEN_OVER_S)
            witness.wait_for_more()
            kill(sleeper, signal.SIGCONT)
            witness.wait_for_more()
    assert len(servers[0].query(f"select {SEQUENCERS}")) == 1
    witness.check(every_request_answered=True)
    audit(servers[0], witness)


def test_only_the_figures_of_the_dead_are_cleared(servers: tuple[Server, Server]) -> None:
    """A start clears away what a killed server left in memory, and leaves alone what a living one keeps there."""
    living, dead = map(_find_figures, servers)
    servers[1].kill()
    for folder in (living, dead):
        assert folder.is_dir()
        os.utime(folder, (0, 0))
    servers[1].start()
    assert living.exists()
    assert not dead.exists()
    with servers[0].client() as http:
        assert "hallmarket_http_requests_total" in http.get("/metrics").text


def _find_figures(server: Server) -> Path:
    """The folder that the workers of a server count in."""
    return Path(find_children(server)[0].environ()["PROMETHEUS_MULTIPROC_DIR"])


def _began(server: Server) -> str:
    """When this server last began to sequence, by its own log; "" for never."""
    lines = [line for line in server.log.read_text().splitlines() if '"event":"sequencing"' in line]
    return str(json.loads(lines[-1])["time"]) if lines else ""


def _last_began(servers: tuple[Server, Server]) -> str:
    return max(map(_began, servers))


def _find_leader(servers: tuple[Server, Server]) -> Server:
    """The server that last began to sequence."""
    return max(servers, key=_began)
