"""`hallmarket serve`: the parent process, which starts and restarts PostgreSQL and the server's child processes."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
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
from hallmarket.server.identity.api_keys import get_secret
from hallmarket.server.identity.first_start import FirstStart, first_start
from hallmarket.server.identity.room import IdentitySettings
from hallmarket.server.room import list_scopes
from hallmarket.server.rooms import ROOMS
from hallmarket.server.settings import Settings
from hallmarket.server.supervisor import Supervisor, fork_server
from hallmarket.server.tlog.initialize import initialize_log
from hallmarket.server.tlog.room import LogSettings
from hallmarket.server.tlog.signing_key import load_signing_key

log = structlog.get_logger()

CHECK_INTERVAL_S = 0.2
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a private folder in it)
METRICS_PREFIX = "hallmarket-metrics-"
METRICS_MIN_AGE_S = 60  # a younger folder may belong to a server that has not locked it yet

OnReady = Callable[[str, FirstStart | None], None]


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
        _create_metrics_folder(cleanup)
        cleanup.enter_context(fork_server())
        postgres = None
        if not settings.database_url:
            postgres = EmbeddedPostgres(settings.data)
            cleanup.callback(postgres.stop)
            postgres.start(stopping=stopping)
        database_url = settings.database_url or (postgres.url if postgres else "")
        log_settings = settings.of(LogSettings)
        key = load_signing_key(settings.data, log_settings.log_key, log_settings.log_origin)
        prepared = asyncio.run(_prepare(database_url, settings.of(IdentitySettings).secret_key, key))
        listener = cleanup.enter_context(_listen(settings.host, settings.port))
        address = _address(settings, listener)
        settings = msgspec.structs.replace(settings, cdn_url=settings.cdn_url or address)
        supervisor = Supervisor(settings, database_url, prepared.secret, key, listener)
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
        return Prepared(key_secret, await first_start(connection, key_secret, list_scopes(ROOMS)))
    finally:
        await connection.close()


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
