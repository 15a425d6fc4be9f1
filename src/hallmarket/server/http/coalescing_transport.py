"""Writes a response's head and the first chunk of its body together, which halves the system calls of busy routes."""

import asyncio

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class CoalescingTransport(asyncio.Transport):
    """A transport between one request's cycle and its connection, which delays the head until the body begins."""

    __slots__ = ("_connection", "_cycle", "_head")

    def __init__(self, connection: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._connection = connection
        self._cycle = cycle
        self._head: bytes | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write data, or hold it for the next write if it is the response's head."""
        if self._head is None and self._cycle.response_started:  # an interim response (100 Continue) comes earlier
            self._head = bytes(data)
        elif self._head:
            self._connection.write(self._head + data)
            self._head = b""
        else:
            self._connection.write(data)

    def flush(self) -> None:
        """Write the head if no body has followed it."""
        if self._head:
            self._connection.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Flush, and close the connection."""
        self.flush()
        self._connection.close()

    def is_closing(self) -> bool:
        """Return whether the connection is closing or closed."""
        return self._connection.is_closing()
