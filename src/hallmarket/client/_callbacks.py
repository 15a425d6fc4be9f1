"""Types of the functions that the client calls while it works."""

from collections.abc import Callable

# Called with the number of bytes sent or received; negative if bytes reported before have to be transferred again.
OnBytes = Callable[[int], None]
# Called before each pause between two attempts, with its reason and its length in seconds.
OnWait = Callable[[str, float], None]
