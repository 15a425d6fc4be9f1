"""Parses one value into a column's type, exactly: a value that would change is an error.

The parsers raise ValueError, TypeError, OverflowError or decimal.InvalidOperation for a value that does not fit.
"""

import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.tables.column_types import TIMESTAMPTZ, arrow_type

INTEGER = re.compile(r"[+-]?\d{1,40}(\.0*)?", re.ASCII)
BOOLEANS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
_encode_json = msgspec.json.Encoder(decimal_format="number").encode


def get_parser(column_type: str) -> Callable[[Any], Any]:
    """Get the parser for values of a column type, given by its canonical name."""
    return _PARSERS.get(column_type) or partial(_parse_numeric, target=arrow_type(column_type))


def _parse_text(value: object) -> str:
    if isinstance(value, str):
        value.encode()  # raises UnicodeEncodeError for a lone surrogate
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return _encode_json(value).decode()


def _parse_json(value: object) -> str:
    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return _encode_json(value).decode()
        return value
    return _encode_json(value).decode()


def _parse_integer(value: object) -> int:
    if isinstance(value, str):
        text = value.strip()
        if not INTEGER.fullmatch(text):
            raise ValueError
        return int(text.partition(".")[0])
    number = int(value)  # type: ignore[call-overload]  # raises for a value that is not a number
    if number != value:
        raise ValueError
    return int(number)


def _parse_float(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # raises for a value that is not a number
    if isfinite(number):
        return number
    if not isinstance(value, str) or any(char.isdigit() for char in value):
        raise OverflowError  # a number too large for a double
    return None  # inf and nan, which JSON cannot represent


def _parse_real(value: object) -> float | None:
    number = _parse_float(value)
    struct.pack("<f", number or 0.0)  # raises OverflowError for a number too large for a real
    return number


def _parse_numeric(value: object, target: Any) -> Decimal:
    if isinstance(value, bool):
        value = int(value)
    number = Decimal(repr(value) if isinstance(value, float) else value)  # type: ignore[arg-type]
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError
    if -exponent > target.scale and any(digits[exponent + target.scale :]):
        raise ValueError  # it would be rounded
    if number and number.adjusted() >= target.precision - target.scale:
        raise ValueError
    # The digits are shifted here because arithmetic on a Decimal rounds to 28 digits.
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + target.scale
    digits = digits + (0,) * shift if shift >= 0 else digits[:shift] or (0,)
    return Decimal((sign, digits, -target.scale))


def _parse_boolean(value: object) -> bool:
    if isinstance(value, str):
        if value.strip().lower() not in BOOLEANS:
            raise ValueError
        return BOOLEANS[value.strip().lower()]
    if value not in (0, 1):
        raise ValueError
    return bool(value)


def _parse_timestamptz(value: object) -> datetime:
    moment = datetime.fromisoformat(_as_text(value).strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _parse_timestamp(value: object) -> datetime:
    moment = datetime.fromisoformat(_as_text(value).strip())
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _parse_date(value: object) -> date:
    moment = datetime.fromisoformat(_as_text(value))
    if moment.time() != time():
        raise ValueError  # the time would be lost
    return moment.date()


def _parse_time(value: object) -> str:
    moment = time.fromisoformat(_as_text(value))
    if moment.tzinfo is not None:
        raise ValueError
    return moment.isoformat()


def _parse_uuid(value: object) -> str:
    return str(UUID(_as_text(value)))


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "text": _parse_text,
    "jsonb": _parse_json,
    "bigint": _parse_integer,
    "integer": _parse_integer,
    "smallint": _parse_integer,
    "double precision": _parse_float,
    "real": _parse_real,
    "boolean": _parse_boolean,
    TIMESTAMPTZ: _parse_timestamptz,
    "timestamp": _parse_timestamp,
    "date": _parse_date,
    "time": _parse_time,
    "uuid": _parse_uuid,
}
