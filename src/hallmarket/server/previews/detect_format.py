"""Detects a file's format from its first bytes alone; the name and declared type of an upload do not count."""

HEAD_BYTES = 1024  # a PDF may begin anywhere in these

IMAGE = "image"
PDF = "pdf"
VIDEO = "video/"  # followed by FFmpeg's name of the container

_SIGNATURES = (
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
_HEIF_BRANDS = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # the first box of files without a brand
_TS_PACKET_BYTES = 188


def detect_format(head: bytes) -> str | None:
    """Return IMAGE, PDF, or VIDEO followed by the container's name; None if the format is not supported."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"RIFF"):
        return {b"WEBP": IMAGE, b"AVI ": VIDEO + "avi"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return IMAGE if head[8:12] in _HEIF_BRANDS else VIDEO + "mov"
    if head[4:8] in _QUICKTIME_BOXES:
        return VIDEO + "mov"
    if head[: 3 * _TS_PACKET_BYTES : _TS_PACKET_BYTES] == b"GGG":
        return VIDEO + "mpegts"
    return PDF if b"%PDF-" in head[:HEAD_BYTES] else None
