"""The processes of a server, told apart, so that each can be killed by its number."""

import os
import signal

import psutil

from hallmarket.server.database.embedded import EmbeddedPostgres
from support import Server, wait_until


def find_children(server: Server) -> list[psutil.Process]:
    """The server's workers and its sequencer, as they are now."""
    assert server.process is not None
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if any("spawn_main" in part for part in _command(child))]


def find_workers(server: Server) -> list[psutil.Process]:
    """The processes that answer HTTP."""
    return [child for child in find_children(server) if _name(child) == "hm-worker"]


def find_sequencers(server: Server) -> list[psutil.Process]:
    """The process that sequences, or wants to."""
    return [child for child in find_children(server) if _name(child) == "hm-sequencer"]


def find_backgrounds(server: Server) -> list[psutil.Process]:
    """The process that does what was queued."""
    return [child for child in find_children(server) if _name(child) == "hm-background"]


def get_postmaster(server: Server) -> psutil.Process:
    """The embedded PostgreSQL's first process, which starts and watches its others."""
    file = EmbeddedPostgres(server.data).cluster / "postmaster.pid"
    return psutil.Process(int(file.read_text().split()[0]))


def find_backends(server: Server) -> list[psutil.Process]:
    """The embedded PostgreSQL's processes that serve one connection each."""
    return [
        child
        for child in get_postmaster(server).children()
        if any(" postgres hallmarket [local]" in part for part in _command(child))
    ]


def kill(process: psutil.Process, number: int = signal.SIGKILL) -> None:
    """Send a signal to this very process, unless it is gone already."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def wait_until_gone(processes: list[psutil.Process], timeout_s: float) -> None:
    """Fail if one of the processes still lives after `timeout_s`."""
    wait_until(lambda: not any(map(is_alive, processes)), timeout_s)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def account_of_postgres() -> dict[str, int]:
    """As root, the account that PostgreSQL runs under, as keywords of subprocess."""
    if os.geteuid() != 0:
        return {}
    import pwd

    entry = pwd.getpwnam("hallmarket")
    return {"user": entry.pw_uid, "group": entry.pw_gid}
