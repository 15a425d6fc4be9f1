"""A memory for the library `limits`: one count a key, in windows that begin with a key's first request.

The library's own starts a thread and walks every key it knows a hundred times a second; this one forgets windows as
they end, in the order they began, and costs the same however many addresses ask.
"""

from time import time

from limits.storage import Storage

Count = tuple[int, float]  # what is counted, and when its window ends, Unix seconds


class WindowStorage(Storage):
    """Counts of fixed windows, in this process. All windows are equally long, so the oldest key ends first."""

    STORAGE_SCHEME = ["window"]  # noqa: RUF012 (the library declares it so)

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: float | str | bool) -> None:
        super().__init__(uri, wrap_exceptions)
        self._windows: dict[str, list[float]] = {}  # key -> [count, when it ends, Unix seconds], in order of ending

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing here fails."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more under a key; its window, if it has none, lasts `expiry` seconds from now."""
        return self.count(key, expiry, amount)[0]

    def count(self, key: str, expiry: int, amount: int = 1) -> Count:
        """As `incr`, and with the time at which the window ends: one call on the busiest path."""
        now = time()
        window = self._windows.get(key)
        if window is None or window[1] <= now:
            self._forget_ended(now)
            self._windows[key] = window = [0, now + expiry]
        window[0] += amount
        return int(window[0]), window[1]

    def look(self, key: str) -> Count:
        """As `get` and `get_expiry`."""
        return self.get(key), self.get_expiry(key)

    def get(self, key: str) -> int:
        """The count under a key; 0 without a window."""
        window = self._windows.get(key)
        return int(window[0]) if window is not None and window[1] > time() else 0

    def get_expiry(self, key: str) -> float:
        """When a key's window ends, Unix seconds; now, without one."""
        window = self._windows.get(key)
        return window[1] if window is not None else time()

    def check(self) -> bool:
        """Whether the storage works: it does."""
        return True

    def reset(self) -> int:
        """Forget everything; returns how many keys that were."""
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one key."""
        self._windows.pop(key, None)

    def _forget_ended(self, now: float) -> None:
        while self._windows and self._windows[oldest := next(iter(self._windows))][1] <= now:
            del self._windows[oldest]
