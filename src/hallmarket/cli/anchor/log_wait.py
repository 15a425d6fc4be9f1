"""Waiting until the log has entered the accepted items, also with an API key that may not read them."""

import time
from collections.abc import Callable

from hallmarket.client import ANCHORED, FAILED, Hallmarket, HallmarketError, LogTransaction, MediaItem

FIRST_PAUSE_S = 0.02
MAX_PAUSE_S = 0.5


class LogWait:
    """Reads the state of items; with a key that may anchor but not read, the public endpoint is used instead."""

    def __init__(self, server: Hallmarket) -> None:
        self._server = server
        self._may_read = True

    def failed_items(self) -> list[MediaItem]:
        """Return at most 100 of the organization's items that the log could not enter; usually there are none.

        Raises HallmarketError if the server rejects the key.
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

    def wait(self, media_id: str, sha3_512: str, timeout_s: float, keep_waiting: Callable[[], bool]) -> bool:
        """Wait for the log to enter or refuse an item; returns False after `timeout_s`, or if `keep_waiting` does."""
        deadline_s, pause_s = time.monotonic() + timeout_s, FIRST_PAUSE_S
        while not self._is_settled(media_id, sha3_512):
            if time.monotonic() > deadline_s or not keep_waiting():
                return False
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, MAX_PAUSE_S)
        return True

    def find_transaction(self, sha3_512: str) -> LogTransaction | None:
        """Return the position of a hash in the log, or None."""
        public = self._server.find_lookup(sha3_512)
        return public.transaction if public else None

    def _is_settled(self, media_id: str, sha3_512: str) -> bool:
        if self._may_read:
            return self._server.media_item(media_id).status >= ANCHORED
        return self.find_transaction(sha3_512) is not None
