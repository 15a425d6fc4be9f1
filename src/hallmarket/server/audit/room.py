"""The audit room."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import Area, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class AuditRoom(Room):
    """The audit trail."""

    areas = (
        Area(
            "Audit trail",
            "Who did what to whom, for an organization's administrators.",
            ("/user/audit", "/organizations/{organization_id}/audit"),
        ),
    )
    scopes = ("audit:read",)

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of the audit trail."""
        from hallmarket.server.audit.routes import audit_routes
        from hallmarket.server.database.connections import Database

        return audit_routes(services.get(Database))


ROOM = AuditRoom()
