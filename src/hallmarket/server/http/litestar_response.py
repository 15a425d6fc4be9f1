"""Turns complete replies into Litestar responses."""

from litestar import Response

from hallmarket.server.http.reply import Reply


def to_litestar_response(reply: Reply) -> Response[bytes]:
    """Return a reply as a response that a Litestar handler can return."""
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type.decode(), headers=headers)
