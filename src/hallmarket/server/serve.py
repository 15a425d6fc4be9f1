"""`hallmarket serve`: the parent process, which starts and restarts PostgreSQL and the server's child processes."""

import asyncio
import fcntl
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import structlog

from hallmarket.proof.key import SigningKey
from hallmarket.server.data_folder import DataFolderLock, create_data_folder
from hallmarket.server.database.embedded import EmbeddedPostgres
from hallmarket.server.database.migrate import migrate
from hallmarket.server.errors import Refusal
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.identity.keys import get_secret
from hallmarket.server.identity.register import FirstStart, first_start
from hallmarket.server.settings import Settings
from hallmarket.server.tlog.initialize import initialize_log
from hallmarket.server.tlog.signing_key import load_signing_key

log = structlog.get_logger()

CHECK_INTERVAL_S = 0.2
MAX_BACKOFF_S = 5.0
READY_TIMEOUT_S = 60.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a private folder in it)
METRICS_PREFIX = "hallmarket-metrics-"
METRICS_MIN_AGE_S = 60  # a younger folder may belong to a server that has not locked it yet

OnReady = Callable[[str, FirstStart | None], None]


def _run_worker(*arguments: Any) -> None:
    # Imported only by the child, so that the parent never loads the web framework.
    from hallmarket.server.worker import run_worker

    run_worker(*arguments)


def _run_sequencer(*arguments: Any) -> None:
    from hallmarket.server.sequencer import run_sequencer

    run_sequencer(*arguments)


def _run_background(*arguments: Any) -> None:
    from hallmarket.server.background import run_background

    run_background(*arguments)


class Prepared(msgspec.Struct, frozen=True):
    """The database's state after start-up: the secret for key hashes, and the first organization if one was created."""

    secret: bytes
    first: FirstStart | None


def serve(settings: Settings, on_ready: OnReady) -> None:
    """Serve until SIGTERM or SIGINT. Calls `on_ready` once with the server's address when it accepts requests.

    Raises Refusal if the server cannot start.
    """
    configure_logging(settings.log_level)
    stopping = _record_signals()
    create_data_folder(settings.data)
    with ExitStack() as cleanup:
        cleanup.enter_context(DataFolderLock(settings.data, "server"))
        postgres = None
        if not settings.database_url:
            postgres = EmbeddedPostgres(settings.data)
            cleanup.callback(postgres.stop)
            postgres.start(stopping=stopping)
        database_url = settings.database_url or (postgres.url if postgres else "")
        key = load_signing_key(settings.data, settings.log_key, settings.log_origin)
        prepared = asyncio.run(_prepare(database_url, settings.secret_key, key))
        listener = cleanup.enter_context(_listen(settings.host, settings.port))
        address = _address(settings, listener)
        settings = msgspec.structs.replace(settings, cdn_url=settings.cdn_url or address)
        _create_metrics_folder(cleanup)
        supervisor = _Supervisor(settings, database_url, prepared.secret, key, listener)
        cleanup.callback(supervisor.stop)
        supervisor.start()
        supervisor.wait_until_ready(stopping)
        if not stopping:
            on_ready(address, prepared.first)
        while not stopping:
            try:
                if postgres is not None:
                    postgres.ensure_running()
                supervisor.restart_dead()
            except OSError as error:
                # The machine is out of memory, processes or file handles. The other processes keep running.
                log.error("a process could not be started; it is retried", error=str(error))
            time.sleep(CHECK_INTERVAL_S)
        log.info("stopping")


async def _prepare(url: str, secret: str, key: SigningKey) -> Prepared:
    try:
        applied = await migrate(url)
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise Refusal(f"The database does not answer: {error}. Check HALLMARKET_DATABASE_URL.") from error
    try:
        if applied:
            log.info("migrations applied", applied=applied)
        await initialize_log(connection, key)
        key_secret = await get_secret(connection, secret)
        return Prepared(key_secret, await first_start(connection, key_secret))
    finally:
        await connection.close()


