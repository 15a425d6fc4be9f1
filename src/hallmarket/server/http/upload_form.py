"""An upload's multipart form, read as it comes: the file's bytes are passed on, its small fields are kept."""

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
    """The file in a form, with its bytes to be read once."""

    content_type: str | None
    pieces: AsyncIterator[bytes]


class UploadForm:
    """Reads the form of a request; `files` must be read to its end before `fields` are whole."""

    def __init__(
        self, content_type: bytes, body: AsyncIterator[bytes], max_bytes: int, fields: Collection[str] = FIELDS
    ) -> None:
        """`fields` are the names of the fields to keep. Raises InvalidRequest unless `content_type` is a form's."""
        kind, options = parse_options_header(content_type.decode("latin-1"))
        if kind.lower() != "multipart/form-data" or not options.get("boundary"):
            raise InvalidRequest("Content-Type must be multipart/form-data with a boundary.", "content-type")
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._body = body
        self._max_bytes = max_bytes
        self._kept = fields
        self._boundary = options["boundary"]

    @property
    def wants_anchor(self) -> bool:
        """Whether the item is to be anchored at once. Raises InvalidRequest for neither true nor false."""
        text = self.fields.get("anchor", "true")
        if text not in ("true", "false"):
            raise InvalidRequest("anchor must be true or false.", "anchor")
        return text == "true"

    async def files(self) -> AsyncIterator[UploadedFile]:
        """The file, once; its pieces must be read before the next step.

        Raises InvalidRequest for a broken form, a second file, a field given twice; PayloadTooLarge.
        """
        events = self._events()
        found = False
        async for event in events:
            if not isinstance(event, MultipartSegment):
                continue  # a file in a field that is nobody's
            if event.name == "file":
                if found or event.filename is None:
                    raise InvalidRequest("file must be one file.", "file")
                found = True
                self.filename = base_name(event.filename)
                yield UploadedFile(event.content_type or None, _pieces(events))
            elif event.name in self._kept:
                self.fields[event.name] = await self._field(event, events)

    async def _field(self, segment: MultipartSegment, events: "AsyncIterator[MultipartSegment | bytes | None]") -> str:
        if segment.filename is not None or segment.name in self.fields:
            raise InvalidRequest(f"{segment.name} must be one field, not a file.", segment.name)
        content = bytearray()
        async for piece in _pieces(events):
            content += piece
            if len(content) > MAX_FIELD_BYTES:
                raise InvalidRequest(f"{segment.name} is too long.", segment.name)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise InvalidRequest(f"{segment.name} is no UTF-8.", segment.name) from None

    async def _events(self) -> "AsyncIterator[MultipartSegment | bytes | None]":
        """A segment, then its pieces, then None; and again."""
        parser = PushMultipartParser(self._boundary, max_segment_count=MAX_PARTS, strict=False)
        seen = 0
        try:
            with parser:
                async for piece in self._body:
                    if not piece or parser.closed:
                        continue  # what stands behind the form is nobody's
                    seen += len(piece)
                    if seen > self._max_bytes:
                        raise PayloadTooLarge(
                            f"An upload may have at most {self._max_bytes} bytes.", {"limitBytes": self._max_bytes}
                        )
                    for event in parser.parse(piece):
                        yield event
        except MultipartError:
            raise InvalidRequest("The body is no whole multipart form.", "body") from None


async def _pieces(events: "AsyncIterator[MultipartSegment | bytes | None]") -> AsyncIterator[bytes]:
    """The bytes of the segment that has just begun."""
    async for event in events:
        if event is None:
            return
        assert not isinstance(event, MultipartSegment)
        yield bytes(event)


def base_name(filename: str) -> str | None:
    """What a file was called, without the folders it stood in; None where nothing usable is left."""
    name = os.path.basename(filename.replace("\\", "/")).replace("\0", "").strip()  # noqa: PTH119 (a text, no path of ours)
    return name[:MAX_FILE_NAME_LENGTH] or None
