"""URLs of thumbnails."""

from uuid import UUID

THUMBNAIL_PATH = "/v1/public/thumbnails/"


def thumbnail_url(base: str, preview_id: UUID) -> str:
    """Build the URL of a thumbnail at the server or CDN whose URL is `base`."""
    return f"{base}{THUMBNAIL_PATH}{preview_id}"
