"""A program as a user of the client writes it: anchor a file, verify it with and without the server, publish it.

python user_program.py FILE
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hallmarket.client import (
    AnchorRequest,
    Asset,
    Bundle,
    Exchange,
    Hallmarket,
    HallmarketError,
    InsufficientFunds,
    KnownLogs,
    LogView,
    ServerUnreachable,
    Trust,
    VerifierKey,
    verify_offline,
)


def wait_for_proof(server: Hallmarket, sha3_512: str) -> Bundle:
    """Return a file's proof as soon as the log has entered it."""
    while (bundle := server.find_proof(sha3_512)) is None:
        time.sleep(0.1)
    return bundle


def anchor_and_verify(server: Hallmarket, path: Path, known_logs: KnownLogs) -> Bundle:
    """Anchor a file, and verify its proof against the log that the server shows."""
    content = path.read_bytes()
    sha3_512 = hashlib.sha3_512(content).hexdigest()
    anchored = server.anchor(AnchorRequest(sha3_512, len(content), path.name))
    bundle = wait_for_proof(server, sha3_512)
    view = LogView(server, known_logs)
    verified = view.verify(bundle, sha3_512, len(content))
    view.remember()
    key: VerifierKey = view.key
    print(f"anchored {anchored.id} as entry {verified.index} of {key.name}")
    return bundle


def publish(exchange: Exchange, path: Path) -> Asset:
    """Make the file a private asset, and download it again."""
    upload = exchange.files.upload(path, path.name, "private")
    asset = exchange.files.create(upload, name=path.stem, visibility="private")
    exchange.files.download(asset, path.with_suffix(".copy"))
    return asset


def list_names(exchange: Exchange) -> Iterator[str]:
    """Yield the names of the user's assets."""
    for asset in exchange.assets.iterate(scope="personal"):
        yield asset.name or asset.id


def main(arguments: list[str]) -> int:
    """Run the program and return its exit status."""
    path, url, api_key = Path(arguments[0]), os.environ["HALLMARKET_SERVER"], os.environ["HALLMARKET_API_KEY"]
    known_logs = KnownLogs(path.with_name("known_logs.json"))
    try:
        with Hallmarket(url, api_key) as server:
            bundle = anchor_and_verify(server, path, known_logs)
        offline = verify_offline(bundle, known_logs, sha3_512=hashlib.sha3_512(path.read_bytes()).hexdigest())
        assert offline.trust is Trust.REMEMBERED
        with Exchange(url, api_key) as exchange:
            asset = publish(exchange, path)
            print(f"published {asset.id}; {', '.join(list_names(exchange))}")
            balance = exchange.wallet.balance("usd").balance_minor
            print(f"the wallet holds {balance} cents")
    except InsufficientFunds as error:
        print(error.details, file=sys.stderr)
        return 1
    except (HallmarketError, ServerUnreachable) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
