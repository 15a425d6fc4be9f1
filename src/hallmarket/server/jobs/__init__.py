"""Background jobs: enqueued in a request's transaction, run by the background process of any server."""
