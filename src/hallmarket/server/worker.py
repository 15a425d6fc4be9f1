"""Worker process: a child of `hallmarket serve` that answers HTTP."""

import socket
from multiprocessing.synchronize import Event

import uvicorn

from hallmarket.proof.key import SigningKey
from hallmarket.server.child_process import end_with_parent, name_process
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.http.protocol import Protocol
from hallmarket.server.main import make_app
from hallmarket.server.settings import Settings


class _Server(uvicorn.Server):
    """uvicorn, which also reports to the parent that it accepts requests, and ends when the parent does."""

    def __init__(self, config: uvicorn.Config, ready: Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        end_with_parent()
        self._ready.set()


def run_worker(
    settings: Settings, database_url: str, secret: bytes, key: str, listener: socket.socket, ready: Event
) -> None:
    """Answer HTTP on `listener` until SIGTERM, then finish the open requests."""
    configure_logging(settings.log_level)
    name_process("hm-worker")
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
    _Server(config, ready).run(sockets=[listener])
