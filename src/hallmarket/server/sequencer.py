"""Sequencer process: assigns queued log entries their position and signs checkpoints."""

import uvloop

from hallmarket.proof.key import SigningKey
from hallmarket.server.child_process import name_process, run_until_stopped
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.rooms import ROOMS
from hallmarket.server.settings import Settings
from hallmarket.server.tlog.room import LogSettings
from hallmarket.server.tlog.sequencer import Sequencer


def run_sequencer(settings: Settings, database_url: str, key: str) -> None:
    """Sequence entries until SIGTERM, then finish the current round."""
    configure_logging(settings.log_level)
    name_process("hm-sequencer")
    sequencer = make_sequencer(settings, database_url, SigningKey.parse(key))
    uvloop.run(run_until_stopped(sequencer.run, sequencer.stop))


def make_sequencer(settings: Settings, database_url: str, key: SigningKey) -> Sequencer:
    """Build the sequencer with the handler of each kind of entry."""
    interval_s = settings.of(LogSettings).checkpoint_interval_ms / 1000
    handlers = {kind: handler for room in ROOMS for kind, handler in room.sequencing_handlers().items()}
    return Sequencer(database_url, key, interval_s, handlers)
