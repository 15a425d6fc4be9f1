"""The server is killed under load, again and again: its parent process, a worker, the sequencer.

For a long soak, `HALLMARKET_FAULT_ROUNDS=20 .venv/bin/python -m pytest tests/faults` repeats every fault 20 times as
often as an ordinary run does.
"""

import psutil

from _support.processes import find_sequencers, find_workers, kill, wait_until_gone
from _support.servers import Server
from _support.waiting import wait_until
from faults.audit import audit
from faults.load import Witness, under_load
from faults.rounds import long_enough, rounds

pytestmark = long_enough


def test_a_killed_server_loses_nothing(server: Server, witness: Witness) -> None:
    """kill -9 of the whole server, again and again under load, loses nothing acknowledged and anchors nothing twice."""
    with under_load(witness, server):
        witness.wait_for_more()
        for _ in rounds(2):
            server.kill()
            server.start()
            witness.wait_for_more()
    witness.check(every_request_answered=False)
    audit(server, witness)


def test_a_killed_worker_comes_back(server: Server, witness: Witness) -> None:
    """kill -9 of a worker loses nothing acknowledged, and a new one takes its place without help."""
    with under_load(witness, server):
        for _ in rounds(3):
            kill(wait_until(lambda: find_workers(server))[0])
            witness.wait_for_more()
            wait_until(lambda: len(find_workers(server)) == 2)
    witness.check(every_request_answered=False)
    audit(server, witness)


def test_a_killed_sequencer_comes_back(server: Server, witness: Witness) -> None:
    """kill -9 of the sequencer disturbs no request, and a new one goes on where the last commit left the log."""
    with under_load(witness, server):
        for _ in rounds(3):
            victims = wait_until(lambda: find_sequencers(server))
            kill(victims[0])
            wait_until_gone(victims, 60)
            witness.wait_for_more()
    witness.check(every_request_answered=True)
    assert not witness.answers["503"]
    audit(server, witness)


def test_a_machine_with_nothing_to_give(server: Server, witness: Witness) -> None:
    """A server with no file handles left goes on with the worker it has, and replaces the dead one once it can."""
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
