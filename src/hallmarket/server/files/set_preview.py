"""Show the thumbnail of a file's content as the preview of its asset."""

from hallmarket.server.catalog.update import set_asset_details
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.previews.types import CONTENT_TYPE, Preview, ThumbnailListener
from hallmarket.server.previews.urls import thumbnail_url

sql = load_queries(__package__)


def preview_setter(thumbnails_url: str) -> ThumbnailListener:
    """Return the listener for new thumbnails, which are served under `thumbnails_url`."""

    async def set_preview(tx: Connection, preview: Preview) -> None:
        await tx.execute(sql.lock_file_of_blob, preview.blob_id)
        # A separate statement sees a change of content that was committed while this one waited for the lock.
        file_id = await tx.fetchval(sql.find_file_of_blob, preview.blob_id)
        if file_id is not None:
            image = {
                "type": "image",
                "url": thumbnail_url(thumbnails_url, preview.id),
                "width": preview.width,
                "height": preview.height,
                "mimeType": CONTENT_TYPE,
            }
            await set_asset_details(tx, file_id, preview=[image])

    return set_preview
