"""The room of idempotency keys."""

from collections.abc import Sequence

from hallmarket.server.room import MaintenanceTask, Room, Services


class IdempotencyRoom(Room):
    """Responses stored under an Idempotency-Key."""

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Delete stored responses after a day."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.idempotency.store import delete_expired_responses

        return [lambda: delete_expired_responses(services.get(Database))]


ROOM = IdempotencyRoom()
