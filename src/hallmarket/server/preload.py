"""Imported once by the fork server, so that the child processes of `hallmarket serve` start with everything loaded.

Importing this module opens no connection, starts no event loop and reads no setting but PROMETHEUS_MULTIPROC_DIR.
"""

import atexit
import gc
import os

import hallmarket.server.worker  # noqa: F401
from hallmarket.proof.key import SigningKey
from hallmarket.server.background import make_background
from hallmarket.server.child_process import name_process
from hallmarket.server.main import make_app
from hallmarket.server.rooms import load_settings
from hallmarket.server.sequencer import make_sequencer

name_process("hm-fork-server")

# Rooms import their modules when a process is built, so each kind of process is built once here and discarded.
_settings, _key = load_settings({}, {}), SigningKey.generate("preload")
make_app(_settings, "", b"", _key)
make_background(_settings, "", b"")
make_sequencer(_settings, "", _key)
del _settings, _key

# A collection in a child would write to every object and so copy the pages that it shares with its siblings.
gc.collect()
gc.freeze()

# Skip the destruction of modules when the fork server ends: it takes time, and DuckDB reports frozen objects as leaks.
# Forked children do not run exit handlers.
atexit.register(os._exit, 0)
