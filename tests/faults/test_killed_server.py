"""The server's parent process, a worker and the sequencer are killed under load, repeatedly.

`make test-long` repeats each fault more often than `make test`. For a soak, set `HALLMARKET_FAULT_ROUNDS=20`: it
multiplies the rounds of both.
"""

import psutil

from _support.long_run import fault_timeout, rounds
from _support.processes import find_sequencers, find_workers, kill, wait_until_gone
from _support.servers import Server
from _support.waiting import wait_until
from faults.audit import audit
from faults.load import Witness, under_load

pytestmark = fault_timeout


def test_a_killed_server_loses_nothing(server: Server, witness: Witness) -> None:
    """SIGKILL of the server's parent process under load loses nothing acknowledged and anchors nothing twice."""
    with under_load(witness, server):
        witness.wait_for_more()
        for _ in rounds(2):
            server.kill()
            server.start()
            witness.wait_for_more()
    witness.check(every_request_answered=False)
    audit(server, witness)


def test_a_killed_worker_comes_back(server: Server, witness: Witness) -> None:
    """SIGKILL of a worker loses nothing acknowledged, and the worker is replaced."""
    with under_load(witness, server):
        for _ in rounds(3):
            kill(wait_until(lambda: find_workers(server))[0])
            witness.wait_for_more()
            wait_until(lambda: len(find_workers(server)) == 2)
    witness.check(every_request_answered=False)
    audit(server, witness)


def test_a_killed_sequencer_comes_back(server: Server, witness: Witness) -> None:
    """SIGKILL of the sequencer disturbs no request, and its replacement continues from the last commit."""
    with under_load(witness, server):
        for _ in rounds(3):
            victims = wait_until(lambda: find_sequencers(server))
            kill(victims[0])
            wait_until_gone(victims, 60)
            witness.wait_for_more()
    witness.check(every_request_answered=True)
    assert not witness.statuses["503"]
    audit(server, witness)


def test_no_file_handles_left(server: Server, witness: Witness) -> None:
    """A server without a free file handle keeps its living worker, and replaces the dead one once it can."""
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    usual = parent.rlimit(psutil.RLIMIT_NOFILE)
    with under_load(witness, server):
        parent.rlimit(psutil.RLIMIT_NOFILE, (parent.num_fds(), usual[1]))
        kill(find_workers(server)[0])
        wait_until(lambda: "could not be started" in server.log.read_text())
        assert len(find_workers(server)) == 1
        witness.wait_for_more()
        parent.rlimit(psutil.RLIMIT_NOFILE, usual)
        wait_until(lambda: len(find_workers(server)) == 2)
    witness.check(every_request_answered=False)
    audit(server, witness)
