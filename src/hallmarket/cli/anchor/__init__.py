"""`hallmarket anchor`: fingerprint files and anchor them in the log."""
