"""Tokens of the exchange API: obtained, renewed before they expire and after a rejection, against a scripted server."""

import base64
import json
import time
from contextlib import contextmanager

import pytest

from _support.scripted_server import scripted_server
from hallmarket.client import Exchange, HallmarketError, ServerUnreachable

ME = b'{"data":{"id":"1","username":"jane","email":null},"error":null}'
REFUSED = (401, {}, b'{"data":null,"error":{"message":"No.","code":"unauthenticated","status":401}}')


def token(name, life_s=3600):
    """Return the response with a new token, which contains its expiry."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + life_s, "name": name}).encode()).decode()
    text = f"e30.{claims.rstrip('=')}.{name}"
    return 200, {}, json.dumps({"access_token": text, "refresh_token": text, "error": None}).encode()


@contextmanager
def exchange_at(*responses, **options):
    """Open a client of a server with these responses; yields it and the bodies the server received."""
    with scripted_server(*responses) as (url, bodies), Exchange(url, "hm_key", **options) as exchange:
        yield exchange, bodies


def count_token_requests(bodies):
    """Return how many tokens were requested."""
    return sum(b'"pat"' in body for body in bodies)


def test_a_token_serves_many_requests():
    """One token is requested, with the key, and used until it is about to expire."""
    with exchange_at(token("a"), (200, {}, ME)) as (exchange, bodies):
        assert [exchange.me().username for _ in range(3)] == ["jane"] * 3
    assert json.loads(bodies[0]) == {"pat": "hm_key"}
    assert count_token_requests(bodies) == 1


def test_a_token_is_renewed_before_it_expires():
    """A token is not used after half its lifetime, or within five minutes of its expiry."""
    with exchange_at(token("a", -1), (200, {}, ME), token("b", -1), (200, {}, ME)) as (exchange, bodies):
        exchange.me()
        exchange.me()
    assert count_token_requests(bodies) == 2


def test_a_rejected_token_is_renewed_once():
    """After a 401 the request is repeated once with a new token."""
    with exchange_at(token("a"), REFUSED, token("b"), (200, {}, ME)) as (exchange, bodies):
        assert exchange.me().username == "jane"
    assert (count_token_requests(bodies), len(bodies)) == (2, 4)


def test_a_token_rejected_twice_is_an_error():
    """If the new token is rejected too, the error is raised without a third attempt."""
    with (
        exchange_at(token("a"), REFUSED, token("b"), REFUSED) as (exchange, bodies),
        pytest.raises(HallmarketError, match="UNAUTHENTICATED"),
    ):
        exchange.me()
    assert len(bodies) == 4


@pytest.mark.parametrize("error", ['"No such key."', '{"message":"No such key.","code":"unauthenticated"}', "null"])
def test_a_rejected_key_is_unauthenticated(error):
    """A rejected key, which the API reports with status 200, raises like any other error."""
    response = (200, {}, f'{{"error":{error}}}'.encode())
    with exchange_at(response) as (exchange, bodies), pytest.raises(HallmarketError) as refused:
        exchange.me()
    assert (refused.value.code, refused.value.status, len(bodies)) == ("UNAUTHENTICATED", 401, 1)


def test_errors_have_the_servers_fields():
    """Code, message, details and status are read from the envelope, the code in upper case as in the media API."""
    error = b'{"data":null,"error":{"message":"There is no such asset.","code":"not_found","status":404}}'
    with exchange_at(token("a"), (404, {}, error)) as (exchange, _), pytest.raises(HallmarketError) as raised:
        exchange.assets.get("1")
    assert (raised.value.code, raised.value.message) == ("NOT_FOUND", "There is no such asset.")


@pytest.mark.parametrize("response", [(0, {}, b""), (504, {}, b"<html>")], ids=["cut off", "gateway"])
def test_an_uncertain_deletion_is_not_repeated(response):
    """A deletion whose response is lost is not sent a second time."""
    with (
        exchange_at(token("a"), response, retry_s=5) as (exchange, bodies),
        pytest.raises((HallmarketError, ServerUnreachable)),
    ):
        exchange.assets.delete("1")
    assert len(bodies) == 2


def test_a_postponed_deletion_is_repeated():
    """A deletion that the server was too busy to do is sent until it is done."""
    gone = (200, {}, b'{"data":{"id":"1","asset_type":"file","name":null,"deleted_children":[],"dry_run":false}}')
    with exchange_at(token("a"), (503, {}, b""), gone, retry_s=5) as (exchange, bodies):
        assert exchange.assets.delete("1").id == "1"
    assert len(bodies) == 3
