"""`hallmarket serve`: one parent keeps PostgreSQL, the HTTP workers, a sequencer and the background process running."""

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

LOOK_EVERY_S = 0.2
MAX_BACKOFF_S = 5.0
READY_TIMEOUT_S = 60.0
MEMORY = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a private folder in it)
METRICS_PREFIX = "hallmarket-metrics-"
METRICS_START_S = 60  # younger ones may belong to a server that is about to lock its own

Announce = Callable[[str, FirstStart | None], None]


def _run_worker(*arguments: Any) -> None:
    # Loaded by the child alone: the parent starts, and stays, without the framework.
    from hallmarket.server.worker import run_worker

    run_worker(*arguments)


def _run_sequencer(*arguments: Any) -> None:
    from hallmarket.server.sequencer import run_sequencer

    run_sequencer(*arguments)


def _run_background(*arguments: Any) -> None:
    from hallmarket.server.background import run_background

    run_background(*arguments)


class Prepared(msgspec.Struct, frozen=True):
    """What start-up found or made in the database: the secret behind key hashes, and perhaps a first organization."""

    secret: bytes
    first: FirstStart | None


def serve(settings: Settings, announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT. `announce` is called once with the address when requests are answered.

    Raises Refusal if the server cannot start, saying what to do.
    """
    configure_logging(settings.log_level)
    stopping = _note_signals()
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
        listening = cleanup.enter_context(_listen(settings.host, settings.port))
        address = _address(settings, listening)
        settings = msgspec.structs.replace(settings, cdn_url=settings.cdn_url or address)
        _share_metrics(cleanup)
        house = _House(settings, database_url, prepared.secret, key, listening)
        cleanup.callback(house.stop)
        house.start()
        house.wait_until_ready(stopping)
        if not stopping:
            announce(address, prepared.first)
        while not stopping:
            try:
                if postgres is not None:
                    postgres.ensure_running()
                house.look_after()
            except OSError as error:
                # The machine has no memory, process or file handle to give at the moment; what runs goes on.
                log.error("a process could not be started; it is tried again", error=str(error))
            time.sleep(LOOK_EVERY_S)
        log.info("stopping")


async def _prepare(url: str, secret: str, key: SigningKey) -> Prepared:
    try:
        applied = await migrate(url)
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise Refusal(f"The database does not answer: {error}. Check HALLMARKET_DATABASE_URL.") from error
    try:
        if applied:
            log.info("schema brought up to date", applied=applied)
        await initialize_log(connection, key)
        used = await get_secret(connection, secret)
        return Prepared(used, await first_start(connection, used))
    finally:
        await connection.close()


class _Child:
    """One child process, made again when it dies, less eagerly each time it dies soon."""

    def __init__(self, name: str, make: Callable[[], SpawnProcess]) -> None:
        self.name = name
        self._make = make
        self._born = 0.0
        self._backoff_s = 0.0
        self.process = self._spawn()

    def _spawn(self) -> SpawnProcess:
        process = self._make()
        process.start()
        self._born = time.monotonic()
        return process

    def look_after(self) -> None:
        if self.process.is_alive():
            return
        age_s = time.monotonic() - self._born
        if age_s < self._backoff_s:
            return
        log.error("a process died and is started again", process=self.name, exit_code=self.process.exitcode)
        self._backoff_s = 0.0 if age_s > 2 * MAX_BACKOFF_S else min(max(self._backoff_s * 2, 0.5), MAX_BACKOFF_S)
        died, self.process = self.process, self._spawn()
        died.close()

    def terminate(self) -> None:
        if self.process.is_alive():
            self.process.terminate()

    def wait(self, timeout_s: float) -> None:
        self.process.join(timeout_s)
        if self.process.is_alive():
            log.error("a process did not end in time and is killed", process=self.name)
            self.process.kill()
            self.process.join()


class _House:
    """The workers, the sequencer, and the background process."""

    def __init__(
        self, settings: Settings, database_url: str, secret: bytes, key: SigningKey, listening: socket.socket
    ) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._ready: list[Event] = [self._context.Event() for _ in range(settings.workers)]
        self._worker_arguments = (settings, database_url, secret, key.text(), listening)
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
            self._workers.append(_Child(name, self._make_worker(name, ready)))
        self._background = _Child(
            "background",
            lambda: self._context.Process(target=_run_background, args=self._background_arguments, name="background"),
        )

    def _make_worker(self, name: str, ready: Event) -> Callable[[], SpawnProcess]:
        return lambda: self._context.Process(target=_run_worker, args=(*self._worker_arguments, ready), name=name)

    def wait_until_ready(self, stopping: list[int]) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not stopping and not all(ready.is_set() for ready in self._ready):
            self.look_after()
            if time.monotonic() > deadline:
                raise Refusal("The workers did not start; the log above says why.")
            time.sleep(0.02)

    def look_after(self) -> None:
        for child in self._children():
            child.look_after()

    def stop(self) -> None:
        """First the workers, which finish what they were asked; then the sequencer, its round; both bounded in time.

        The background process gives back meanwhile what it cannot finish soon.
        """
        unasked = [self._background] if self._background else []
        for child in (*self._workers, *unasked):
            child.terminate()
        for child in (*self._workers, *unasked):
            child.wait(self._settings.shutdown_timeout_s + 5)
        if self._sequencer is not None:
            self._sequencer.terminate()
            self._sequencer.wait(30)

    def _children(self) -> list[_Child]:
        return [*self._workers, *(child for child in (self._sequencer, self._background) if child)]


def _note_signals() -> list[int]:
    """A list that gets the number of every signal asking us to stop."""
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return noted


def _listen(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + 5.0
    while True:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = socket.socket(family, kind)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(2048)
        except OSError as error:
            # The workers of a killed server let go of its port within moments.
            if time.monotonic() > deadline or error.errno != 98:
                raise Refusal(
                    f"Cannot listen on {host} port {port}: {error.strerror}. Choose another --port."
                ) from None
            time.sleep(0.1)
        else:
            return listening


def _share_metrics(cleanup: ExitStack) -> None:
    """Give the workers a folder for their figures, and clear away those of servers that were killed."""
    # In memory if there is any to write to: a mapped file on a full disk kills whoever writes to it.
    place = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for left in place.glob(METRICS_PREFIX + "*"):
        with suppress(OSError), _locked_folder(left):
            if time.time() - left.stat().st_mtime > METRICS_START_S:
                shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=METRICS_PREFIX, dir=place)
    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    cleanup.enter_context(_locked_folder(Path(folder)))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """Hold a folder that belongs to this server while it lives. Raises OSError if another holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _address(settings: Settings, listening: socket.socket) -> str:
    if settings.public_url and urlsplit(settings.public_url).scheme:
        return settings.public_url
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
