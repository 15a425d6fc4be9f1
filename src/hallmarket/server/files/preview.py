"""A file's thumbnail, shown as the preview of its asset."""

from hallmarket.server.catalog.update import set_asset_details
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.previews.types import CONTENT_TYPE, Preview, ThumbnailListener
from hallmarket.server.previews.urls import thumbnail_url

sql = load_queries(__package__)


def show_thumbnails(thumbnails: str) -> ThumbnailListener:
    """What is done with a thumbnail that was made of a file's content; it is served at the address `thumbnails`."""

    async def show(tx: Connection, preview: Preview) -> None:
        await tx.execute(sql.lock_file_of_blob, preview.blob_id)
        # A statement of its own: whoever was changing the content has done it by now.
        file_id = await tx.fetchval(sql.find_file_of_blob, preview.blob_id)
        if file_id is not None:
            picture = {
                "type": "image",
                "url": thumbnail_url(thumbnails, preview.id),
                "width": preview.width,
                "height": preview.height,
                "mimeType": CONTENT_TYPE,
            }
            await set_asset_details(tx, file_id, preview=[picture])

    return show
