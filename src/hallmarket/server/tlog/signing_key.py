"""The log's signing key: given by setting, or made at first start and kept in the data folder, mode 0600."""

import os
import secrets
from pathlib import Path

from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import SigningKey
from hallmarket.server.errors import Refusal

FILE = "log.key"


def load_signing_key(data: Path, given: str, origin: str) -> SigningKey:
    """The log's key. A new one is named `origin`, or `hallmarket-` and random digits unless told.

    Raises Refusal if the key cannot be read, or its file is open to others.
    """
    if given:
        return _parse(given, "HALLMARKET_LOG_KEY")
    path = data / FILE
    if path.exists():
        if path.stat().st_mode & 0o077:
            raise Refusal(f"{path} can be read by others; run `chmod 600 {path}` after making sure nobody did.")
        return _parse(path.read_text(), str(path))
    try:
        key = SigningKey.generate(origin or f"hallmarket-{secrets.token_hex(4)}")
    except ProofError as error:
        raise Refusal(f"HALLMARKET_LOG_ORIGIN cannot name a log: {error}") from None
    _keep(path, key.text() + "\n")
    return key


def _keep(path: Path, text: str) -> None:
    """Write the file whole or not at all, even if the power fails: a log without its key can never grow again."""
    making = path.with_suffix(".new")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    making.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _parse(text: str, source: str) -> SigningKey:
    try:
        return SigningKey.parse(text.strip())
    except ProofError as error:
        raise Refusal(f"{source} holds no signing key: {error}") from None
