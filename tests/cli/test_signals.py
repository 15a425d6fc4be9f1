"""Ctrl-C, SIGTERM and kill -9: the command ends and leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from _support.processes import list_open_files
from _support.waiting import wait_until


@pytest.fixture
def album(home):
    """Files too large to be read to their end: sparse, one terabyte each."""
    for number in range(3):
        path = home.folder / f"album/{number}.raw"
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(10**12)
    return home.folder / "album"


@pytest.fixture
def reading(home, album):
    """A command that is reading, and its worker processes."""
    process = home.start("anchor", "album", "--dry-run", "--jobs", 2, start_new_session=True)
    try:
        workers = wait_until(lambda: busy_children(process.pid))
        yield process, workers
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def busy_children(pid):
    """Return the command's two worker processes once they are reading, else an empty list."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    names = [name for child in children for name in list_open_files(child)]
    return children if len([name for name in names if name.endswith(".raw")]) == 2 else []


def all_gone(pids):
    """Return whether none of the processes exists."""
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_ctrl_c_ends_the_command_and_its_workers(reading):
    """Ctrl-C, which reaches the whole group, ends the command in the middle of a file, with one line and status 130."""
    process, workers = reading
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == b"hallmarket: interrupted\n"
    wait_until(lambda: all_gone(workers))


def test_sigterm_ends_the_command_and_its_workers(reading):
    """SIGTERM to the command alone does the same, with status 143."""
    process, workers = reading
    process.terminate()
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, b"hallmarket: interrupted\n")
    wait_until(lambda: all_gone(workers))


def test_interrupted_json_is_complete(home, album):
    """After Ctrl-C the JSON document is complete and contains the error."""
    process = home.start("anchor", "album", "--dry-run", "--json")
    wait_until(lambda: busy_children(process.pid))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    output = json.loads(output)
    assert (output["exit_status"], output["error"]["code"]) == (130, "INTERRUPTED")


def test_kill_9_leaves_no_orphans(reading):
    """If the command is killed, its workers notice and end, even in the middle of a file."""
    process, workers = reading
    process.kill()
    process.communicate()
    wait_until(lambda: all_gone(workers))


def test_idle_workers_end_too():
    """A worker that waits for work ends when the command is killed."""
    program = (
        "import os, sys, time\n"
        "from hallmarket.cli.anchor.worker_pool import WorkerPool\n"
        "with WorkerPool(3) as pool:\n"
        "    print(*(worker.pid for worker in pool._workers.values()), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        workers = list(map(int, process.stdout.readline().split()))
        assert len(workers) == 3
        assert not all_gone(workers[:1])
        process.kill()
    wait_until(lambda: all_gone(workers))
