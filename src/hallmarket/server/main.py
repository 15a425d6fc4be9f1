"""Wiring of a worker: one call makes its whole application. The only file that knows every room."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from litestar import Litestar

from hallmarket.proof.key import SigningKey
from hallmarket.server.audit.routes import audit_routes
from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.catalog.activity_routes import activity_routes
from hallmarket.server.catalog.content_provider import ContentProviders
from hallmarket.server.catalog.download_routes import download_routes
from hallmarket.server.catalog.graph_routes import graph_routes
from hallmarket.server.catalog.impact_routes import impact_routes
from hallmarket.server.catalog.routes import catalog_routes
from hallmarket.server.catalog.signed_urls import SignedUrls
from hallmarket.server.data_folder import scratch_folder
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.create_from_file import ImportFiles
from hallmarket.server.datasets.embedded_dataset import DatasetEmbedder
from hallmarket.server.datasets.export import Exports
from hallmarket.server.datasets.query_routes import query_routes
from hallmarket.server.datasets.routes import datasets_routes
from hallmarket.server.datasets.version_routes import version_routes
from hallmarket.server.files.embedded_file import FileEmbedder
from hallmarket.server.files.get import FileContentProvider
from hallmarket.server.files.routes import files_routes
from hallmarket.server.http.admission import Admission, Finder, Limits
from hallmarket.server.http.edge import Edge
from hallmarket.server.http.framework import make_framework
from hallmarket.server.http.logging import RequestLog
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.context import choose_context
from hallmarket.server.identity.fast_routes import find_fast_handler
from hallmarket.server.identity.join_routes import join_routes
from hallmarket.server.identity.key_routes import key_routes
from hallmarket.server.identity.member_routes import member_routes
from hallmarket.server.identity.organization_routes import organization_routes
from hallmarket.server.identity.people_routes import people_routes
from hallmarket.server.identity.routes import identity_routes
from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.media.anchor import Anchoring
from hallmarket.server.media.fast_routes import FastPath
from hallmarket.server.media.lookup import Lookup
from hallmarket.server.media.routes import media_routes
from hallmarket.server.media.upload_routes import upload_routes
from hallmarket.server.notifications.routes import notifications_routes
from hallmarket.server.operations import operations_routes
from hallmarket.server.payments.routes import payments_routes
from hallmarket.server.posts.download import PostContentProvider
from hallmarket.server.posts.embedded_assets import AssetEmbedders, PostEmbedder
from hallmarket.server.posts.routes import posts_routes
from hallmarket.server.previews.routes import preview_routes
from hallmarket.server.purchases.licence_routes import licence_routes
from hallmarket.server.purchases.purchase import Purchases
from hallmarket.server.purchases.refund_routes import refund_routes
from hallmarket.server.purchases.routes import purchase_routes
from hallmarket.server.purchases.sales_routes import sales_routes
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import QueryLimits
from hallmarket.server.settings import Settings
from hallmarket.server.tables.store import make_table_store
from hallmarket.server.teams.routes import teams_routes
from hallmarket.server.tlog.routes import log_routes
from hallmarket.server.wallet.routes import wallet_routes

if TYPE_CHECKING:
    from hallmarket.server.payments.remote import Remote

MIB = 1024 * 1024
log = structlog.get_logger()


def make_app(settings: Settings, database_url: str, secret: bytes, key: SigningKey) -> Edge:
    """A worker's application, from the edge inwards."""
    database = Database(database_url, settings.database_connections)
    authenticator = ApiKeyAuthenticator(database, secret)
    anchoring = Anchoring(database, settings.anchor_batch)
    tokens = Tokens(authenticator, secret)
    limits = Limits(settings.rate_limit_key, settings.rate_limit_address, settings.rate_limit_failed)
    admission = Admission(
        limits,
        settings.rate_limit_storage,
        Finder(authenticator.find, authenticator.find_known, authenticator.was_good),
        Finder(tokens.find, tokens.find_known, tokens.was_good),
        choose_context,
    )
    thumbnails = settings.cdn_url
    scratch = scratch_folder(settings.data)
    lookup = Lookup(database, settings.lookup_cache_mib, thumbnails)
    quick = FastPath(anchoring, lookup)
    blobs = BlobStore(database, ObjectStore(settings.blobs, settings.data / "blobs"))
    signed_urls = SignedUrls(authenticator, secret, settings.public_url)
    texts = PostContentProvider(database)
    tables = make_table_store(settings)
    engine = make_query_engine(settings)
    exports = Exports(database, tables, engine)
    providers: ContentProviders = {
        "file": FileContentProvider(database, blobs),
        "dataset": exports,
        "post": texts,
        "comment": texts,
    }
    embedders: AssetEmbedders = {
        "file": FileEmbedder(blobs),
        "dataset": DatasetEmbedder(database, tables),
        "post": PostEmbedder(),
    }
    stripe = make_stripe(settings)
    verifier_key = key.verifier_key

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await database.open()
        tasks = [asyncio.create_task(authenticator.run())]
        if settings.lookup_cache_mib:
            tasks.append(asyncio.create_task(lookup.load()))
        # What start-up made stays; the collector need not walk it again while requests wait.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # one that failed earlier stops no other
            await authenticator.note_uses()
            await engine.close()
            if stripe is not None:
                await stripe.close()
            await anchoring.close()
            await admission.close()
            await database.close()

    routes = [
        *operations_routes(database, verifier_key.name, version("hallmarket")),
        *identity_routes(database, tokens, admission),
        *people_routes(database, authenticator),
        *notifications_routes(database),
        *organization_routes(database, authenticator),
        *member_routes(database, authenticator),
        *join_routes(database, authenticator),
        *key_routes(database, authenticator, secret),
        *audit_routes(database),
        *teams_routes(database),
        *catalog_routes(database),
        *query_routes(database, tables, engine, exports),
        *datasets_routes(database, tables, ImportFiles(blobs, scratch, settings.max_upload_mib * MIB)),
        *version_routes(database, tables),
        *download_routes(database, providers, signed_urls),
        *files_routes(database, blobs, signed_urls, scratch, settings.max_upload_mib * MIB),
        *graph_routes(database),
        *impact_routes(database),
        *activity_routes(database),
        *posts_routes(database, embedders),
        *purchase_routes(Purchases(database, settings.platform_fee_bps)),
        *licence_routes(database),
        *refund_routes(database),
        *sales_routes(database, settings.platform_fee_bps),
        *payments_routes(database, stripe, settings.public_url),
        *media_routes(database, quick, scratch, thumbnails),
        *upload_routes(database, blobs, settings.max_upload_mib * MIB, thumbnails),
        *preview_routes(database, blobs, scratch),
        *wallet_routes(database),
        *log_routes(database, str(verifier_key)),
    ]
    return Edge(
        make_framework(routes, lifespan),
        admission,
        quick.find_ready,
        lambda method, path: quick.find(method, path) or find_fast_handler(method, path),
        RequestLog(sys.stderr.buffer.write) if settings.log_requests else None,
    )


def make_query_engine(settings: Settings) -> QueryEngine:
    """Make the query engine for datasets; its processes start with the first query."""
    return QueryEngine(
        QueryLimits(
            max_queries=settings.query_processes,
            max_exports=settings.query_processes,
            timeout_s=settings.query_timeout_s,
            memory_mib=settings.query_memory_mib,
        )
    )


def make_stripe(settings: Settings) -> "Remote | None":
    """The account at Stripe that card payments go to, if there is one."""
    if not settings.stripe_secret_key:
        return None
    # Imported here, for it brings Stripe's library: most servers have no use for that, and need not have it.
    from hallmarket.server.payments.remote import Remote

    return Remote(settings.stripe_secret_key, settings.stripe_webhook_secret, settings.stripe_api_url)
