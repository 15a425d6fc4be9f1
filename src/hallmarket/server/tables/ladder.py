"""What type the texts of a column have."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from hallmarket.server.tables.types import TIMESTAMPTZ

WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
ZONED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TRUTHS = {"true", "false"}


class Ladder:
    """What a column of texts may still be."""

    def __init__(self) -> None:
        self._may: dict[str, Callable[[str], object]] = {
            "boolean": lambda text: text.lower() in TRUTHS,
            "bigint": lambda text: WHOLE.fullmatch(text) and -(2**63) <= int(text) < 2**63,
            "numeric(38,0)": lambda text: WHOLE.fullmatch(text) and len(text.lstrip("+-")) <= 38,
            "double precision": NUMBER.fullmatch,
            "date": lambda text: DAY.fullmatch(text) and _is_moment(text),
            TIMESTAMPTZ: lambda text: ZONED.fullmatch(text) and _is_moment(text),
            "timestamp": lambda text: MOMENT.fullmatch(text) and _is_moment(text),
        }
        self._seen = False

    def see(self, texts: Iterable[str]) -> None:
        """Drop what some of these texts are not."""
        if not self._may:
            return
        values = {text.strip() for text in texts} - {""}
        self._seen = self._seen or bool(values)
        self._may = {kind: fits for kind, fits in self._may.items() if all(fits(value) for value in values)}

    @property
    def type(self) -> str:
        """The narrowest that is left, else text."""
        return next(iter(self._may), "text") if self._seen else "text"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
