"""The log's signing key: from the settings, or generated at first start and stored in the data folder, mode 0600."""

import os
import secrets
from pathlib import Path

from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import SigningKey
from hallmarket.server.errors import Refusal

FILE_NAME = "log.key"


def load_signing_key(data: Path, configured_key: str, origin: str) -> SigningKey:
    """Load the log's key, or generate one named `origin` (or `hallmarket-` and random digits if that is empty).

    Raises Refusal if the key cannot be read or its file is accessible to other users.
    """
    if configured_key:
        return _parse(configured_key, "HALLMARKET_LOG_KEY")
    path = data / FILE_NAME
    if path.exists():
        if path.stat().st_mode & 0o077:
            raise Refusal(
                f"{path} is readable by other users. Make sure that nobody has read it, then run `chmod 600 {path}`."
            )
        return _parse(path.read_text(), str(path))
    try:
        key = SigningKey.generate(origin or f"hallmarket-{secrets.token_hex(4)}")
    except ProofError as error:
        raise Refusal(f"HALLMARKET_LOG_ORIGIN cannot name a log: {error}") from None
    _write_atomically(path, key.text() + "\n")
    return key


def _write_atomically(path: Path, text: str) -> None:
    """Write the file completely or not at all, even at a power failure: without its key a log can never grow again."""
    temporary = path.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _parse(text: str, source: str) -> SigningKey:
    try:
        return SigningKey.parse(text.strip())
    except ProofError as error:
        raise Refusal(f"{source} does not contain a valid signing key: {error}") from None
