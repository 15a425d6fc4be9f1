"""Amounts of money as people write and read them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.cli._shared.amounts import MAX_AMOUNT_MINOR, parse_amount, to_dollars
from hallmarket.cli._shared.output import format_money

AMOUNTS = st.tuples(st.sampled_from(["usd", "btc"]), st.integers(1, MAX_AMOUNT_MINOR))


@given(AMOUNTS)
def test_what_is_shown_is_what_is_read(amount):
    """Every amount is read from the words it is shown in, to the cent and to the satoshi."""
    currency, amount_minor = amount
    words = format_money(amount_minor, currency)
    assert parse_amount(words, currency) == amount_minor
    assert parse_amount(words.replace(",", ""), currency) == amount_minor


@given(st.integers(0, MAX_AMOUNT_MINOR))
def test_a_price_on_the_wire_is_exact(cents):
    """A price leaves as a number whose digits are the dollars and cents, none more and none less."""
    whole, _, fraction = f"{json.loads(json.dumps(to_dollars(cents))):.2f}".partition(".")
    assert int(whole) * 100 + int(fraction) == cents
    assert len(json.dumps(to_dollars(cents)).partition(".")[2]) <= 2


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [("12.5", "usd", 1250), ("12", "usd", 1200), (" $0.01 ", "usd", 1), ("1200sats", "btc", 1200), ("1 sat", "btc", 1)],
)
def test_other_ways_to_write_an_amount(text, currency, amount_minor):
    """One place behind the point, none at all, and a unit in front or behind are understood."""
    assert parse_amount(text, currency) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *((text, "usd") for text in ("", "x", "12.505", "1e3", "-1", ".5", "1,20", "12.", "1 200", "NaN", "٣", "0")),
        *((text, "btc") for text in ("", "1.5", "1,00", "-1", "0", "1 btc", "$1", "9" * 40)),
    ],
)
def test_what_is_no_amount(text, currency):
    """Nothing is rounded, guessed or read as zero: what is no whole number of cents or satoshis is refused."""
    with pytest.raises(ValueError, match="is not"):
        parse_amount(text, currency)


@given(AMOUNTS)
def test_what_is_below_zero(amount):
    """An amount below zero, as it is shown, is told to be that."""
    currency, amount_minor = amount
    with pytest.raises(ValueError, match="must be positive"):
        parse_amount(format_money(-amount_minor, currency), currency)
