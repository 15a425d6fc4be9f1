"""Formatting for people and for programs: sizes, money, durations, tables, JSON."""

import sys
from collections.abc import Sequence
from typing import Any

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_MAX_SHORTENED_LENGTH = 200


def printable(text: str) -> str:
    """Return a text that any terminal can show: control characters escaped, bytes of invalid UTF-8 as \\xNN."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def shortened(text: str) -> str:
    """Return another user's text as a terminal can show it, cut after 200 characters."""
    return printable(text if len(text) <= _MAX_SHORTENED_LENGTH else text[:_MAX_SHORTENED_LENGTH] + "…")


def notify(message: str) -> None:
    """Print one line to stderr."""
    print(f"hallmarket: {message}", file=sys.stderr)


def format_bytes(size_bytes: float) -> str:
    """Return a size for people: 999 bytes, 1.2 MB."""
    unit = 0
    while size_bytes >= 1000 and unit < len(_UNITS) - 1:
        size_bytes /= 1000
        unit += 1
    return f"{size_bytes:.0f} {_UNITS[unit]}" if unit == 0 else f"{size_bytes:.1f} {_UNITS[unit]}"


def format_money(amount_minor: int, currency: str) -> str:
    """Return an amount in cents of usd or satoshis of btc for people: $12.50, 1,200 sats."""
    sign, (dollars, cents) = "-" if amount_minor < 0 else "", divmod(abs(amount_minor), 100)
    if currency == "usd":
        return f"{sign}${dollars:,}.{cents:02}"
    return f"{amount_minor:,} {'sats' if currency == 'btc' else printable(currency)}"


def format_duration(seconds: float) -> str:
    """Return a duration for people: 0.42 s, 3.1 s, 2 min 5 s, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun: 1 file, 1,234 files."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def format_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as aligned columns below their headers; columns of numbers are aligned to the right."""
    lines = [list(headers), *([printable("" if cell is None else str(cell)) for cell in row] for row in rows)]
    for column in range(len(headers)):
        width = max(len(line[column]) for line in lines)
        is_numeric = bool(rows) and all(row[column] is None or isinstance(row[column], int | float) for row in rows)
        for line in lines:
            line[column] = line[column].rjust(width) if is_numeric else line[column].ljust(width)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def print_json(value: Any) -> None:
    """Print one value as JSON on a line of stdout."""
    print(to_json(value), flush=True)


def to_json(value: Any) -> str:
    """Encode as JSON in valid UTF-8; lone surrogates, which UTF-8 cannot represent, are replaced."""
    import json

    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
