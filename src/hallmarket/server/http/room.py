"""The HTTP room: the documentation pages."""

from collections.abc import Mapping

from hallmarket.server.room import Area, RateClass, Room


class HttpRoom(Room):
    """The OpenAPI document and the page that shows it."""

    areas = (Area("Documentation", "This document, and the page that shows it.", ("/openapi.json", "/docs")),)
    rate_classes: Mapping[str, RateClass] = {"/docs": "unlimited", "/openapi.json": "unlimited"}


ROOM = HttpRoom()