class _Child:
    """One child process, restarted when it dies. The delay grows each time it dies soon after its start."""

    def __init__(self, name: str, create: Callable[[], SpawnProcess]) -> None:
        self.name = name
        self._create = create
        self._started_at = 0.0
        self._backoff_s = 0.0
        self.process = self._spawn()

    def _spawn(self) -> SpawnProcess:
        process = self._create()
        process.start()
        self._started_at = time.monotonic()
        return process

    def restart_if_dead(self) -> None:
        if self.process.is_alive():
            return
        age_s = time.monotonic() - self._started_at
        if age_s < self._backoff_s:
            return
        log.error("a process died and is restarted", process=self.name, exit_code=self.process.exitcode)
        self._backoff_s = 0.0 if age_s > 2 * MAX_BACKOFF_S else min(max(self._backoff_s * 2, 0.5), MAX_BACKOFF_S)
        dead, self.process = self.process, self._spawn()
        dead.close()

    def terminate(self) -> None:
        if self.process.is_alive():
            self.process.terminate()

    def wait(self, timeout_s: float) -> None:
        self.process.join(timeout_s)
        if self.process.is_alive():
            log.error("a process did not end in time and is killed", process=self.name)
            self.process.kill()
            self.process.join()


class _Supervisor:
    """Starts, restarts and stops the workers, the sequencer and the background process."""

    def __init__(
        self, settings: Settings, database_url: str, secret: bytes, key: SigningKey, listener: socket.socket
    ) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._ready: list[Event] = [self._context.Event() for _ in range(settings.workers)]
        self._worker_arguments = (settings, database_url, secret, key.text(), listener)
        self._sequencer_arguments = (settings, database_url, key.text())
        self._background_arguments = (settings, database_url)
        self._workers: list[_Child] = []
        self._sequencer: _Child | None = None
        self._background: _Child | None = None

    def start(self) -> None:
        self._sequencer = _Child(
            "sequencer",
            lambda: self._context.Process(target=_run_sequencer, args=self._sequencer_arguments, name="sequencer"),
        )
        for number, ready in enumerate(self._ready):
            name = f"worker-{number}"
            self._workers.append(_Child(name, self._worker_factory(name, ready)))
        self._background = _Child(
            "background",
            lambda: self._context.Process(target=_run_background, args=self._background_arguments, name="background"),
        )

    def _worker_factory(self, name: str, ready: Event) -> Callable[[], SpawnProcess]:
        return lambda: self._context.Process(target=_run_worker, args=(*self._worker_arguments, ready), name=name)

    def wait_until_ready(self, stopping: list[int]) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not stopping and not all(ready.is_set() for ready in self._ready):
            self.restart_dead()
            if time.monotonic() > deadline:
                raise Refusal("The workers did not start. See the log above for the reason.")
            time.sleep(0.02)

    def restart_dead(self) -> None:
        for child in self._children():
            child.restart_if_dead()

    def stop(self) -> None:
        """Stop the workers and the background process, then the sequencer. Kills those that take too long.

        Workers finish their requests, the background process finishes its jobs or returns them to the queue, and the
        sequencer finishes its round.
        """
        background = [self._background] if self._background else []
        for child in (*self._workers, *background):
            child.terminate()
        for child in (*self._workers, *background):
            child.wait(self._settings.shutdown_timeout_s + 5)
        if self._sequencer is not None:
            self._sequencer.terminate()
            self._sequencer.wait(30)

    def _children(self) -> list[_Child]:
        return [*self._workers, *(child for child in (self._sequencer, self._background) if child)]


def _record_signals() -> list[int]:
    """Install handlers for SIGTERM and SIGINT. Returns the list to which they append each signal's number."""
    received: list[int] = []

    def record(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, record)
    return received


def _listen(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + 5.0
    while True:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
        except OSError as error:
            # The workers of a killed server release its port within moments.
            if time.monotonic() > deadline or error.errno != 98:
                raise Refusal(
                    f"Cannot listen on {host} port {port}: {error.strerror}. Choose another --port."
                ) from None
            time.sleep(0.1)
        else:
            return listener


def _create_metrics_folder(cleanup: ExitStack) -> None:
    """Create the folder in which the workers share their metrics, and delete those of servers that were killed."""
    # In memory if possible: writing to a mapped file on a full disk kills the process.
    parent = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for abandoned in parent.glob(METRICS_PREFIX + "*"):
        with suppress(OSError), _locked_folder(abandoned):
            if time.time() - abandoned.stat().st_mtime > METRICS_MIN_AGE_S:
                shutil.rmtree(abandoned, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=METRICS_PREFIX, dir=parent)
    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    cleanup.enter_context(_locked_folder(Path(folder)))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder during the block. Raises OSError if another process holds the lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _address(settings: Settings, listener: socket.socket) -> str:
    if settings.public_url and urlsplit(settings.public_url).scheme:
        return settings.public_url
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
