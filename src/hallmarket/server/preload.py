"""Imported once by the fork server, so that the child processes of `hallmarket serve` start with everything loaded.

Importing this module opens no connection, starts no event loop and reads no setting but PROMETHEUS_MULTIPROC_DIR.
"""

import atexit
import gc
import os

import hallmarket.server.background
import hallmarket.server.sequencer
import hallmarket.server.worker  # noqa: F401

# A collection in a child would write to every object and so copy the pages that it shares with its siblings.
gc.collect()
gc.freeze()

# Skip the destruction of modules when the fork server ends: it takes time, and DuckDB reports frozen objects as leaks.
# Forked children do not run exit handlers.
atexit.register(os._exit, 0)
