"""Tokens of the exchange dialect: bought, renewed before they end and once refused, against a server on command."""

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
    """The answer to a purchase: a token that says when it ends."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + life_s, "name": name}).encode()).decode()
    text = f"e30.{claims.rstrip('=')}.{name}"
    return 200, {}, json.dumps({"access_token": text, "refresh_token": text, "error": None}).encode()


@contextmanager
def exchange_at(*answers, **options):
    """The bindings to a server that gives these answers in turn, and the bodies it got."""
    with scripted_server(*answers) as (url, bodies), Exchange(url, "hm_key", **options) as exchange:
        yield exchange, bodies


def bought(bodies):
    """How many tokens were asked for."""
    return sum(b'"pat"' in body for body in bodies)


def test_a_token_serves_many_requests():
    """One token is bought, with the key, and sent until it is about to end."""
    with exchange_at(token("a"), (200, {}, ME)) as (exchange, bodies):
        assert [exchange.me().username for _ in range(3)] == ["jane"] * 3
    assert json.loads(bodies[0]) == {"pat": "hm_key"}
    assert bought(bodies) == 1


def test_a_token_about_to_end_is_renewed_before():
    """A token past half its life, or within five minutes of its end, is not sent any more."""
    with exchange_at(token("a", -1), (200, {}, ME), token("b", -1), (200, {}, ME)) as (exchange, bodies):
        exchange.me()
        exchange.me()
    assert bought(bodies) == 2


def test_a_refused_token_is_renewed_once():
    """A 401 costs one new token and one repetition, and the answer is the second one's."""
    with exchange_at(token("a"), REFUSED, token("b"), (200, {}, ME)) as (exchange, bodies):
        assert exchange.me().username == "jane"
    assert (bought(bodies), len(bodies)) == (2, 4)


def test_a_token_refused_twice_is_an_error():
    """Where a new token is refused as well, that is told, without a third try."""
    with (
        exchange_at(token("a"), REFUSED, token("b"), REFUSED) as (exchange, bodies),
        pytest.raises(HallmarketError, match="UNAUTHENTICATED"),
    ):
        exchange.me()
    assert len(bodies) == 4


@pytest.mark.parametrize("error", ['"No such key."', '{"message":"No such key.","code":"unauthenticated"}', "null"])
def test_a_refused_key_is_unauthenticated(error):
    """A key that buys no token, which the dialect answers with 200, is an error like any other refusal."""
    answer = (200, {}, f'{{"error":{error}}}'.encode())
    with exchange_at(answer) as (exchange, bodies), pytest.raises(HallmarketError) as refused:
        exchange.me()
    assert (refused.value.code, refused.value.status, len(bodies)) == ("UNAUTHENTICATED", 401, 1)


def test_the_dialects_errors_carry_the_servers_words():
    """Code, message, details and status are read from the exchange's envelope, the code as the media dialect has it."""
    error = b'{"data":null,"error":{"message":"There is no such asset.","code":"not_found","status":404}}'
    with exchange_at(token("a"), (404, {}, error)) as (exchange, _), pytest.raises(HallmarketError) as raised:
        exchange.assets.get("1")
    assert (raised.value.code, raised.value.message) == ("NOT_FOUND", "There is no such asset.")


@pytest.mark.parametrize("answer", [(0, {}, b""), (504, {}, b"<html>")], ids=["cut off", "gateway"])
def test_what_may_have_been_done_is_not_done_again(answer):
    """A deletion whose answer is lost is not sent a second time."""
    with (
        exchange_at(token("a"), answer, retry_s=5) as (exchange, bodies),
        pytest.raises((HallmarketError, ServerUnreachable)),
    ):
        exchange.assets.delete("1")
    assert len(bodies) == 2


def test_what_was_not_done_is_sent_again():
    """A deletion the server says it did not do, for it is busy, is sent until it is done."""
    gone = (200, {}, b'{"data":{"id":"1","asset_type":"file","name":null,"deleted_children":[],"dry_run":false}}')
    with exchange_at(token("a"), (503, {}, b""), gone, retry_s=5) as (exchange, bodies):
        assert exchange.assets.delete("1").id == "1"
    assert len(bodies) == 3
