"""The `Content-Disposition` header of a download (RFC 6266, RFC 8187), and file names that are safe to save."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_BYTES = 200  # file systems allow 255, and browsers append a suffix to a second copy
MAX_EXTENSION_LENGTH = 20
FALLBACK_NAME = "download"
UNSAFE_IN_ASCII = re.compile(r"[^A-Za-z0-9 ._()+@=,-]")  # replaces `%` too, because some clients decode it
ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187's attr-char, besides letters and digits


def content_disposition(file_name: str | None) -> bytes:
    """Return the header's value: an ASCII name for old clients, and the name itself as RFC 8187 encodes it."""
    name = safe_file_name(file_name)
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() if not name.isascii() else name
    ascii_name = UNSAFE_IN_ASCII.sub("_", ascii_name).strip(" .") or FALLBACK_NAME
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe=ATTR_CHAR)}".encode("ascii")


def safe_file_name(file_name: str | None) -> str:
    """Return a name that is safe to save under: no folders, no invisible characters, at most MAX_BYTES of UTF-8.

    A long name keeps its extension.
    """
    name = (file_name or "").replace("\\", "/").rsplit("/", 1)[-1]
    # Remove control characters, and marks that reverse the text so that the name seems to have another extension.
    name = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = name.strip().lstrip(".").rstrip(". ") or FALLBACK_NAME
    if len(name.encode()) <= MAX_BYTES:
        return name
    extension = PurePosixPath(name).suffix
    if len(extension.encode()) > MAX_EXTENSION_LENGTH:
        extension = ""
    stem = name.encode()[: MAX_BYTES - len(extension.encode())].decode("utf-8", "ignore")
    return stem.rstrip(". ") + extension
