"""What the child of `hallmarket serve` runs that gives queued entries their place in the log."""

import uvloop

from hallmarket.proof.entry import DATASET_VERSION, LICENCE, MEDIA
from hallmarket.proof.key import SigningKey
from hallmarket.server.child import name_process, run_until_stopped
from hallmarket.server.datasets.settle import settle_versions
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.media.settle import settle_media
from hallmarket.server.purchases.settle import settle_licences
from hallmarket.server.settings import Settings
from hallmarket.server.tlog.sequencer import Sequencer


def run_sequencer(settings: Settings, database_url: str, key: str) -> None:
    """Sequence until SIGTERM; the round under way is finished first."""
    configure_logging(settings.log_level)
    name_process("hm-sequencer")
    sequencer = make_sequencer(settings, database_url, SigningKey.parse(key))
    uvloop.run(run_until_stopped(sequencer.run, sequencer.stop))


def make_sequencer(settings: Settings, database_url: str, key: SigningKey) -> Sequencer:
    """The sequencer, and what each kind of entry does once it is entered."""
    return Sequencer(
        database_url,
        key,
        settings.checkpoint_interval_ms / 1000,
        {MEDIA: settle_media, DATASET_VERSION: settle_versions, LICENCE: settle_licences},
    )
