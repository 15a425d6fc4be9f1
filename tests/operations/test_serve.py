"""`hallmarket serve`: the first start, later starts, clean stops and refusals."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from _support.anchoring import anchor, anchor_and_wait, get_item, random_hash, request_anchor, wait_for_status
from _support.processes import (
    find_backgrounds,
    find_children,
    find_fork_server,
    find_sequencers,
    find_workers,
    is_alive,
    kill,
    wait_until_gone,
)
from _support.raw_http import raw_head
from _support.server_log import assert_no_errors_logged, read_log
from _support.servers import HALLMARKET, Server, new_server
from _support.startup import get_start_error
from _support.waiting import wait_until

SOON_S = 20.0  # enough on a busy machine, and much less than LONG_S
LONG_S = 600


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server with two workers, which the tests of this file stop and restart."""
    with new_server(workers=2, new_interpreter=True) as server:
        yield server


@contextlib.contextmanager
def printed(server: Server, last: str) -> Iterator[list[str]]:
    """Start the server without --json; yield the lines it prints once one contains `last`, and stop it at the end."""
    command = [HALLMARKET, "serve", "--port", "0"]
    with server.log.open("ab") as log:
        process = subprocess.Popen(command, env=server.environment, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    try:
        wait_until(lambda: any(last in line for line in lines), timeout_s=120)
        yield lines
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        reader.join()
        process.stdout.close()


def test_first_start_shows_the_key_once_and_where_to_go_next() -> None:
    """The first start prints organization, user, a working key and what to do next; later starts print the address."""
    with new_server(start=False) as server:
        with printed(server, "hallmarket admin --help") as lines:
            text = "".join(lines)
            key = next(line.split()[-1] for line in lines if "API key" in line)
            organization = next(line.split()[-1] for line in lines if "organization" in line)
            url = next(line.split()[-1] for line in lines if "answers at" in line)
            with httpx.Client(base_url=url, headers={"x-api-key": key}, trust_env=False) as api:
                (user,) = api.get("/v1/users").json()["items"]
            assert user["organization"]["id"] == organization
            assert "shown only once" in text
            for next_step in (f"HALLMARKET_SERVER={url}", "hallmarket anchor", "hallmarket verify", "hallmarket admin"):
                assert next_step in text
        server.settings["public_url"] = "https://registry.example/"
        with printed(server, "answers at") as lines:
            pass
        assert lines == ["Hallmarket answers at https://registry.example\n"]
        assert key not in server.log.read_text()
        (member,) = server.admin("list-keys")
        assert (member["username"], member["name"], member["organization"]) == ("admin", "first start", organization)


def test_second_start_makes_nothing(own: Server) -> None:
    """A restart keeps organization, people, keys and media, and creates none."""
    with own.client() as api:
        item = anchor_and_wait(api)
    tables = ("organization", "person", "membership", "api_key")
    counts = "select " + ", ".join(f"(select count(*) from {table})" for table in tables)
    before, key = own.query(counts), own.api_key
    assert own.stop() == 0
    own.start()
    assert own.api_key == key
    assert own.query(counts) == before
    with own.client() as api:
        assert get_item(api, item["id"]) == item


def test_requests_in_flight_finish_at_a_stop(own: Server) -> None:
    """At SIGTERM a request whose body is incomplete is still answered; then the server ends with status 0."""
    digest = random_hash()
    body = b'{"hash": "%s", "size": 1}' % digest.encode()
    children = find_children(own)
    with stalled_anchor(own, len(body)) as connection:
        connection.sendall(body[:20])
        stops = count_stops(own)
        stopping = threading.Thread(target=own.stop)
        stopping.start()
        wait_until(lambda: count_stops(own) > stops)
        time.sleep(0.3)  # so that the worker has its signal, too
        assert own.running
        connection.sendall(body[20:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
    stopping.join(60)
    assert not stopping.is_alive()
    assert own.process is not None
    assert own.process.returncode == 0
    wait_until_gone(children, 60)
    assert_no_errors_logged(own)
    own.start()
    with own.client() as api:
        assert request_anchor(api, hash=digest).status_code == 409


@contextlib.contextmanager
def stalled_anchor(server: Server, length: int) -> Iterator[socket.socket]:
    """Yield a connection on which an anchor request waits for its body of this length."""
    address = urlsplit(server.url)
    sent = [(b"x-api-key", server.api_key.encode()), (b"content-type", b"application/json")]
    sent += [(b"content-length", b"%d" % length), (b"expect", b"100-continue")]
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(raw_head(b"POST", b"/v1/media/anchor", *sent))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield connection


def count_stops(server: Server) -> int:
    """Count the stops in a server's log."""
    return server.log.read_text().count('"event":"stopping"')


def test_request_that_never_ends_is_cut_off_in_time(own: Server) -> None:
    """A request that never ends gets a 503 after the shutdown timeout, and does not keep the server from stopping."""
    own.stop()
    own.settings["shutdown_timeout_s"] = 1
    own.start()
    with stalled_anchor(own, 100) as connection:
        connection.sendall(b"{")
        assert own.stop(SOON_S) == 0
        answer = http.client.HTTPResponse(connection)
        with answer:
            answer.begin()
            assert (answer.status, json.loads(answer.read())["code"]) == (503, "UNAVAILABLE")
    assert_no_errors_logged(own)
    own.settings["shutdown_timeout_s"] = LONG_S
    own.start()


def test_idle_server_stops_at_once_by_ctrl_c(own: Server) -> None:
    """A server with only idle connections stops immediately, by Ctrl-C and by SIGTERM, and logs it."""
    process = own.process
    assert process is not None
    stops = count_stops(own)
    with own.client() as api:
        anchor(api)
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON_S) == 0
    assert process.stdout is not None
    process.stdout.close()
    assert count_stops(own) == stops + 1
    assert_no_errors_logged(own)
    own.start()


def test_what_was_accepted_is_anchored_after_a_restart(own: Server) -> None:
    """A stop does not wait for the next checkpoint; the entries left in the queue are anchored after the next start."""
    own.stop()
    own.settings["checkpoint_interval_ms"] = 60_000
    own.start()
    with own.client() as api:
        anchor_and_wait(api)
        item_id = anchor(api)
    own.stop(SOON_S)
    own.settings["checkpoint_interval_ms"] = 250
    own.start()
    with own.client() as api:
        assert wait_for_status(api, item_id)["transaction"] is not None


def test_port_in_use_is_a_clear_refusal(server: Server) -> None:
    """A port in use and a foreign address are refused with a message that names them."""
    port = str(urlsplit(server.url).port)
    with new_server(start=False) as second:
        words = get_start_error(second, "--port", port)
        assert words.startswith(f"Cannot listen on 127.0.0.1 port {port}: ")
        assert "--port" in words
        words = get_start_error(second, "--host", "192.0.2.1")
        assert words.startswith("Cannot listen on 192.0.2.1 port 0: ")
        words = get_start_error(second, "--host", "no-such-host.invalid")
        assert words.startswith("Cannot listen on no-such-host.invalid")


def test_several_workers_answer_as_one(own: Server) -> None:
    """Two workers both answer requests, know the same keys and revocations, and share one log."""
    member = own.new_member()
    wait_until(lambda: (len(find_workers(own)), len(find_sequencers(own)), len(find_backgrounds(own))) == (2, 1, 1))
    with own.client(member.key) as api:
        api.headers["connection"] = "close"
        wait_until(lambda: len(answering(api)) == 2)
        own.admin("revoke-key", member.key_id)
        assert {api.get("/v1/media").status_code for _ in range(20)} == {401}
    with own.client() as api:
        api.headers["connection"] = "close"
        for item_id in [anchor(api) for _ in range(10)]:
            wait_for_status(api, item_id)


def answering(api: httpx.Client) -> set[str]:
    """Return the workers that answer, identified by the first part of the requests' ids."""
    answers = [api.get("/v1/media") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.headers["x-request-id"].split("-")[0] for answer in answers}


def test_killed_worker_is_replaced(own: Server) -> None:
    """A worker killed with SIGKILL is replaced, and the other one answers meanwhile."""
    with own.client() as api:
        api.headers["connection"] = "close"
        before = wait_until(lambda: len(found := answering(api)) == 2 and found)
        kill(find_workers(own)[0])
        after = wait_until(lambda: len(found := answering(api)) == 2 and found)
    assert len(before | after) == 3
    assert any(line["event"] == "a process died and is restarted" for line in read_log(own))


def test_killed_fork_server_takes_no_process_with_it(own: Server) -> None:
    """When the fork server is killed its children keep serving; a worker killed later is replaced by a new one."""
    children, forked_by = find_children(own), find_fork_server(own)
    workers, sequencers = find_workers(own), find_sequencers(own)
    assert forked_by is not None
    kill(forked_by)
    wait_until_gone([forked_by], 60)
    with own.client() as api:
        wait_for_status(api, anchor(api))
        assert all(map(is_alive, children))
        assert find_children(own) == []
        kill(workers[0])
        (replacement,) = wait_until(lambda: find_workers(own))
        wait_for_status(api, anchor(api))
        kill(sequencers[0])
        wait_for_status(api, anchor(api))
    assert own.stop() == 0
    wait_until_gone([*children, replacement], 5)
    own.start()


def test_server_is_not_on_the_network_unless_told(server: Server) -> None:
    """Without --host the server listens only on loopback, and PostgreSQL on no port."""
    assert server.process is not None
    processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    found = [one for process in processes if is_alive(process) for one in process.net_connections("inet")]
    assert {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert os.getpid() not in {process.pid for process in processes}
