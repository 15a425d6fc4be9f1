"""Full disks: a small file system in memory, and a limit on what PostgreSQL may write."""

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
LESS_THAN_A_SEGMENT_BYTES = 15 * 1024 * 1024  # a segment of PostgreSQL's write-ahead log is 16 MiB


@contextlib.contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """Mount a tmpfs of this size on `folder` during the block."""
    options = f"size={size},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill the disk to the last byte during the block."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(64 * 1024))
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def limited_files(server: Server) -> Iterator[None]:
    """Keep PostgreSQL, and the server that restarts it, from writing another segment during the block."""
    _limit_files(server, LESS_THAN_A_SEGMENT_BYTES)
    try:
        yield
    finally:
        _limit_files(server, resource.RLIM_INFINITY)


def use_up_write_ahead_log(server: Server) -> None:
    """Write until PostgreSQL needs another segment, and dies because it cannot write one."""
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        for _ in range(10):
            server.query("select pg_logical_emit_message(false, 'test', repeat('x', 4000000))")


def _limit_files(server: Server, size_bytes: int) -> None:
    assert server.process is not None
    _limit(server.process.pid, size_bytes, {})
    postmaster = find_postmaster(server)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
        for process in (postmaster, *postmaster.children()) if postmaster else ():
            _limit(process.pid, size_bytes, get_postgres_account())


def _limit(number: int, size_bytes: int, account: dict[str, int]) -> None:
    # Run prlimit under PostgreSQL's account: root may not change another account's limits in every container.
    limit = "unlimited" if size_bytes == resource.RLIM_INFINITY else str(size_bytes)
    command = ["prlimit", "--pid", str(number), f"--fsize={limit}:"]
    subprocess.run(command, capture_output=True, user=account.get("user"), group=account.get("group"))
