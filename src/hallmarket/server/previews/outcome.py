"""What becomes of a file that is decoded. For the decoder, too, which loads nothing it does not need."""

import msgspec


class Drawn(msgspec.Struct, frozen=True):
    """A thumbnail: WebP, at most 512 pixels each way."""

    width: int
    height: int
    content: bytes


class Undrawable(Exception):
    """There can be no thumbnail of a file; the message says why."""


class DecoderDied(Exception):
    """The process that decoded a file ended before it said anything; the message says how."""


class Outcome(msgspec.Struct, frozen=True):
    """What the decoder says of a file: the size of its thumbnail, whose bytes follow, or a reason why there is none."""

    width: int = 0
    height: int = 0
    reason: str | None = None
