"""How a CSV is written: its encoding and its separator, found in the file itself."""

import re
from pathlib import Path
from typing import TextIO

MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def find_encoding(path: Path) -> str:
    """What its mark says, else UTF-8 if all of it is, else what spreadsheets in the West write."""
    with path.open("rb") as opened:
        head = opened.read(4)
        for mark, encoding in MARKS:
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
    """The one of , ; tab | that the first line has most of, outside quotes."""
    with open_text(path, encoding) as text:
        head = text.read(1 << 16)
    outside = re.sub(r'"(?:[^"]|"")*"', "", head).lstrip("\n").partition("\n")[0]
    return max(",;\t|", key=lambda separator: (outside.count(separator), separator == ","))


def open_text(path: Path, encoding: str) -> TextIO:
    """The file as text, its line ends as they are."""
    return path.open(encoding=encoding, errors="replace" if encoding == "cp1252" else "strict", newline="")
