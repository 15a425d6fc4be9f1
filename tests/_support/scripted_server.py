"""An HTTP server with scripted responses, to test what a client does when a server fails."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def scripted_server(*answers, headers=None):
    """Run a server that sends these responses in turn, then repeats the last; yield its URL and the request bodies.

    A response is (status, headers, body). A status of 0 closes the connection instead, after sending the body if any.
    The headers of every request are added to the list `headers`.
    """
    left, bodies = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            bodies.append(self.rfile.read(int(self.headers.get("content-length") or 0)))
            if headers is not None:
                headers.append(dict(self.headers))
            status, fields, body = left.pop(0) if len(left) > 1 else left[0]
            if not status and not body:
                self.close_connection = True
                return
            self.send_response(status or 200)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body) + (0 if status else 1)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = not status

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()
