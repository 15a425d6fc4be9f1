"""Where bytes are kept: a folder of the data by default; S3, GCS or Azure by URL, through the library `obstore`."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from hallmarket.server.errors import Unavailable

PART_BYTES = 8 * 1024 * 1024  # of an object sent to a cloud in parts: 10,000 of them are 78 GiB
PARTS_AT_ONCE = 2
READ_BYTES = 1024 * 1024
# Whoever uploads is told within seconds that the store is away; a part of a slow upload may take a minute.
PATIENCE: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
# Plain HTTP only where the operator names such an endpoint; the clouds' own are HTTPS.
CONNECTIONS: Any = {"connect_timeout": "5s", "timeout": "60s", "allow_http": True}
AWAY = (BaseError, OSError)
log = structlog.get_logger()


class Store:
    """Objects by name. A name is ours, never a caller's."""

    def __init__(self, url: str, folder: Path) -> None:
        """The store at `url`, or in `folder` if that is empty."""
        self._url = url
        self._folder = folder

    @cached_property
    def _store(self) -> ObjectStore:
        if self._url:
            return from_url(self._url, client_options=CONNECTIONS, retry_config=PATIENCE)
        return LocalStore(self._folder)

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Keep an object; it is durable when this returns, and is not there at all if it raises.

        Raises Unavailable if the store is away or full, and whatever `pieces` raises.
        """
        try:
            await obstore.put_async(self._store, name, pieces, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
            if not self._url:
                await asyncio.to_thread(_flush, self._folder, name)
        except AWAY as error:
            log.warning("the object store failed", error=str(error))
            raise Unavailable("The object store is away or full. Nothing was kept; try again.") from error

    async def get(self, name: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """An object's bytes from the first to the last, in pieces, read as they are taken.

        Raises Unavailable if the store is away, or the object is not there.
        """
        pieces = self._from_cloud(name, first, last) if self._url else self._from_folder(name, first, last)
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        except AWAY as error:
            log.warning("the object store failed", object=name, error=str(error))
            raise Unavailable("The object store is away. Try again.") from error

    async def _from_folder(self, name: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        # By the system's own calls: the library opens the file again for every few KiB.
        descriptor = await asyncio.to_thread(os.open, self._folder / name, os.O_RDONLY)
        try:
            while first <= last:
                piece = await asyncio.to_thread(os.pread, descriptor, min(READ_BYTES, last - first + 1), first)
                if not piece:
                    raise FileNotFoundError(f"{name} ends before byte {first}")
                yield piece
                first += len(piece)
        finally:
            os.close(descriptor)

    async def _from_cloud(self, name: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Part by part, for one request may take a minute at most; the next is under way while one is taken."""

        async def fetch(start: int) -> bytes:
            end = min(start + PART_BYTES, last + 1)
            return bytes(await obstore.get_range_async(self._store, name, start=start, end=end))

        coming = asyncio.ensure_future(fetch(first)) if first <= last else None
        try:
            while coming is not None:
                piece = await coming
                first += len(piece)
                coming = asyncio.ensure_future(fetch(first)) if first <= last else None
                yield piece
        finally:
            if coming is not None:
                coming.cancel()

    async def delete(self, name: str) -> None:
        """Forget an object, if it is there, whole or in part. Raises Unavailable if the store is away."""
        try:
            if not self._url:
                await asyncio.to_thread(_remove, self._folder / name)
                return
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, name)
        except AWAY as error:
            raise Unavailable("The object store is away. Try again.") from error

    async def open(self, name: str, scratch: Path, max_bytes: int) -> IO[bytes]:
        """An object as a file to read and seek in; one in a cloud is first copied to a nameless file in `scratch`.

        Raises FileNotFoundError, TooLarge if more than `max_bytes` would have to be copied, Unavailable.
        """
        try:
            if not self._url:
                return await asyncio.to_thread((self._folder / name).open, "rb")
            size_bytes = (await obstore.head_async(self._store, name))["size"]
            if size_bytes > max_bytes:
                raise TooLarge
            with ExitStack() as unless_whole:
                file = unless_whole.enter_context(tempfile.TemporaryFile(dir=scratch))
                async with aclosing(self._from_cloud(name, 0, size_bytes - 1)) as pieces:
                    async for piece in pieces:
                        await asyncio.to_thread(file.write, piece)
                file.seek(0)
                unless_whole.pop_all()
                return file
        except FileNotFoundError:
            raise
        except AWAY as error:
            log.warning("the object store failed", error=str(error))
            raise Unavailable("The object store is away. Try again.") from error


class TooLarge(Exception):
    """An object has more bytes than are worth copying."""


def _remove(path: Path) -> None:
    """Remove a file, and what the library left of it if it was killed before it was whole: files `name#1`, `name#2`."""
    for found in (path, *path.parent.glob(f"{path.name}#*")):
        found.unlink(missing_ok=True)


def _flush(folder: Path, name: str) -> None:
    """Make a file and the folders it lies in durable: the library writes and renames, and leaves that to the system."""
    path = folder / name
    for place in (path, *path.parents):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if place == folder:
            return
