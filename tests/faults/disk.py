"""Disks that are full: a small one of its own, and a bound on what PostgreSQL may write."""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil

from _support.processes import find_postmaster, get_postgres_account
from _support.servers import Server

CAP_SYS_ADMIN = 21
CAPABILITIES = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
MAY_MOUNT = bool(int(CAPABILITIES.split()[1], 16) >> CAP_SYS_ADMIN & 1)
LESS_THAN_A_SEGMENT = 15 * 1024 * 1024  # PostgreSQL writes ahead in files of 16 MiB


@contextlib.contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own on `folder`, in memory, as large as `size` says."""
    options = f"size={size},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not a byte left on the disk, as long as this lasts."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(64 * 1024))
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def bounded_files(server: Server) -> Iterator[None]:
    """PostgreSQL, and whoever starts it again, cannot write another file of its write-ahead log."""
    _bound_files(server, LESS_THAN_A_SEGMENT)
    try:
        yield
    finally:
        _bound_files(server, resource.RLIM_INFINITY)


def use_up_write_ahead_log(server: Server) -> None:
    """Write until PostgreSQL needs another file of its write-ahead log, and dies for not getting one."""
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        for _ in range(10):
            server.query("select pg_logical_emit_message(false, 'test', repeat('x', 4000000))")


def _bound_files(server: Server, size_bytes: int) -> None:
    assert server.process is not None
    _bound(server.process.pid, size_bytes, {})
    postmaster = find_postmaster(server)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has gone meanwhile
        for process in (postmaster, *postmaster.children()) if postmaster else ():
            _bound(process.pid, size_bytes, get_postgres_account())


def _bound(number: int, size_bytes: int, account: dict[str, int]) -> None:
    # By a program of the same account: not everywhere may root do this to another's process.
    bound = "unlimited" if size_bytes == resource.RLIM_INFINITY else str(size_bytes)
    command = ["prlimit", "--pid", str(number), f"--fsize={bound}:"]
    subprocess.run(command, capture_output=True, user=account.get("user"), group=account.get("group"))
