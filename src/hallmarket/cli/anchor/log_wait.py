"""Seeing accepted items into the log, with whatever the API key is allowed to ask."""

import time
from collections.abc import Callable

from hallmarket.client.api import Hallmarket
from hallmarket.client.errors import HallmarketError
from hallmarket.client.types import ANCHORED, FAILED, MediaItem, Transaction

FIRST_PAUSE_S = 0.02
MAX_PAUSE_S = 0.5


class Arrival:
    """Asks after items; a key that may anchor but not read is content with what is public."""

    def __init__(self, server: Hallmarket) -> None:
        self._server = server
        self._may_read = True

    def failed_items(self) -> list[MediaItem]:
        """Return the organization's items that the log could not take: as a rule none, at most a page of them.

        Raises HallmarketError for a key that may do nothing at all.
        """
        if not self._may_read:
            return []
        try:
            return self._server.media(limit=100, status=FAILED).items
        except HallmarketError as error:
            if error.code != "FORBIDDEN":
                raise
            self._may_read = False
            return []

    def wait(self, media_id: str, sha3_512: str, timeout_s: float, goes_on: Callable[[], bool]) -> bool:
        """Wait until the log has taken or refused an item; False where it has not in time, or `goes_on` says no."""
        until_s, pause_s = time.monotonic() + timeout_s, FIRST_PAUSE_S
        while not self._is_settled(media_id, sha3_512):
            if time.monotonic() > until_s or not goes_on():
                return False
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, MAX_PAUSE_S)
        return True

    def find_transaction(self, sha3_512: str) -> Transaction | None:
        """Return where a hash stands in the log, or None."""
        public = self._server.find_lookup(sha3_512)
        return public.transaction if public else None

    def _is_settled(self, media_id: str, sha3_512: str) -> bool:
        if self._may_read:
            return self._server.media_item(media_id).status >= ANCHORED
        return self.find_transaction(sha3_512) is not None
