"""The disk is full: requests are told so, nothing is lost, and with room again it all goes on by itself.

The small disk is one in memory, which only root may make, and not in every container; `test_killed_postgres.py` has a
PostgreSQL that may not write, which works everywhere. `HALLMARKET_FAULT_ROUNDS` repeats the rounds more often.
"""

from pathlib import Path

import pytest

from _support.servers import Server
from faults.audit import audit
from faults.disk import MAY_MOUNT, filled, mounted, use_up_write_ahead_log
from faults.embedded import new_embedded_server
from faults.load import Witness, under_load
from faults.rounds import long_enough, rounds

pytestmark = long_enough

if MAY_MOUNT:

    def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a full disk anchors are told 503, and reads go on; even PostgreSQL may die: with room all goes on."""
        witness = Witness()
        tmp_path.chmod(0o755)
        with mounted(tmp_path, "192m"):
            (tmp_path / "tmp").mkdir()
            monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
            with new_embedded_server(tmp_path / "data") as server:
                _fill_and_empty(tmp_path, server, witness)
                audit(server, witness)


def _fill_and_empty(disk: Path, server: Server, witness: Witness) -> None:
    with under_load(witness, server):
        for number in rounds(2):
            witness.wait_for_more()
            with filled(disk):
                witness.wait_for_refusals()
                if number % 2:
                    use_up_write_ahead_log(server)
                    witness.wait_for_refusals()
                else:
                    _verify_readable(server, witness)
            witness.wait_for_more()
    witness.check(every_request_answered=True)


def _verify_readable(server: Server, witness: Witness) -> None:
    """Fail unless whoever only reads is served as ever."""
    item = f"/v1/public/media/{next(iter(witness.acknowledged))}"
    with server.client("") as http:
        for path in (item, f"{item}/proof", "/log/checkpoint", "/metrics"):
            assert http.get(path).status_code == 200
