"""What a file is, by its first bytes; its name and what its sender says of it count for nothing."""

HEAD_BYTES = 1024  # a PDF may begin anywhere in them

IMAGE = "image"
PDF = "pdf"
VIDEO = "video/"  # with the name that FFmpeg has for the container behind it

_STARTS = (
    (b"\xff\xd8\xff", IMAGE),
    (b"\x89PNG\r\n\x1a\n", IMAGE),
    (b"GIF87a", IMAGE),
    (b"GIF89a", IMAGE),
    (b"II*\0", IMAGE),
    (b"MM\0*", IMAGE),
    (b"II+\0", IMAGE),
    (b"MM\0+", IMAGE),
    (b"\x1a\x45\xdf\xa3", VIDEO + "matroska"),
    (b"OggS", VIDEO + "ogg"),
    (b"FLV\x01", VIDEO + "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO + "asf"),
    (b"\0\0\x01\xba", VIDEO + "mpeg"),
    (b"\0\0\x01\xb3", VIDEO + "mpegvideo"),
)
_STILLS = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # how QuickTime's files begin that tell no brand
_TS_PACKET = 188


def find_kind(head: bytes) -> str | None:
    """IMAGE, PDF or a VIDEO with its container, for a file that begins like one; None for anything else."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF"):
        return {b"WEBP": IMAGE, b"AVI ": VIDEO + "avi"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return IMAGE if head[8:12] in _STILLS else VIDEO + "mov"
    if head[4:8] in _BOXES:
        return VIDEO + "mov"
    if head[: 3 * _TS_PACKET : _TS_PACKET] == b"GGG":
        return VIDEO + "mpegts"
    return PDF if b"%PDF-" in head[:HEAD_BYTES] else None
