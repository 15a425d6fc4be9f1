"""The states of a licence's log entry."""

STATES = {2: "accepted", 3: "anchored", 4: "failed"}
