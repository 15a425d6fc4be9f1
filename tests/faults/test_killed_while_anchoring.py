"""`hallmarket anchor` while its server, or both, are killed."""

import hashlib
import json
import secrets
import subprocess
import time
from pathlib import Path

from _support.long_run import fault_timeout, rounds
from _support.servers import HALLMARKET, Server
from faults.audit import audit
from faults.load import Witness

pytestmark = fault_timeout
FILES = 6000


def test_the_command_waits_for_a_killed_server(server: Server, witness: Witness, tmp_path: Path) -> None:
    """If its server is killed, the command waits until it is restarted, and anchors every file once."""
    for number in rounds(1):
        hashes = _make_files(tmp_path / str(number), witness)
        with _anchoring(server, tmp_path, tmp_path / str(number)) as command:
            _wait_until_partly_done(server, command)
            server.kill()
            time.sleep(0.5)
            server.start()
            report = json.loads(command.communicate(timeout=120)[0])
        assert (command.returncode, report["exit_status"]) == (0, 0)
        assert report["anchored"] + report["already_anchored"] == FILES
        assert {file["hash"] for file in report["files"]} == hashes
        _acknowledge(witness, report)
        assert hashes <= audit(server, witness)


def test_command_and_server_are_killed(server: Server, witness: Witness, tmp_path: Path) -> None:
    """If both are killed, the same command continues when it is run again: every file is anchored once."""
    for number in rounds(1):
        hashes = _make_files(tmp_path / str(number), witness)
        with _anchoring(server, tmp_path, tmp_path / str(number)) as command:
            _wait_until_partly_done(server, command)
            server.kill()
            command.kill()
        server.start()
        with _anchoring(server, tmp_path, tmp_path / str(number)) as command:
            report = json.loads(command.communicate(timeout=120)[0])
        assert command.returncode == 0
        assert report["anchored"] + report["already_anchored"] + report["unchanged"] == FILES
        assert report["anchored"] < FILES
        _acknowledge(witness, report)
        assert hashes <= audit(server, witness)


def _make_files(folder: Path, witness: Witness) -> set[str]:
    """Create files with random content; return their hashes."""
    folder.mkdir()
    hashes = set()
    for number in range(FILES):
        content = secrets.token_bytes(24)
        (folder / f"{number}.bin").write_bytes(content)
        hashes.add(hashlib.sha3_512(content).hexdigest())
    witness.sent |= hashes
    return hashes


def _anchoring(server: Server, home: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """Start the command on a folder."""
    return subprocess.Popen(
        [HALLMARKET, "anchor", str(folder), "--server", server.url, "--state", str(home / "state"), "--json"],
        env=server.environment | {"HALLMARKET_API_KEY": server.api_key, "HOME": str(home)},
        stdout=subprocess.PIPE,
    )


def _wait_until_partly_done(server: Server, command: "subprocess.Popen[bytes]") -> None:
    """Wait until some files are accepted, and fail if all are."""
    with server.client() as http:
        before = http.get("/v1/media", params={"limit": 1}).json()["total"]
        while (now := http.get("/v1/media", params={"limit": 1}).json()["total"]) == before:
            assert command.poll() is None
    assert now < before + FILES
    assert command.poll() is None


def _acknowledge(witness: Witness, report: dict[str, object]) -> None:
    files = report["files"]
    assert isinstance(files, list)
    for file in files:
        if "id" in file:
            witness.acknowledge(file["hash"], file["id"])
