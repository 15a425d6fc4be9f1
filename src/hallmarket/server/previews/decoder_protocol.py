"""What the server and a decoder process exchange. It imports little, because the decoder loads only what it needs.

A request is one packet with the file's format and two descriptors: the file, and shared memory for the result. The
reply is one packet with the exit status of the process that rendered the file. The result is the JSON of a
ResultHeader, a newline, and the thumbnail.
"""

import msgspec

MAX_FORMAT_LENGTH = 64


class Thumbnail(msgspec.Struct, frozen=True):
    """A thumbnail: WebP, at most 512 pixels wide and high."""

    width: int
    height: int
    content: bytes


class ResultHeader(msgspec.Struct, frozen=True):
    """The size of the thumbnail that follows, or the reason why there is none."""

    width: int = 0
    height: int = 0
    reason: str | None = None


class CannotRender(Exception):
    """A file cannot have a thumbnail; the message is the reason."""


class DecoderDied(Exception):
    """The decoder ended before it had rendered the file; the message describes how."""
