"""Text fields with exactly one encoding: a field is refused if encoding its value again gives another text."""

import base64
import re

from hallmarket.proof.errors import ProofError

MAX_SIZE = 2**63 - 1
HASH_BYTES = 32

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def read_base64(text: str, what: str) -> bytes:
    """Decode standard, padded, canonical base64 (RFC 4648 section 4); raises ProofError naming `what`."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise ProofError(f"{what} is not base64.") from None
    # The unused bits before the padding must be zero, or one value would have several encodings.
    if write_base64(data) != text:
        raise ProofError(f"{what} is not canonical base64.")
    return data


def write_base64(data: bytes) -> str:
    """Encode as standard, padded base64."""
    return base64.b64encode(data).decode("ascii")


def read_hash(text: str, what: str) -> bytes:
    """Decode the base64 of one SHA-256 hash, 32 bytes; raises ProofError naming `what`."""
    data = read_base64(text, what)
    if len(data) != HASH_BYTES:
        raise ProofError(f"{what} has {len(data)} bytes instead of {HASH_BYTES}.")
    return data


def read_decimal(text: str, what: str) -> int:
    """Read a whole number from 0 to 2^63-1 without sign or leading zeros; raises ProofError naming `what`."""
    if not _DECIMAL.fullmatch(text) or (value := int(text)) > MAX_SIZE:
        raise ProofError(f"{what} is not a whole number from 0 to 2^63-1 in plain digits.")
    return value


def read_text(data: str | bytes, what: str) -> str:
    """Return bytes or text as text that UTF-8 can represent; raises ProofError naming `what`."""
    try:
        if isinstance(data, bytes):
            return data.decode("utf-8")
        data.encode("utf-8")  # A Python string may contain a lone surrogate, UTF-8 may not.
    except UnicodeError:
        raise ProofError(f"{what} is not UTF-8.") from None
    return data
