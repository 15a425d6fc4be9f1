"""Rate-limit counters in this process's memory: one counter per key, in windows that begin with a key's first request.

The in-memory storage of the library `limits` starts a thread that walks every key a hundred times a second. This one
drops windows as they end, in the order in which they began, so its cost does not grow with the number of clients.
"""

from time import time

from limits.storage import Storage

Count = tuple[int, float]  # the count, and when its window ends, Unix seconds


class MemoryCounters(Storage):
    """Counters of fixed windows in this process. All windows have the same length, so the oldest key ends first."""

    STORAGE_SCHEME = ["window"]  # noqa: RUF012 (the library declares it so)

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: float | str | bool) -> None:
        super().__init__(uri, wrap_exceptions)
        self._windows: dict[str, list[float]] = {}  # key -> [count, end in Unix seconds], ordered by end

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions of the storage, which the library asks for. This one raises none."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to a key's count and return it. A new window lasts `expiry` seconds."""
        return self.count(key, expiry, amount)[0]

    def count(self, key: str, expiry: int, amount: int = 1) -> Count:
        """Do what `incr` does, and also return when the window ends."""
        now = time()
        window = self._windows.get(key)
        if window is None or window[1] <= now:
            self._drop_ended(now)
            self._windows[key] = window = [0, now + expiry]
        window[0] += amount
        return int(window[0]), window[1]

    def read(self, key: str) -> Count:
        """Return a key's count and when its window ends."""
        return self.get(key), self.get_expiry(key)

    def get(self, key: str) -> int:
        """Return a key's count; 0 if it has no window."""
        window = self._windows.get(key)
        return int(window[0]) if window is not None and window[1] > time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when a key's window ends, Unix seconds; now if it has none."""
        window = self._windows.get(key)
        return window[1] if window is not None else time()

    def check(self) -> bool:
        """Return whether the storage works: always true."""
        return True

    def reset(self) -> int:
        """Drop every counter. Returns how many there were."""
        dropped = len(self._windows)
        self._windows.clear()
        return dropped

    def clear(self, key: str) -> None:
        """Drop one key's counter."""
        self._windows.pop(key, None)

    def _drop_ended(self, now: float) -> None:
        while self._windows and self._windows[oldest := next(iter(self._windows))][1] <= now:
            del self._windows[oldest]
