"""The embedded PostgreSQL's postmaster and its backends are killed under load, repeatedly."""

import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from _support.long_run import fault_timeout, rounds
from _support.processes import find_backends, get_postgres_account, get_postmaster, is_alive, kill, wait_until_gone
from _support.servers import Server
from faults.audit import audit
from faults.disk import limited_files, use_up_write_ahead_log
from faults.embedded import new_embedded_server
from faults.load import Witness, under_load
from hallmarket.server.database.embedded import EmbeddedPostgres

pytestmark = fault_timeout


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with an embedded PostgreSQL, which each test of this file kills in turn."""
    with new_embedded_server() as running:
        yield running


@pytest.fixture(scope="module")
def witness() -> Witness:
    """One record for the whole file: each test also checks what was acknowledged in the tests before it."""
    return Witness()


def test_postgres_that_cannot_write(server: Server, witness: Witness) -> None:
    """While PostgreSQL dies because it cannot write its log, requests get a 503; once it can, the server recovers."""
    # This test runs first and once: the tables must stay within the limit, too.
    postmaster = get_postmaster(server)
    with under_load(witness, server, batches=0):
        witness.wait_for_more()
        with limited_files(server):
            use_up_write_ahead_log(server)
            wait_until_gone([postmaster], 60)
            witness.wait_for_unavailable()
        witness.wait_for_more()
    witness.check(every_request_answered=True)
    audit(server, witness)


def test_a_killed_postgres_loses_nothing(server: Server, witness: Witness) -> None:
    """While PostgreSQL is dead every request gets a well-formed 503 in time; restarted, it has lost nothing."""
    with under_load(witness, server):
        for _ in rounds(3):
            kill(get_postmaster(server))
            witness.wait_for_more()
    assert witness.statuses["503"]
    witness.check(every_request_answered=True)
    audit(server, witness)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_connection_loses_nothing(server: Server, witness: Witness, number: int) -> None:
    """Ending one backend, or killing one and with it all others, loses nothing; the responses are well-formed."""
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
    """If server and PostgreSQL are killed together, as in a power cut, one start restores both without a loss."""
    with under_load(witness, server):
        for _ in rounds(1):
            postmaster = get_postmaster(server)
            kill(postmaster)
            server.kill()
            server.start()
            witness.wait_for_more()
    witness.check(every_request_answered=False)
    audit(server, witness)


def test_reused_process_id_does_not_prevent_a_start(server: Server) -> None:
    """Files left by a dead PostgreSQL do not prevent a start if another process has its process id now."""
    cluster = EmbeddedPostgres(server.data).cluster
    postmaster = get_postmaster(server)
    left = {name: (cluster / name).read_text() for name in ("postmaster.pid", ".s.PGSQL.5432.lock")}
    server.stop()
    wait_until_gone([postmaster], 60)
    account = get_postgres_account()
    stranger = subprocess.Popen(["sleep", "60"], user=account.get("user"), group=account.get("group"))
    try:
        for name, text in left.items():
            (cluster / name).write_text(text.replace(str(postmaster.pid), str(stranger.pid), 1))
        server.start()
    finally:
        stranger.kill()
        stranger.wait()
    assert stranger.returncode == -signal.SIGKILL
    with server.client() as http:
        assert http.get("/readyz").status_code == 200
