"""People trade at random while every process is killed in turn: what was acknowledged is in the ledger, once.

Transfers cannot be undone, so all examples share one server and one record of its responses.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from _support.long_run import FACTOR, choose
from _support.organizations import new_organization
from _support.processes import find_backends, find_backgrounds, find_sequencers, find_workers, get_postmaster, kill
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from faults.market import FEE_BPS, Market
from faults.money_audit import MoneyAudit

OPERATIONS = choose(1_400, 3_000) * FACTOR
WAVE = 200
pytestmark = pytest.mark.timeout(400 * FACTOR)


def _kill_worker(server: Server) -> None:
    kill(wait_until(lambda: find_workers(server))[0])


def _kill_server(server: Server) -> None:
    server.kill()
    server.start()


def _kill_postgres(server: Server) -> None:
    kill(get_postmaster(server))


def _kill_connection(server: Server) -> None:
    kill(random.choice(wait_until(lambda: find_backends(server))))


def _kill_both(server: Server) -> None:
    kill(get_postmaster(server))
    _kill_server(server)


def _kill_sequencer(server: Server) -> None:
    kill(wait_until(lambda: find_sequencers(server))[0])


def _kill_background(server: Server) -> None:
    kill(wait_until(lambda: find_backgrounds(server))[0])


FAULTS: tuple[Callable[[Server], None], ...] = (
    *(_kill_worker, _kill_server, _kill_postgres, _kill_connection, _kill_both, _kill_sequencer, _kill_background),
)
seeds = st.integers(0, 2**32 - 1)
faults = st.sampled_from(FAULTS)
shares = st.floats(0.05, 0.95)


class Trading(RuleBasedStateMachine):
    """Waves of requests, with and without a fault; after each, everything is audited."""

    market: Market
    audit: MoneyAudit
    caused: set[Any]

    @rule(seed=seeds)
    def trade(self, seed: int) -> None:
        """Trade without a fault."""
        self.market.trade(seed, WAVE)
        self.audit.check()

    @rule(seed=seeds, fault=faults, after=shares)
    def trade_while(self, seed: int, fault: Callable[[Server], None], after: float) -> None:
        """Kill a process while requests are in progress."""
        self.caused.add(fault)
        self.market.trade(seed, WAVE, lambda: fault(self.market.server), after)
        self.audit.check()

    @rule(fault=faults)
    def kill_between(self, fault: Callable[[Server], None]) -> None:
        """Kill a process between waves, without waiting for its restart."""
        fault(self.market.server)

    @rule(seed=seeds)
    def reprice(self, seed: int) -> None:
        """Change prices."""
        self._wait_until_ready()
        self.market.reprice(seed)

    def _wait_until_ready(self) -> None:
        with self.market.server.client("") as http:
            wait_until(lambda: _is_ready(http))


def _is_ready(http: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return http.get("/readyz").status_code == 200
    return False


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    """A market on a server with two workers and a fee."""
    with new_embedded_server(workers=2, platform_fee_bps=FEE_BPS) as server, new_organization(server) as org:
        yield Market(server, org)


def test_killed_while_trading(market: Market) -> None:
    """After any kill, every acknowledged purchase is complete and exists once, and nothing else exists."""
    audit = MoneyAudit(market)
    Trading.market, Trading.audit, Trading.caused = market, audit, set()
    # A failure cannot be shrunk: the moment of a kill cannot be repeated.
    bounded = settings(
        max_examples=choose(1, 3) * FACTOR,
        stateful_step_count=choose(3, 10),
        phases=[Phase.generate],
        database=None,
    )
    run_state_machine_as_test(Trading, settings=bounded)
    for fault in FAULTS:
        if fault not in Trading.caused:
            market.trade(random.getrandbits(32), WAVE, lambda fault=fault: fault(market.server))
            audit.check()
    while market.operations < OPERATIONS:
        market.trade(random.getrandbits(32), WAVE)
    audit.check()
    audit.check_log()
    assert market.lost
    _check_statuses(market)
    _check_report(market)


def _check_report(market: Market) -> None:
    """Check that `hallmarket admin audit-money` finds no drift and the same totals."""
    report = market.server.admin("audit-money")
    assert report["drifts"] == []
    assert (report["transfers"], report["licences"]) == (market.transfers, len(market.licences))
    for currency, totals in report["totals"].items():
        fees, funded = market.balances["fee", currency], -market.balances["funding", currency]
        assert totals == {"fees": fees, "funded": funded, "people_hold": funded - fees, "paid_out": 0}


def _check_statuses(market: Market) -> None:
    """Check that every kind of request succeeded often, and that some purchases were rejected for lack of money."""
    for kind in ("purchase", "tip", "send", "refund", "credit"):
        assert market.statuses[kind, 200] > 50, market.statuses
    assert market.statuses["purchase", 402]
