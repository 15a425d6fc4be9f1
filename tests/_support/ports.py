"""TCP ports for the servers under test."""

import atexit
import socket
from contextlib import ExitStack

_held = ExitStack()
atexit.register(_held.close)


def free_port() -> int:
    """Reserve a free port on 127.0.0.1 for the rest of the run, so that a server can be restarted on it.

    It is bound but not listened on: the system gives it to no other process, and SO_REUSEADDR lets the server bind it.
    """
    holding = _held.enter_context(socket.socket())
    holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holding.bind(("127.0.0.1", 0))
    return int(holding.getsockname()[1])
