"""What the children of `hallmarket serve` run: an HTTP worker, the sequencer, or the background process.

All end when their parent does.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.synchronize import Event
from pathlib import Path

import uvicorn
import uvloop

from hallmarket.proof.key import SigningKey
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.http.protocol import Protocol
from hallmarket.server.main import make_app, make_background, make_sequencer
from hallmarket.server.settings import Settings

ORPHAN_TIMEOUT_S = 2


class _Server(uvicorn.Server):
    """uvicorn, telling the parent when it accepts requests and ending when there is no parent."""

    def __init__(self, config: uvicorn.Config, ready: Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _end_with_parent()
        self._ready.set()


def run_worker(
    settings: Settings, database_url: str, secret: bytes, key: str, listening: socket.socket, ready: Event
) -> None:
    """Answer HTTP on `listening` until SIGTERM; requests in flight finish first."""
    configure_logging(settings.log_level)
    _name_process("hm-worker")
    config = uvicorn.Config(
        make_app(settings, database_url, secret, SigningKey.parse(key)),
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
        timeout_keep_alive=75,
    )
    _Server(config, ready).run(sockets=[listening])


def run_sequencer(settings: Settings, database_url: str, key: str) -> None:
    """Sequence until SIGTERM; the round under way is finished first."""
    configure_logging(settings.log_level)
    _name_process("hm-sequencer")
    sequencer = make_sequencer(settings, database_url, SigningKey.parse(key))
    uvloop.run(_run_until_stopped(sequencer.run, sequencer.stop))


def run_background(settings: Settings, database_url: str) -> None:
    """Do queued jobs and clear away until SIGTERM; what is in hand is finished or given back first."""
    configure_logging(settings.log_level)
    _name_process("hm-background")
    background = make_background(settings, database_url)
    uvloop.run(_run_until_stopped(background.run, background.stop))


async def _run_until_stopped(run: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
    # A Ctrl-C at the terminal reaches everybody; the parent says whose turn it is.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    _end_with_parent()
    await run()


def _name_process(name: str) -> None:
    """Be told apart in `top` and `ps`, where the system lets us."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(parent.sentinel)
            # What is under way may finish, but nothing of it keeps an orphan alive: a stalled client, a stuck database.
            signal.alarm(ORPHAN_TIMEOUT_S)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(parent.sentinel, end)
