"""Object store: a local folder by default, or S3, GCS or Azure by URL, through the library `obstore`."""

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
from obstore.store import LocalStore, from_url
from obstore.store import ObjectStore as Backend

from hallmarket.server.errors import Unavailable

PART_BYTES = 8 * 1024 * 1024  # part size of a multipart upload; the limit of 10,000 parts allows objects of 78 GiB
MAX_CONCURRENT_PARTS = 2
READ_BYTES = 1024 * 1024
# The retries end after 10 s, so that a client learns soon that the store is unavailable. One request may take a minute,
# because a part of a slow upload can.
RETRY_CONFIG: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
# Plain HTTP is used only if the operator configures an endpoint with http://. The clouds' own endpoints are HTTPS.
CLIENT_OPTIONS: Any = {"connect_timeout": "5s", "timeout": "60s", "allow_http": True}
STORE_ERRORS = (BaseError, OSError)
log = structlog.get_logger()


class ObjectStore:
    """Objects by name. Names are chosen by the server, never by a client."""

    def __init__(self, url: str, folder: Path) -> None:
        """Use the store at `url`, or `folder` if `url` is empty."""
        self._url = url
        self._folder = folder

    @cached_property
    def _backend(self) -> Backend:
        if self._url:
            return from_url(self._url, client_options=CLIENT_OPTIONS, retry_config=RETRY_CONFIG)
        return LocalStore(self._folder)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write an object. It is durable when this returns, and does not exist if this raises.

        Raises Unavailable if the store is unavailable or full, and any exception that `chunks` raises.
        """
        try:
            await obstore.put_async(
                self._backend, name, chunks, chunk_size=PART_BYTES, max_concurrency=MAX_CONCURRENT_PARTS
            )
            if not self._url:
                await asyncio.to_thread(_sync_to_disk, self._folder, name)
        except STORE_ERRORS as error:
            log.warning("object store operation failed", error=str(error))
            raise Unavailable("The object store is unavailable or full. Nothing was saved; try again.") from error

    async def get(self, name: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Stream an object from byte `first` to byte `last` inclusive, reading only as fast as the caller consumes.

        Raises Unavailable if the store is unavailable or the object does not exist.
        """
        chunks = self._read_cloud(name, first, last) if self._url else self._read_file(name, first, last)
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        except STORE_ERRORS as error:
            log.warning("object store operation failed", object=name, error=str(error))
            raise Unavailable("The object store is unavailable. Try again.") from error

    async def _read_file(self, name: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        # Plain system calls: the library would reopen the file for every few KiB.
        descriptor = await asyncio.to_thread(os.open, self._folder / name, os.O_RDONLY)
        try:
            while first <= last:
                chunk = await asyncio.to_thread(os.pread, descriptor, min(READ_BYTES, last - first + 1), first)
                if not chunk:
                    raise FileNotFoundError(f"{name} ends before byte {first}")
                yield chunk
                first += len(chunk)
        finally:
            os.close(descriptor)

    async def _read_cloud(self, name: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Read part by part, because a request may take at most a minute. The next part is fetched ahead."""

        async def fetch(start: int) -> bytes:
            end = min(start + PART_BYTES, last + 1)
            return bytes(await obstore.get_range_async(self._backend, name, start=start, end=end))

        pending = asyncio.ensure_future(fetch(first)) if first <= last else None
        try:
            while pending is not None:
                part = await pending
                first += len(part)
                pending = asyncio.ensure_future(fetch(first)) if first <= last else None
                yield part
        finally:
            if pending is not None:
                pending.cancel()

    async def delete(self, name: str) -> None:
        """Delete an object, complete or partly written, if it exists. Raises Unavailable."""
        try:
            if not self._url:
                await asyncio.to_thread(_remove, self._folder / name)
                return
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._backend, name)
        except STORE_ERRORS as error:
            raise Unavailable("The object store is unavailable. Try again.") from error

    async def open(self, name: str, scratch: Path, max_bytes: int) -> IO[bytes]:
        """Open an object as a seekable file. A cloud object is first copied to an unnamed temporary file in `scratch`.

        Raises FileNotFoundError, ObjectTooLarge if a copy would exceed `max_bytes`, Unavailable.
        """
        try:
            if not self._url:
                return await asyncio.to_thread((self._folder / name).open, "rb")
            size_bytes = (await obstore.head_async(self._backend, name))["size"]
            if size_bytes > max_bytes:
                raise ObjectTooLarge
            with ExitStack() as close_on_error:
                file = close_on_error.enter_context(tempfile.TemporaryFile(dir=scratch))
                async with aclosing(self._read_cloud(name, 0, size_bytes - 1)) as parts:
                    async for part in parts:
                        await asyncio.to_thread(file.write, part)
                file.seek(0)
                close_on_error.pop_all()
                return file
        except FileNotFoundError:
            raise
        except STORE_ERRORS as error:
            log.warning("object store operation failed", error=str(error))
            raise Unavailable("The object store is unavailable. Try again.") from error


class ObjectTooLarge(Exception):
    """An object is larger than the caller is willing to copy."""


def _remove(path: Path) -> None:
    """Remove a file, and the partial files `name#1`, `name#2`, … that the library leaves if it is killed midway."""
    for found in (path, *path.parent.glob(f"{path.name}#*")):
        found.unlink(missing_ok=True)


def _sync_to_disk(folder: Path, name: str) -> None:
    """Call fsync on a file and the folders that contain it: the library only writes and renames."""
    path = folder / name
    for entry in (path, *path.parents):
        descriptor = os.open(entry, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if entry == folder:
            return
