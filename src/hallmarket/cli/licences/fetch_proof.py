"""Fetching the proof of a licence: checked against the log as it is now, as every proof is before it is saved."""

import time
from typing import TYPE_CHECKING

from hallmarket.cli._shared.connect import be_patient, connect
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.client.consistency import LogView
from hallmarket.client.trust import KnownLogs
from hallmarket.proof.entry import LICENCE, LicenceEntry

if TYPE_CHECKING:
    from hallmarket.client.exchange import Exchange
    from hallmarket.proof.bundle import Bundle, Verified

WAIT_S = 20.0
PAUSE_S = 0.1


def fetch_proof(exchange: "Exchange", licence_id: str, log_key: str | None) -> "tuple[Bundle, Verified]":
    """Return a licence's proof bundle and what it proves.

    One that was bought a moment ago is waited for. Raises CommandError, ProofError, LogRefused.
    """
    bundle = _wait_for_proof(exchange, licence_id)
    with connect(exchange.url) as server:
        view = LogView(server, KnownLogs(), log_key)
        be_patient(server)
        verified = view.verify(bundle, None, None, LICENCE)
        view.remember()
    if not isinstance(verified.entry, LicenceEntry) or verified.entry.id != licence_id:
        raise CommandError("the server sent the proof of another licence", code="NOT_PROVED")
    return bundle, verified


def _wait_for_proof(exchange: "Exchange", licence_id: str) -> "Bundle":
    until_s = time.monotonic() + WAIT_S
    while (bundle := exchange.licences.find_proof(licence_id)) is None:
        exchange.licences.get(licence_id)  # one that is not there, or somebody else's, never comes
        if time.monotonic() > until_s:
            raise CommandError("the licence is not in the log yet: `hallmarket status` shows the queue")
        time.sleep(PAUSE_S)
    return bundle
