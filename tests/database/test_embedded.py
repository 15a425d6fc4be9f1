"""The embedded PostgreSQL: private, durable, taken over after a crash, waited for at start, and restarted."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from _support.anchoring import ANCHOR, BATCH, anchor, anchor_and_wait, random_hash, request_anchor, to_ndjson
from _support.outages import database_down, suspended
from _support.processes import get_postmaster, is_alive, kill, wait_until_gone
from _support.responses import assert_exchange_error, assert_media_error
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from hallmarket.server.database.embedded import EmbeddedPostgres

SOCKET = ".s.PGSQL.5432"
RESPONSE_TIMEOUT_S = 15.0
WHEEL_START_TIMEOUT_S = 10  # when the wheel's own starter gives up


@pytest.fixture(scope="module")
def embedded() -> Iterator[Server]:
    """A server on an embedded PostgreSQL. Every test of this file leaves it running."""
    with new_embedded_server() as server:
        yield server


@pytest.fixture(scope="module")
def postgres(embedded: Server) -> EmbeddedPostgres:
    """The cluster of that server."""
    return EmbeddedPostgres(embedded.data)


def mode_of(path: Path) -> int:
    """Return a path's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def show(server: Server, setting: str) -> str:
    """Return a setting of the server's PostgreSQL as a connection sees it."""
    return str(server.query(f"show {setting}")[0][0])


def test_socket_is_private(embedded: Server, postgres: EmbeddedPostgres) -> None:
    """The socket and its folder are 0700 and owned by PostgreSQL's account, and PostgreSQL does not listen on TCP."""
    process = get_postmaster(embedded)
    for path in (postgres.socket_folder, postgres.socket_folder / SOCKET):
        assert mode_of(path) == 0o700
        assert path.stat().st_uid == process.uids().effective
    for path in (embedded.data, postgres.folder, postgres.cluster):
        assert mode_of(path) == 0o700
    assert stat.S_ISSOCK((postgres.socket_folder / SOCKET).stat().st_mode)
    assert (show(embedded, "listen_addresses"), process.net_connections("inet")) == ("", [])
    assert show(embedded, "unix_socket_permissions") == "0700"


def test_other_accounts_cannot_connect(postgres: EmbeddedPostgres) -> None:
    """A process of another account cannot reach the socket. Checked only if the test can change accounts."""
    script = (
        "import os, socket, sys; os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]));"
        " socket.socket(socket.AF_UNIX).connect(sys.argv[2])"
    )
    for account in ("65534", "1") if os.geteuid() == 0 else ():
        command = [sys.executable, "-W", "ignore", "-c", script, account, str(postgres.socket_folder / SOCKET)]
        result = subprocess.run(command, cwd="/", capture_output=True, text=True)
        assert result.returncode != 0
        assert "PermissionError" in result.stderr


def test_postgres_is_not_root(embedded: Server) -> None:
    """PostgreSQL does not run as root, even if the server does."""
    postmaster = get_postmaster(embedded)
    for process in (postmaster, *postmaster.children()):
        assert process.uids().effective != 0


def test_modes_of_parent_folders_are_unchanged(tmp_path: Path) -> None:
    """A data folder under private parent folders works, and the parents keep their mode and owner."""
    data = tmp_path / "private" / "more private" / "data"
    data.parent.mkdir(parents=True)
    parents = [data.parent, *data.parent.parents]
    for folder in parents[:3]:
        folder.chmod(0o700)
    before = [(mode_of(folder), folder.stat().st_uid, folder.stat().st_gid) for folder in parents]
    with new_embedded_server(data) as server, server.client() as api:
        anchor_and_wait(api)
        server.stop()
        assert [(mode_of(folder), folder.stat().st_uid, folder.stat().st_gid) for folder in parents] == before
        assert mode_of(data) == 0o700


def test_long_path_gets_a_short_private_socket(tmp_path: Path) -> None:
    """If the data folder's path is too long for a socket, the socket is in a private folder elsewhere."""
    data = tmp_path / ("long" * 30) / "data"
    with new_embedded_server(data) as server:
        folder = EmbeddedPostgres(data).socket_folder
        assert folder != EmbeddedPostgres(data).cluster
        assert (mode_of(folder), mode_of(folder / SOCKET)) == (0o700, 0o700)
        server.stop()
        server.start()
        assert EmbeddedPostgres(data).socket_folder == folder
        with server.client() as api:
            anchor_and_wait(api)
        server.stop()
        folder.rmdir()


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"])
def test_durability_stays_on(embedded: Server, setting: str) -> None:
    """The settings that make a commit durable are on."""
    assert show(embedded, setting) == "on"


def test_no_override_turns_durability_off(embedded: Server) -> None:
    """No connection, database or role overrides the durability settings."""
    rows = embedded.query("select unnest(setconfig) from pg_db_role_setting")
    rows += embedded.query("select name || '=' || setting from pg_settings where source = 'configuration file'")
    assert not [row[0] for row in rows if "sync" in row[0] or "full_page" in row[0]]


