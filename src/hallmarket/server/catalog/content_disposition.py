"""`Content-Disposition` of a download (RFC 6266, RFC 8187): whatever a file is called, a header and a safe name."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_BYTES = 200  # file systems take 255, and whoever saves a second one puts something behind it
MAX_EXTENSION_LENGTH = 20
NOTHING = "download"
NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()+@=,-]")  # `%` among them: some read it as an escape
ATTR_CHAR = "!#$&+-.^_`|~"  # of RFC 8187, beside letters and digits


def attachment(file_name: str | None) -> bytes:
    """The header's value: a plain name that everybody reads, and the name itself for those who read RFC 8187."""
    name = safe_name(file_name)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() if not name.isascii() else name
    plain = NOT_PLAIN.sub("_", plain).strip(" .") or NOTHING
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=ATTR_CHAR)}".encode("ascii")


def safe_name(file_name: str | None) -> str:
    """A name under which a file can be saved: no folders, nothing invisible, not too long, its extension kept."""
    name = (file_name or "").replace("\\", "/").rsplit("/", 1)[-1]
    # Controls, and marks that turn the rest of a name around so that it seems to end in something else.
    name = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = name.strip().lstrip(".").rstrip(". ") or NOTHING
    if len(name.encode()) <= MAX_BYTES:
        return name
    extension = PurePosixPath(name).suffix
    if len(extension.encode()) > MAX_EXTENSION_LENGTH:
        extension = ""
    kept = name.encode()[: MAX_BYTES - len(extension.encode())].decode("utf-8", "ignore")
    return kept.rstrip(". ") + extension
