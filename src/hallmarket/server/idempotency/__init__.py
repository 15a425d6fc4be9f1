"""First answers: what a request with an `Idempotency-Key` was told, told again when it comes again."""
