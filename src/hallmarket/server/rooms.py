"""Every room of the server. To add one, write its folder with a `room.py`, and add a line here."""

from collections.abc import Mapping

from hallmarket.server.audit.room import ROOM as AUDIT
from hallmarket.server.blobs.room import ROOM as BLOBS
from hallmarket.server.catalog.room import ROOM as CATALOG
from hallmarket.server.datasets.room import ROOM as DATASETS
from hallmarket.server.files.room import ROOM as FILES
from hallmarket.server.http.room import ROOM as HTTP
from hallmarket.server.idempotency.room import ROOM as IDEMPOTENCY
from hallmarket.server.identity.room import ROOM as IDENTITY
from hallmarket.server.jobs.room import ROOM as JOBS
from hallmarket.server.media.room import ROOM as MEDIA
from hallmarket.server.notifications.room import ROOM as NOTIFICATIONS
from hallmarket.server.operations.room import ROOM as OPERATIONS
from hallmarket.server.payments.room import ROOM as PAYMENTS
from hallmarket.server.posts.room import ROOM as POSTS
from hallmarket.server.previews.room import ROOM as PREVIEWS
from hallmarket.server.purchases.room import ROOM as PURCHASES
from hallmarket.server.query_engine.room import ROOM as QUERY_ENGINE
from hallmarket.server.room import Room, list_scopes
from hallmarket.server.settings import Settings, list_settings, read_settings
from hallmarket.server.tables.room import ROOM as TABLES
from hallmarket.server.teams.room import ROOM as TEAMS
from hallmarket.server.tlog.room import ROOM as TLOG
from hallmarket.server.wallet.room import ROOM as WALLET

# Lower rooms first. The order is that of the documentation: settings, areas and routes.
ROOMS: tuple[Room, ...] = (
    HTTP,
    OPERATIONS,
    IDEMPOTENCY,
    JOBS,
    BLOBS,
    TABLES,
    QUERY_ENGINE,
    TLOG,
    NOTIFICATIONS,
    AUDIT,
    PREVIEWS,
    IDENTITY,
    TEAMS,
    WALLET,
    MEDIA,
    CATALOG,
    DATASETS,
    FILES,
    POSTS,
    PURCHASES,
    PAYMENTS,
)
SETTINGS_GROUPS = tuple(room.settings for room in ROOMS if room.settings is not None)
SCOPES = list_scopes(ROOMS)
SETTINGS = list_settings(SETTINGS_GROUPS)


def load_settings(given: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Read the settings of the server and of every room. Raises Refusal."""
    return read_settings(given, environ, SETTINGS_GROUPS)
