"""Ready replies as responses of the framework."""

from litestar import Response

from hallmarket.server.http.reply import Reply


def as_response(reply: Reply) -> Response[bytes]:
    """A reply as the framework's handlers answer with it."""
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type.decode(), headers=headers)
