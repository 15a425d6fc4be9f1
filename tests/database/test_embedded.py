"""The embedded PostgreSQL: private, durable, found again, waited for, kept alive; each trap of its wheel is closed."""

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

from anchors import ANCHOR, BATCH, anchor, anchored, lines_of, post
from faults.embedded import new_embedded_server
from faults.processes import get_postmaster, is_alive, kill, wait_until_gone
from hallmarket.server.database.embedded import EmbeddedPostgres
from outages import database_away, suspended
from support import Server, random_hash, wait_until
from wire import assert_exchange_error, assert_media_error

SOCKET = ".s.PGSQL.5432"
SOON_S = 15.0
GIVES_UP_AFTER_S = 10  # which is when the wheel's own starter does


@pytest.fixture(scope="module")
def embedded() -> Iterator[Server]:
    """A server on an embedded PostgreSQL, which every test of this file leaves running."""
    with new_embedded_server() as server:
        yield server


@pytest.fixture(scope="module")
def postgres(embedded: Server) -> EmbeddedPostgres:
    """Its cluster."""
    return EmbeddedPostgres(embedded.data)


def mode_of(path: Path) -> int:
    """A path's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def show(server: Server, setting: str) -> str:
    """A setting of the server's PostgreSQL, as a connection has it."""
    return str(server.query(f"show {setting}")[0][0])


def test_no_other_account_comes_in(embedded: Server, postgres: EmbeddedPostgres) -> None:
    """The socket is 0700 in a folder of 0700, both the account's that PostgreSQL runs under; there is no other way."""
    process = get_postmaster(embedded)
    for path in (postgres.socket_folder, postgres.socket_folder / SOCKET):
        assert mode_of(path) == 0o700
        assert path.stat().st_uid == process.uids().effective
    for path in (embedded.data, postgres.home, postgres.cluster):
        assert mode_of(path) == 0o700
    assert stat.S_ISSOCK((postgres.socket_folder / SOCKET).stat().st_mode)
    assert (show(embedded, "listen_addresses"), process.net_connections("inet")) == ("", [])
    assert show(embedded, "unix_socket_permissions") == "0700"


def test_other_accounts_cannot_connect(postgres: EmbeddedPostgres) -> None:
    """A process of any other account, where another can be played, is refused by the socket's folder."""
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
    """PostgreSQL never runs as root, not even for a server that does."""
    postmaster = get_postmaster(embedded)
    for process in (postmaster, *postmaster.children()):
        assert process.uids().effective != 0


def test_no_parents_mode_is_widened(tmp_path: Path) -> None:
    """A data folder under private parents works, and every one of them keeps its mode and owner."""
    data = tmp_path / "private" / "more private" / "data"
    data.parent.mkdir(parents=True)
    parents = [data.parent, *data.parent.parents]
    for folder in parents[:3]:
        folder.chmod(0o700)
    before = [(mode_of(folder), folder.stat().st_uid, folder.stat().st_gid) for folder in parents]
    with new_embedded_server(data) as server, server.client() as api:
        anchored(api)
        server.stop()
        assert [(mode_of(folder), folder.stat().st_uid, folder.stat().st_gid) for folder in parents] == before
        assert mode_of(data) == 0o700


def test_long_path_gets_a_short_private_socket(tmp_path: Path) -> None:
    """A data folder whose path is too long for a socket works all the same, by a private folder elsewhere."""
    data = tmp_path / ("long" * 30) / "data"
    with new_embedded_server(data) as server:
        folder = EmbeddedPostgres(data).socket_folder
        assert folder != EmbeddedPostgres(data).cluster
        assert (mode_of(folder), mode_of(folder / SOCKET)) == (0o700, 0o700)
        server.stop()
        server.start()
        assert EmbeddedPostgres(data).socket_folder == folder
        with server.client() as api:
            anchored(api)
        server.stop()
        folder.rmdir()


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"])
def test_durability_stays_on(embedded: Server, setting: str) -> None:
    """What makes a commit durable is on."""
    assert show(embedded, setting) == "on"


def test_workers_turn_no_durability_off(embedded: Server) -> None:
    """No connection, database or role has it otherwise."""
    rows = embedded.query("select unnest(setconfig) from pg_db_role_setting")
    rows += embedded.query("select name || '=' || setting from pg_settings where source = 'configuration file'")
    assert not [row[0] for row in rows if "sync" in row[0] or "full_page" in row[0]]


