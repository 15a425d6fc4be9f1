"""A full disk: requests get a 503, nothing is lost, and the server recovers by itself once there is room.

The disk is a tmpfs, which only root can mount, and not in every container. `test_killed_postgres.py` keeps PostgreSQL
from writing, which works everywhere.
"""

from pathlib import Path

import pytest

from _support.long_run import fault_timeout, rounds
from _support.servers import Server
from faults.audit import audit
from faults.disk import MAY_MOUNT, filled, mounted, use_up_write_ahead_log
from faults.embedded import new_embedded_server
from faults.load import Witness, under_load

pytestmark = fault_timeout

if MAY_MOUNT:

    def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a full disk anchors get a 503 and reads work, even if PostgreSQL dies; with room all works again."""
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
        for number in rounds(2, short=2):
            witness.wait_for_more()
            with filled(disk):
                witness.wait_for_unavailable()
                if number % 2:
                    use_up_write_ahead_log(server)
                    witness.wait_for_unavailable()
                else:
                    _verify_readable(server, witness)
            witness.wait_for_more()
    witness.check(every_request_answered=True)


def _verify_readable(server: Server, witness: Witness) -> None:
    """Fail unless read requests are served as before."""
    item = f"/v1/public/media/{next(iter(witness.acknowledged))}"
    with server.client("") as http:
        for path in (item, f"{item}/proof", "/log/checkpoint", "/metrics"):
            assert http.get(path).status_code == 200
