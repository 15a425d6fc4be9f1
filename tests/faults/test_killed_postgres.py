"""PostgreSQL is killed under load, again and again: its postmaster, and single connections.

The embedded one, always: a database given by URL is not ours to kill. `HALLMARKET_FAULT_ROUNDS` repeats it more often.
"""

import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from _support.processes import find_backends, get_postgres_account, get_postmaster, is_alive, kill, wait_until_gone
from _support.servers import Server
from faults.audit import audit
from faults.disk import bounded_files, use_up_write_ahead_log
from faults.embedded import new_embedded_server
from faults.load import Witness, under_load
from faults.rounds import long_enough, rounds
from hallmarket.server.database.embedded import EmbeddedPostgres

pytestmark = long_enough


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with an embedded PostgreSQL, killed by every test of this file in turn."""
    with new_embedded_server() as running:
        yield running


@pytest.fixture(scope="module")
def witness() -> Witness:
    """One memory for the whole file, so that every test answers for what was acknowledged in the ones before."""
    return Witness()


def test_a_postgres_that_may_not_write(server: Server, witness: Witness) -> None:
    """PostgreSQL dying again and again of a log it cannot write is told as 503, and goes on as soon as it may write."""
    # First and once, however many rounds the others make: the tables too must stay within the bound.
    postmaster = get_postmaster(server)
    with under_load(witness, server, batches=0):
        witness.wait_for_more()
        with bounded_files(server):
            use_up_write_ahead_log(server)
            wait_until_gone([postmaster], 60)
            witness.wait_for_refusals()
        witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(server, witness)


def test_a_killed_postgres_loses_nothing(server: Server, witness: Witness) -> None:
    """While PostgreSQL is dead every request is told so, in form and in time; back by itself, it has lost nothing."""
    with under_load(witness, server):
        for _ in rounds(3):
            kill(get_postmaster(server))
            witness.wait_for_more()
    assert witness.answers["503"]
    witness.check(every_request_answered=True)
    audit(server, witness)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_connection_loses_nothing(server: Server, witness: Witness, number: int) -> None:
    """Cutting one connection off, or killing a backend and with it all of them, loses nothing and is told in form."""
    postmaster = get_postmaster(server)
    with under_load(witness, server):
        for _ in rounds(3):
            for victim in random.sample(backends := find_backends(server), min(2, len(backends))):
                kill(victim, number)
            witness.wait_for_more()
    assert is_alive(postmaster)
    witness.check(every_request_answered=True)
    audit(server, witness)


def test_server_and_postgres_killed_together(server: Server, witness: Witness) -> None:
    """When server and PostgreSQL are both killed, as by a power cut, one start brings both back with everything."""
    with under_load(witness, server):
        for _ in rounds(1):
            postmaster = get_postmaster(server)
            kill(postmaster)
            server.kill()
            server.start()
            witness.wait_for_more()
    witness.check(every_request_answered=False)
    audit(server, witness)


def test_a_process_number_used_again_is_no_obstacle(server: Server) -> None:
    """Files left by a dead PostgreSQL do not keep it from starting when its number is now somebody else's."""
    cluster = EmbeddedPostgres(server.data).cluster
    postmaster = get_postmaster(server)
    left = {name: (cluster / name).read_text() for name in ("postmaster.pid", ".s.PGSQL.5432.lock")}
    server.stop()
    wait_until_gone([postmaster], 60)
    account = get_postgres_account()
    somebody = subprocess.Popen(["sleep", "60"], user=account.get("user"), group=account.get("group"))
    try:
        for name, text in left.items():
            (cluster / name).write_text(text.replace(str(postmaster.pid), str(somebody.pid), 1))
        server.start()
    finally:
        somebody.kill()
        somebody.wait()
    assert somebody.returncode == -signal.SIGKILL
    with server.client() as http:
        assert http.get("/readyz").status_code == 200
