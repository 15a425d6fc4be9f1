"""Detection of a CSV file's encoding and separator."""

import re
from pathlib import Path
from typing import TextIO

BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def find_encoding(path: Path) -> str:
    """Return the encoding of the byte order mark, else UTF-8 if the whole file is valid, else Windows-1252."""
    with path.open("rb") as opened:
        head = opened.read(4)
        for mark, encoding in BYTE_ORDER_MARKS:
            if head.startswith(mark):
                return encoding
    try:
        with path.open(encoding="utf-8") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def find_separator(path: Path, encoding: str) -> str:
    """Return the separator, one of , ; tab |, that occurs most often in the first line outside quotes."""
    with open_text(path, encoding) as text:
        head = text.read(1 << 16)
    outside = re.sub(r'"(?:[^"]|"")*"', "", head).lstrip("\n").partition("\n")[0]
    return max(",;\t|", key=lambda separator: (outside.count(separator), separator == ","))


def open_text(path: Path, encoding: str) -> TextIO:
    """Open the file as text, without translating line ends."""
    return path.open(encoding=encoding, errors="replace" if encoding == "cp1252" else "strict", newline="")