def test_ctrl_c_does_not_reach_postgres(embedded: Server) -> None:
    """PostgreSQL runs in its own session, so a Ctrl-C stops the server first, and the server stops PostgreSQL."""
    assert embedded.process is not None
    assert os.getsid(get_postmaster(embedded).pid) != os.getsid(embedded.process.pid)


def test_postgres_is_taken_over_after_kill_9(embedded: Server) -> None:
    """The next server takes over a PostgreSQL that outlived its killed server, and stops it at its own stop."""
    with embedded.client() as api:
        digest = random_hash()
        anchor(api, hash=digest)
    postmaster = get_postmaster(embedded)
    embedded.kill()
    assert is_alive(postmaster)
    embedded.start()
    assert get_postmaster(embedded) == postmaster
    with embedded.client() as api:
        assert request_anchor(api, hash=digest).status_code == 409
    assert embedded.stop() == 0
    wait_until_gone([postmaster], 60)
    assert not (EmbeddedPostgres(embedded.data).cluster / "postmaster.pid").exists()
    embedded.start()


def test_slow_start_is_waited_for(embedded: Server, postgres: EmbeddedPostgres) -> None:
    """A start that takes longer than the wheel's ten seconds is waited for, and no second PostgreSQL is started."""
    with embedded.client() as api:
        digest = random_hash()
        anchor(api, hash=digest)
    killed = get_postmaster(embedded)
    embedded.kill()
    kill(killed)
    starting = threading.Thread(target=embedded.start)
    starting.start()
    slow = wait_until(lambda: find_new_postmaster(postgres, killed))
    with suspended(slow):
        starting.join(WHEEL_START_TIMEOUT_S + 1)
        assert starting.is_alive()
    starting.join(30)
    assert not starting.is_alive()
    assert get_postmaster(embedded) == slow
    with embedded.client() as api:
        assert request_anchor(api, hash=digest).status_code == 409


def find_new_postmaster(postgres: EmbeddedPostgres, old: psutil.Process) -> psutil.Process | None:
    """Return the process in the cluster's postmaster.pid; None while that is still the old one."""
    try:
        pid = int((postgres.cluster / "postmaster.pid").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None
    return psutil.Process(pid) if pid != old.pid else None


def test_killed_postgres_gives_503_and_is_restarted(embedded: Server) -> None:
    """While PostgreSQL is down every path returns 503 in its dialect's format; both recover without intervention."""
    with embedded.client() as api:
        digest = anchor_and_wait(api)["hash"]
        postmaster = get_postmaster(embedded)
        with database_down(embedded):
            assert_away(api)
        wait_until(lambda: api.get("/v1/media").status_code == 200, timeout_s=60)
        wait_until(lambda: request_anchor(api).status_code == 201)
        assert request_anchor(api, hash=digest).status_code == 409
        anchor_and_wait(api)
    assert get_postmaster(embedded) != postmaster


def assert_away(api: httpx.Client) -> None:
    """Assert that every path that needs the database soon returns a well-formed 503, and the others work."""
    item = {"hash": random_hash(), "size": 1}
    batch = {"content": to_ndjson(item), "headers": {"content-type": "application/x-ndjson"}}
    for method, path, options in (
        ("GET", "/v1/users", {}),
        ("GET", "/v1/media", {}),
        ("GET", "/v1/media/0190a3c2-0000-7000-8000-000000000000", {}),
        ("GET", f"/v1/public/media/{random_hash()}", {}),
        ("GET", f"/v1/public/media/{random_hash()}/proof", {}),
        ("POST", ANCHOR, {"json": item}),
        ("POST", BATCH, batch),
    ):
        response = api.request(method, path, timeout=RESPONSE_TIMEOUT_S, **options)
        assert_media_error(response, 503, "UNAVAILABLE")
        assert response.headers["retry-after"] == "1"
    for path in ("/log/checkpoint", "/log/tile/0/000.p/1"):
        response = api.get(path, timeout=RESPONSE_TIMEOUT_S)
        assert_exchange_error(response, 503, "unavailable")
        assert response.headers["retry-after"] == "1"
    for path in ("/healthz", "/log/key"):
        assert api.get(path, timeout=RESPONSE_TIMEOUT_S).status_code == 200


def test_partial_cluster_is_replaced(tmp_path: Path) -> None:
    """A partial cluster, left by a kill during its creation, is deleted and a new one created."""
    data = tmp_path / "data"
    left = data / "postgres" / "cluster.new-left"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("18\n")
    with new_embedded_server(data) as server, server.client() as api:
        anchor_and_wait(api)
        assert not list((data / "postgres").glob("cluster.new*"))


def test_all_clients_use_the_socket(embedded: Server) -> None:
    """Every client of PostgreSQL is connected through the socket."""
    rows = embedded.query("select client_addr from pg_stat_activity where backend_type = 'client backend'")
    assert {row[0] for row in rows} == {None}