def test_ctrl_c_does_not_reach_postgres(embedded: Server) -> None:
    """PostgreSQL stands in a session of its own: a Ctrl-C stops the server first, and the server stops PostgreSQL."""
    assert embedded.process is not None
    assert os.getsid(get_postmaster(embedded).pid) != os.getsid(embedded.process.pid)


def test_postgres_is_found_again_after_kill_9(embedded: Server) -> None:
    """A PostgreSQL that outlived its killed server is taken over by the next, and stopped at that one's clean stop."""
    with embedded.client() as api:
        digest = random_hash()
        anchor(api, hash=digest)
    postmaster = get_postmaster(embedded)
    embedded.kill()
    assert is_alive(postmaster)
    embedded.start()
    assert get_postmaster(embedded) == postmaster
    with embedded.client() as api:
        assert post(api, hash=digest).status_code == 409
    assert embedded.stop() == 0
    wait_until_gone([postmaster], 60)
    assert not (EmbeddedPostgres(embedded.data).cluster / "postmaster.pid").exists()
    embedded.start()


def test_slow_start_is_waited_for(embedded: Server, postgres: EmbeddedPostgres) -> None:
    """A recovery longer than the ten seconds in which others give up is waited for; one PostgreSQL, not two."""
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
        starting.join(GIVES_UP_AFTER_S + 1)
        assert starting.is_alive()
    starting.join(30)
    assert not starting.is_alive()
    assert get_postmaster(embedded) == slow
    with embedded.client() as api:
        assert post(api, hash=digest).status_code == 409


def find_new_postmaster(postgres: EmbeddedPostgres, old: psutil.Process) -> psutil.Process | None:
    """The process named by the cluster's postmaster.pid, once that is another than the old one."""
    try:
        pid = int((postgres.cluster / "postmaster.pid").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None
    return psutil.Process(pid) if pid != old.pid else None


def test_killed_postgres_is_told_in_form_and_comes_back(embedded: Server) -> None:
    """While PostgreSQL is dead every path answers 503 in its dialect's form; it comes back without help, as do they."""
    with embedded.client() as api:
        digest = anchored(api)["hash"]
        postmaster = get_postmaster(embedded)
        with database_away(embedded):
            assert_away(api)
        wait_until(lambda: api.get("/v1/media").status_code == 200, timeout_s=60)
        wait_until(lambda: post(api).status_code == 201)
        assert post(api, hash=digest).status_code == 409
        anchored(api)
    assert get_postmaster(embedded) != postmaster


def assert_away(api: httpx.Client) -> None:
    """Assert that every path that needs the database says in form that it is away, and soon."""
    item = {"hash": random_hash(), "size": 1}
    batch = {"content": lines_of(item), "headers": {"content-type": "application/x-ndjson"}}
    for method, path, options in (
        ("GET", "/v1/users", {}),
        ("GET", "/v1/media", {}),
        ("GET", "/v1/media/0190a3c2-0000-7000-8000-000000000000", {}),
        ("GET", f"/v1/public/media/{random_hash()}", {}),
        ("GET", f"/v1/public/media/{random_hash()}/proof", {}),
        ("POST", ANCHOR, {"json": item}),
        ("POST", BATCH, batch),
    ):
        response = api.request(method, path, timeout=SOON_S, **options)
        assert_media_error(response, 503, "UNAVAILABLE")
        assert response.headers["retry-after"] == "1"
    for path in ("/log/checkpoint", "/log/tile/0/000.p/1"):
        response = api.get(path, timeout=SOON_S)
        assert_exchange_error(response, 503, "unavailable")
        assert response.headers["retry-after"] == "1"
    for path in ("/healthz", "/log/key"):
        assert api.get(path, timeout=SOON_S).status_code == 200


def test_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    """What a kill in the middle of making the cluster left behind is cleared away."""
    data = tmp_path / "data"
    left = data / "postgres" / "cluster.new-left"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("18\n")
    with new_embedded_server(data) as server, server.client() as api:
        anchored(api)
        assert not list((data / "postgres").glob("cluster.new*"))


def test_all_clients_come_by_the_socket(embedded: Server) -> None:
    """Workers, sequencer and administrators come by the socket."""
    rows = embedded.query("select client_addr from pg_stat_activity where backend_type = 'client backend'")
    assert {row[0] for row in rows} == {None}
