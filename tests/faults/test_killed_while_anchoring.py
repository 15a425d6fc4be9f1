"""`hallmarket anchor` over a server, or together with one, that is killed in the middle of its work.

`HALLMARKET_FAULT_ROUNDS` repeats the rounds more often.
"""

import hashlib
import json
import secrets
import subprocess
import time
from pathlib import Path

from _support.servers import HALLMARKET, Server
from faults.audit import audit
from faults.load import Witness
from faults.rounds import long_enough, rounds

pytestmark = long_enough
FILES = 6000


def test_the_command_waits_for_a_killed_server(server: Server, witness: Witness, tmp_path: Path) -> None:
    """A command whose server is killed waits for the next start, and then ends with every file anchored once."""
    for number in rounds(1):
        hashes = _make_files(tmp_path / str(number), witness)
        with _anchoring(server, tmp_path, tmp_path / str(number)) as command:
            _wait_until_under_way(server, command)
            server.kill()
            time.sleep(0.5)
            server.start()
            answer = json.loads(command.communicate(timeout=120)[0])
        assert (command.returncode, answer["exit_status"]) == (0, 0)
        assert answer["anchored"] + answer["already_anchored"] == FILES
        assert {file["hash"] for file in answer["files"]} == hashes
        _acknowledge(witness, answer)
        assert hashes <= audit(server, witness)


def test_command_and_server_are_killed(server: Server, witness: Witness, tmp_path: Path) -> None:
    """After a kill of both, the same command run again ends what was begun: every file is anchored, and once."""
    for number in rounds(1):
        hashes = _make_files(tmp_path / str(number), witness)
        with _anchoring(server, tmp_path, tmp_path / str(number)) as command:
            _wait_until_under_way(server, command)
            server.kill()
            command.kill()
        server.start()
        with _anchoring(server, tmp_path, tmp_path / str(number)) as command:
            answer = json.loads(command.communicate(timeout=120)[0])
        assert command.returncode == 0
        assert answer["anchored"] + answer["already_anchored"] + answer["unchanged"] == FILES
        assert answer["anchored"] < FILES
        _acknowledge(witness, answer)
        assert hashes <= audit(server, witness)


def _make_files(folder: Path, witness: Witness) -> set[str]:
    """Make files nobody has; returns their fingerprints."""
    folder.mkdir()
    hashes = set()
    for number in range(FILES):
        content = secrets.token_bytes(24)
        (folder / f"{number}.bin").write_bytes(content)
        hashes.add(hashlib.sha3_512(content).hexdigest())
    witness.sent |= hashes
    return hashes


def _anchoring(server: Server, home: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """The command at work on a folder."""
    return subprocess.Popen(
        [HALLMARKET, "anchor", str(folder), "--server", server.url, "--state", str(home / "state"), "--json"],
        env=server.environment | {"HALLMARKET_API_KEY": server.api_key, "HOME": str(home)},
        stdout=subprocess.PIPE,
    )


def _wait_until_under_way(server: Server, command: "subprocess.Popen[bytes]") -> None:
    """Return at the moment when some files are accepted and others are not."""
    with server.client() as http:
        before = http.get("/v1/media", params={"limit": 1}).json()["total"]
        while (now := http.get("/v1/media", params={"limit": 1}).json()["total"]) == before:
            assert command.poll() is None
    assert now < before + FILES
    assert command.poll() is None


def _acknowledge(witness: Witness, answer: dict[str, object]) -> None:
    files = answer["files"]
    assert isinstance(files, list)
    for file in files:
        if "id" in file:
            witness.acknowledge(file["hash"], file["id"])
