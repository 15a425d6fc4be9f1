"""Amounts of money as people write and read them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.cli._shared.amounts import MAX_AMOUNT_MINOR, parse_amount, to_dollars
from hallmarket.cli._shared.output import format_money

AMOUNTS = st.tuples(st.sampled_from(["usd", "btc"]), st.integers(1, MAX_AMOUNT_MINOR))


@given(AMOUNTS)
def test_a_formatted_amount_is_parsed_back(amount):
    """Every amount is parsed from its own formatted text, to the cent and to the satoshi."""
    currency, amount_minor = amount
    text = format_money(amount_minor, currency)
    assert parse_amount(text, currency) == amount_minor
    assert parse_amount(text.replace(",", ""), currency) == amount_minor


@given(st.integers(0, MAX_AMOUNT_MINOR))
def test_a_price_in_the_api_is_exact(cents):
    """A price is sent as a number with exactly its dollars and cents."""
    whole, _, fraction = f"{json.loads(json.dumps(to_dollars(cents))):.2f}".partition(".")
    assert int(whole) * 100 + int(fraction) == cents
    assert len(json.dumps(to_dollars(cents)).partition(".")[2]) <= 2


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [("12.5", "usd", 1250), ("12", "usd", 1200), (" $0.01 ", "usd", 1), ("1200sats", "btc", 1200), ("1 sat", "btc", 1)],
)
def test_other_ways_to_write_an_amount(text, currency, amount_minor):
    """One decimal, no decimals, and a unit before or after the number are accepted."""
    assert parse_amount(text, currency) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *((text, "usd") for text in ("", "x", "12.505", "1e3", "-1", ".5", "1,20", "12.", "1 200", "NaN", "٣", "0")),
        *((text, "btc") for text in ("", "1.5", "1,00", "-1", "0", "1 btc", "$1", "9" * 40)),
    ],
)
def test_invalid_amounts(text, currency):
    """Nothing is rounded or guessed: a text that is not a whole number of cents or satoshis is refused."""
    with pytest.raises(ValueError, match="is not"):
        parse_amount(text, currency)


@given(AMOUNTS)
def test_negative_amounts(amount):
    """The error for a negative amount says that amounts must be positive."""
    currency, amount_minor = amount
    with pytest.raises(ValueError, match="must be positive"):
        parse_amount(format_money(-amount_minor, currency), currency)
