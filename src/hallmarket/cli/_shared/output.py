"""Words, numbers and JSON for people and programs to read."""

import sys
from collections.abc import Sequence
from typing import Any

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_MAX_SHOWN = 200


def printable(text: str) -> str:
    """Return a path or message that any terminal can show: bytes that are no UTF-8 as \\xNN, no control characters."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def shortened(text: str) -> str:
    """Return a text of somebody else's as the terminal may show it, the end of a long one left out."""
    return printable(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…")


def tell(message: str) -> None:
    """Print one line to stderr."""
    print(f"hallmarket: {message}", file=sys.stderr)


def bytes_words(size_bytes: float) -> str:
    """Return a size in words: 999 bytes, 1.2 MB."""
    unit = 0
    while size_bytes >= 1000 and unit < len(_UNITS) - 1:
        size_bytes /= 1000
        unit += 1
    return f"{size_bytes:.0f} {_UNITS[unit]}" if unit == 0 else f"{size_bytes:.1f} {_UNITS[unit]}"


def money_words(amount_minor: int, currency: str) -> str:
    """Return an amount in words: $12.50, 1,200 sats; it is in cents of usd, in satoshis of btc."""
    sign, (whole, cents) = "-" if amount_minor < 0 else "", divmod(abs(amount_minor), 100)
    if currency == "usd":
        return f"{sign}${whole:,}.{cents:02}"
    return f"{amount_minor:,} {'sats' if currency == 'btc' else printable(currency)}"


def duration_words(seconds: float) -> str:
    """Return a length of time in words: 0.42 s, 3.1 s, 2 min 5 s, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def count_words(count: int, noun: str) -> str:
    """Return a count with its noun: 1 file, 1,234 files."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as aligned columns below their headers; numbers stand to the right, nothing is cut off."""
    shown = [list(headers), *([printable("" if cell is None else str(cell)) for cell in row] for row in rows)]
    for at in range(len(headers)):
        width = max(len(line[at]) for line in shown)
        to_right = bool(rows) and all(row[at] is None or isinstance(row[at], int | float) for row in rows)
        for line in shown:
            line[at] = line[at].rjust(width) if to_right else line[at].ljust(width)
    return "\n".join("  ".join(line).rstrip() for line in shown)


def print_json(value: Any) -> None:
    """Print one value as JSON on a line of stdout."""
    print(to_json(value), flush=True)


def to_json(value: Any) -> str:
    """Encode as JSON that any reader takes: lone surrogates, which no UTF-8 can hold, are replaced."""
    import json

    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
