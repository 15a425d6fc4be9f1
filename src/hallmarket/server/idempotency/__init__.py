"""Idempotency keys: do a request's work once, and replay its first response when the request is repeated."""
