"""Detect the media type of bytes from how they begin. The file name decides where several types begin alike."""

import codecs
import re
from pathlib import PurePosixPath

import msgspec

HEAD_BYTES = 4096
UNKNOWN, NO_EXTENSION = "application/octet-stream", "bin"
EXTENSION = re.compile(r"[a-z0-9_+-]{1,16}")
ZIP, OLE, OGG, MATROSKA, MP4 = (
    "application/zip",
    "application/x-ole-storage",
    "audio/ogg",
    "video/x-matroska",
    "video/mp4",
)
OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."
# Signatures: offset, bytes, media type. The first match counts.
SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", MP4),
    (0, b"\x1aE\xdf\xa3", MATROSKA),
    (0, b"OggS", OGG),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\3\4", ZIP),
    (0, b"PK\5\6", ZIP),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"ARROW1", "application/vnd.apache.arrow.file"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
)
# Media types by extension. The first extension of a type is its default.
TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "heic": "image/heic",
    "heif": "image/heic",
    "avif": "image/avif",
    "psd": "image/vnd.adobe.photoshop",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",
    "mp4": MP4,
    "m4v": MP4,
    "mov": "video/quicktime",
    "avi": "video/x-msvideo",
    "mkv": MATROSKA,
    "webm": "video/webm",
    "ogv": "video/ogg",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": OGG,
    "oga": OGG,
    "opus": OGG,
    "pdf": "application/pdf",
    "zip": ZIP,
    "docx": OFFICE + "wordprocessingml.document",
    "xlsx": OFFICE + "spreadsheetml.sheet",
    "pptx": OFFICE + "presentationml.presentation",
    "odt": OPEN + "text",
    "ods": OPEN + "spreadsheet",
    "odp": OPEN + "presentation",
    "epub": "application/epub+zip",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "gz": "application/gzip",
    "tgz": "application/gzip",
    "bz2": "application/x-bzip2",
    "xz": "application/x-xz",
    "zst": "application/zstd",
    "7z": "application/x-7z-compressed",
    "tar": "application/x-tar",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "sqlite": "application/vnd.sqlite3",
    "db": "application/vnd.sqlite3",
    "h5": "application/x-hdf5",
    "hdf5": "application/x-hdf5",
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "ics": "text/calendar",
    "vtt": "text/vtt",
    "json": "application/json",
    "geojson": "application/geo+json",
    "ndjson": "application/x-ndjson",
    "jsonl": "application/x-ndjson",
    "ipynb": "application/x-ipynb+json",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "rtf": "application/rtf",
    "tex": "application/x-tex",
    "py": "text/x-python",
    "sql": "application/sql",
}
# Extensions of other types that begin with the same signature.
ALTERNATIVES = {
    ZIP: ("docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"),
    OLE: ("doc", "xls", "ppt"),
    OGG: ("ogv",),
    MATROSKA: ("webm",),
    MP4: ("m4a", "mov"),
    "image/heic": ("avif",),
}
TEXTS = {kind for kind in TYPES.values() if kind.startswith("text/")} | {
    TYPES[extension]
    for extension in ("svg", "json", "geojson", "ndjson", "ipynb", "xml", "yaml", "toml", "rtf", "tex", "sql")
}
KNOWN = {kind for _, _, kind in SIGNATURES}


class Sniffed(msgspec.Struct, frozen=True):
    """A media type, and its extension in lower case without the dot."""

    type: str
    extension: str


def sniff(head: bytes, file_name: str) -> Sniffed:
    """Return the type of bytes that begin with `head`, their first HEAD_BYTES, and that have a file name."""
    extension = find_extension(file_name)
    named = TYPES.get(extension)
    kind = _find_type(head, extension, named)
    if not extension or (named is not None and named != kind):
        extension = next((known for known, media_type in TYPES.items() if media_type == kind), NO_EXTENSION)
    return Sniffed(kind, extension)


def find_extension(file_name: str) -> str:
    """Return a file name's extension; "" if it has none."""
    found = PurePosixPath(file_name.lower()).suffix[1:]
    return found if EXTENSION.fullmatch(found) else ""


def media_type_of_name(file_name: str) -> str:
    """Return the media type that a file name suggests."""
    return TYPES.get(find_extension(file_name), UNKNOWN)


def _find_type(head: bytes, extension: str, named: str | None) -> str:
    found = next((kind for offset, signature, kind in SIGNATURES if head.startswith(signature, offset)), None)
    if found is not None:
        return named if named is not None and extension in ALTERNATIVES.get(found, ()) else found
    if _is_text(head):
        if named in TEXTS:
            return named or UNKNOWN
        return UNKNOWN if not head or (extension and named is None) else "text/plain"
    return UNKNOWN if named is None or named in TEXTS or named in KNOWN else named


def _is_text(head: bytes) -> bool:
    """Whether bytes are text: UTF-8, possibly cut off in a character, or UTF-16 with a byte order mark."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(letter < " " and letter not in "\t\n\r\f\x1b" for letter in text)
