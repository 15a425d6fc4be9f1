"""The how-to about backups: its commands copy a running registry, and a server runs on the copy."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _support import databases
from _support.anchoring import random_hash
from _support.doc_examples import ROOT, read_blocks
from _support.servers import Server
from _support.waiting import wait_until

PAGE = ROOT / "docs/how-to/back-up-and-restore.md"


def run_block(first_words: str, paths: dict[str, Path]) -> None:
    """Run the page's block that begins with these words, except for starting a server, with its paths replaced.

    `chown` is left out unless root runs the tests, as the page says.
    """
    (block,) = [text for _, text in read_blocks(PAGE, "sh") if text.startswith(first_words)]
    for path, replacement in paths.items():
        block = block.replace(path, str(replacement))
    left_out = "hallmarket serve" if os.geteuid() == 0 else ("hallmarket serve", "chown")
    script = "\n".join(line for line in block.splitlines() if not line.startswith(left_out))
    subprocess.run(["bash", "-e", "-c", script], check=True, capture_output=True, timeout=120)


@contextmanager
def running(data: Path) -> Iterator[Server]:
    """Run a server with an embedded database on a data folder; stop it at the end."""
    server = Server(data)
    try:
        yield server.start()
    finally:
        if server.running:
            server.stop()


def test_back_up_and_restore() -> None:
    """A copy of a running registry, made and restored with the page's commands, has the log and the people."""
    with tempfile.TemporaryDirectory(prefix="hallmarket-test-", dir=databases.data_parent) as folder:
        original, backup, restored = (Path(folder) / name for name in ("original", "backup", "restored"))
        programs = Path(sys.prefix)
        databases.copy_empty_cluster(original)
        backup.mkdir()
        anchored = random_hash()
        with running(original) as server, server.client() as client:
            assert client.post("/v1/media/anchor", json={"hash": anchored, "size": 1}).status_code == 201
            wait_until(lambda: client.get(f"/v1/public/media/{anchored}").status_code == 200)
            key, checkpoint = server.api_key, client.get("/log/checkpoint").text
            paths = {"/opt/hallmarket/.venv": programs, "/backup": backup}
            run_block("BIN=", paths | {"/var/lib/hallmarket": original})
        run_block("mkdir", {"/backup": backup, "/var/lib/hallmarket": restored})
        with running(restored) as server, server.client(key) as client:
            assert client.get("/log/checkpoint").text == checkpoint
            assert client.get(f"/v1/public/media/{anchored}").status_code == 200
            assert client.get("/v1/media").json()["total"] == 1
