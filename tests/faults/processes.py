"""The processes of a server, told apart, so that each can be killed by its number."""

import os
import signal
from contextlib import suppress

import psutil

from hallmarket.server.database.embedded import EmbeddedPostgres
from support import Server, wait_until


def find_children(server: Server) -> list[psutil.Process]:
    """The server's workers and its sequencer, as they are now."""
    assert server.process is not None
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if any("spawn_main" in part for part in command_of(child))]


def find_workers(server: Server) -> list[psutil.Process]:
    """The processes that answer HTTP."""
    return [child for child in find_children(server) if name_of(child) == "hm-worker"]


def find_sequencers(server: Server) -> list[psutil.Process]:
    """The process that sequences, or wants to."""
    return [child for child in find_children(server) if name_of(child) == "hm-sequencer"]


def find_backgrounds(server: Server) -> list[psutil.Process]:
    """The process that does what was queued."""
    return [child for child in find_children(server) if name_of(child) == "hm-background"]


def get_postmaster(server: Server) -> psutil.Process:
    """The embedded PostgreSQL's first process, which starts and watches its others; waited for while it is away."""
    found: psutil.Process = wait_until(lambda: find_postmaster(server))
    return found


def find_postmaster(server: Server) -> psutil.Process | None:
    """The same, unless it is away at the moment: its file is written again only by the next one."""
    file = EmbeddedPostgres(server.data).cluster / "postmaster.pid"
    with suppress(OSError, IndexError, ValueError, psutil.NoSuchProcess):
        found = psutil.Process(int(file.read_text().split()[0]))
        return found if is_alive(found) else None
    return None


def find_backends(server: Server) -> list[psutil.Process]:
    """The embedded PostgreSQL's processes that serve one connection each."""
    return [
        child
        for child in get_postmaster(server).children()
        if any(" postgres hallmarket [local]" in part for part in command_of(child))
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


def command_of(process: psutil.Process) -> list[str]:
    """The words it was started with; none once it has ended."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def name_of(process: psutil.Process) -> str:
    """Its short name; "" once it is gone."""
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
