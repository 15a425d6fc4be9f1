"""Find a server's processes by role, inspect them and kill them."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.server.database.embedded import EmbeddedPostgres


def find_fork_server(server: Server) -> psutil.Process | None:
    """Return the process that forks the server's children, or None while there is none."""
    assert server.process is not None
    for child in psutil.Process(server.process.pid).children():
        if get_name(child) == "hm-fork-server":
            return child
    return None


def find_children(server: Server) -> list[psutil.Process]:
    """Return the server's workers, its sequencer and its background process, as forked by its present fork server."""
    fork_server = find_fork_server(server)
    with suppress(psutil.NoSuchProcess):
        return fork_server.children() if fork_server is not None else []
    return []


def find_workers(server: Server) -> list[psutil.Process]:
    """Return the processes that serve HTTP."""
    return [child for child in find_children(server) if get_name(child) == "hm-worker"]


def find_sequencers(server: Server) -> list[psutil.Process]:
    """Return the processes that sequence or wait to become the sequencer."""
    return [child for child in find_children(server) if get_name(child) == "hm-sequencer"]


def find_backgrounds(server: Server) -> list[psutil.Process]:
    """Return the process that runs queued jobs."""
    return [child for child in find_children(server) if get_name(child) == "hm-background"]


def get_postmaster(server: Server) -> psutil.Process:
    """Return the embedded PostgreSQL's postmaster; wait for it while PostgreSQL is down."""
    found: psutil.Process = wait_until(lambda: find_postmaster(server))
    return found


def find_postmaster(server: Server) -> psutil.Process | None:
    """Return the embedded PostgreSQL's postmaster, or None while PostgreSQL is down."""
    file = EmbeddedPostgres(server.data).cluster / "postmaster.pid"
    with suppress(OSError, IndexError, ValueError, psutil.NoSuchProcess):
        found = psutil.Process(int(file.read_text().split()[0]))
        return found if is_alive(found) else None
    return None


def find_backends(server: Server) -> list[psutil.Process]:
    """Return the embedded PostgreSQL's processes that serve one connection each."""
    return [
        child
        for child in get_postmaster(server).children()
        if any(" postgres hallmarket [local]" in part for part in get_command(child))
    ]


def kill(process: psutil.Process, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process, unless it has already ended."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def wait_until_gone(processes: list[psutil.Process], timeout_s: float) -> None:
    """Fail if one of the processes still lives after `timeout_s`."""
    wait_until(lambda: not any(map(is_alive, processes)), timeout_s)


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def get_command(process: psutil.Process) -> list[str]:
    """Return a process's command line; empty once it has ended."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def get_name(process: psutil.Process) -> str:
    """Return a process's short name; "" once it has ended."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def get_postgres_account() -> dict[str, int]:
    """Return the account that PostgreSQL runs under as keywords of subprocess; empty unless the tests run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    entry = pwd.getpwnam("hallmarket")
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def list_open_files(pid: int) -> list[str]:
    """Return the targets of a process's open file descriptors; empty once the process has ended."""
    names = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            # A descriptor may be closed while we look.
            with suppress(FileNotFoundError):
                names.append(str(file.readlink()))
    return names
