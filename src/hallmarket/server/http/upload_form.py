"""Streaming parser for the multipart form of an upload: it passes the file's bytes on and stores the small fields."""

import os
from collections.abc import AsyncIterator, Collection

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from hallmarket.server.errors import InvalidRequest, PayloadTooLarge

FIELDS = ("name", "metadata", "anchor")
MAX_FIELD_BYTES = 256 * 1024
MAX_PARTS = 100
MAX_FILE_NAME_LENGTH = 1024  # characters


class UploadedFile(msgspec.Struct, frozen=True):
    """The file in a form. Its chunks can be read once."""

    content_type: str | None
    chunks: AsyncIterator[bytes]


class UploadForm:
    """Reads the form in a request. `fields` is complete once `files` has been read to its end."""

    def __init__(
        self, content_type: bytes, body: AsyncIterator[bytes], max_bytes: int, fields: Collection[str] = FIELDS
    ) -> None:
        """`fields` are the names of the fields to store. Raises InvalidRequest if `content_type` is not a form's."""
        kind, options = parse_options_header(content_type.decode("latin-1"))
        if kind.lower() != "multipart/form-data" or not options.get("boundary"):
            raise InvalidRequest("Content-Type must be multipart/form-data with a boundary.", "content-type")
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._body = body
        self._max_bytes = max_bytes
        self._field_names = fields
        self._boundary = options["boundary"]

    @property
    def wants_anchor(self) -> bool:
        """Whether the item is to be anchored immediately. Raises InvalidRequest if it is neither true nor false."""
        text = self.fields.get("anchor", "true")
        if text not in ("true", "false"):
            raise InvalidRequest("anchor must be true or false.", "anchor")
        return text == "true"

    async def files(self) -> AsyncIterator[UploadedFile]:
        """Yield the file. Its chunks must be read before the next iteration.

        Raises InvalidRequest for an invalid form, a second file or a repeated field; PayloadTooLarge.
        """
        events = self._events()
        found = False
        async for event in events:
            if not isinstance(event, MultipartSegment):
                continue  # a chunk of an unknown field
            if event.name == "file":
                if found or event.filename is None:
                    raise InvalidRequest("file must be one file.", "file")
                found = True
                self.filename = base_name(event.filename)
                yield UploadedFile(event.content_type or None, _chunks(events))
            elif event.name in self._field_names:
                self.fields[event.name] = await self._read_field(event, events)

    async def _read_field(
        self, segment: MultipartSegment, events: "AsyncIterator[MultipartSegment | bytes | None]"
    ) -> str:
        if segment.filename is not None or segment.name in self.fields:
            raise InvalidRequest(f"{segment.name} must be one field, not a file.", segment.name)
        content = bytearray()
        async for chunk in _chunks(events):
            content += chunk
            if len(content) > MAX_FIELD_BYTES:
                raise InvalidRequest(f"{segment.name} is too long.", segment.name)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise InvalidRequest(f"{segment.name} is not UTF-8.", segment.name) from None

    async def _events(self) -> "AsyncIterator[MultipartSegment | bytes | None]":
        """Yield each segment, followed by its chunks and None."""
        parser = PushMultipartParser(self._boundary, max_segment_count=MAX_PARTS, strict=False)
        size_bytes = 0
        try:
            with parser:
                async for chunk in self._body:
                    if not chunk or parser.closed:
                        continue  # data after the form is ignored
                    size_bytes += len(chunk)
                    if size_bytes > self._max_bytes:
                        raise PayloadTooLarge(
                            f"An upload may have at most {self._max_bytes} bytes.", {"limitBytes": self._max_bytes}
                        )
                    for event in parser.parse(chunk):
                        yield event
        except MultipartError:
            raise InvalidRequest("The body is not a complete multipart form.", "body") from None


async def _chunks(events: "AsyncIterator[MultipartSegment | bytes | None]") -> AsyncIterator[bytes]:
    """Yield the chunks of the segment that has just begun."""
    async for event in events:
        if event is None:
            return
        assert not isinstance(event, MultipartSegment)
        yield bytes(event)


def base_name(filename: str) -> str | None:
    """Return a file's name without its folders, or None if nothing usable is left."""
    name = os.path.basename(filename.replace("\\", "/")).replace("\0", "").strip()  # noqa: PTH119 (a client's path, not ours)
    return name[:MAX_FILE_NAME_LENGTH] or None
